"""Answers on tape: a question that was answered before is not asked again.

For measurements, which are long and cost money: one that was stopped goes on where it was, and one that is
over can be gone through again, with the same answers and without anybody to ask.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from kibitz.provider.call import Tally
from kibitz.provider.errors import ConfigError, InvalidResponse
from kibitz.provider.models import Usage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kibitz.provider.call import Call
    from kibitz.provider.wire import Answer, Question

T = TypeVar("T")
NOT_RECORDED = "not_recorded"
"""Code of the error for a question that may not be asked."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a question."""

    answers: tuple[Answer, ...] = ()
    """In the order in which they came. All but the last one could not be used, and that one perhaps not."""
    usage: Usage = field(default_factory=Usage)
    """Of all requests that it took."""
    last: Usage = field(default_factory=Usage)
    """Of the request that brought the last answer."""
    model: str = ""
    failure: tuple[str, str] | None = None
    """Code and message, if what came could not be used."""
    seconds: float = 0.0


class Tape(Protocol):
    """Where answers are kept, by the model that is asked and the question."""

    asks: bool
    """Whether what is not on it may be asked for."""

    def find(self, model: str, question: Question) -> Taken | None:
        """What came of a question; None if it was never asked."""

    def keep(self, model: str, question: Question, taken: Taken) -> None:
        """Something was asked, and this came of it."""


@dataclass(frozen=True, slots=True)
class Taping:
    """One question, asked by way of a tape."""

    tape: Tape
    model: str
    question: Question
    call: Call
    clock: Callable[[], float]

    async def answer(
        self,
        parse: Callable[[Answer], T],
        ask: Callable[[Callable[[Answer], T]], Awaitable[T]],
    ) -> T:
        """The answer as ``parse`` understands it, from the tape or from ``ask``, which gets a ``parse``, too.

        Raises:
            OpenAIError: as ``ask`` would; ``ConfigError`` for what is not on the tape, if nothing is asked.
        """
        taken = self.tape.find(self.model, self.question)
        if taken is not None:
            return self._again(taken, parse)
        if not self.tape.asks:
            raise ConfigError(
                "the recording has no answer to this question; it was asked by another version of kibitz, or "
                "not at all",
                code=NOT_RECORDED,
            )
        return await self._asked(parse, ask)

    async def _asked(
        self, parse: Callable[[Answer], T], ask: Callable[[Callable[[Answer], T]], Awaitable[T]]
    ) -> T:
        heard: list[Answer] = []

        def hear(answer: Answer) -> T:
            heard.append(answer)
            return parse(answer)

        def keep(failure: tuple[str, str] | None = None) -> None:
            seconds = round(self.clock() - begun, 3)
            taken = Taken(tuple(heard), said.usage, said.answer, said.model, failure, seconds)
            self.tape.keep(self.model, self.question, taken)

        # What this question alone takes is to be known.
        whole, begun = self.call.tally, self.clock()
        self.call.tally = said = Tally(model=whole.model)
        try:
            result = await ask(hear)
        except InvalidResponse as error:
            # It was paid for, and would hardly be another one the next time.
            keep((error.code or "", error.message))
            raise
        else:
            keep()
            return result
        finally:
            self.call.tally = whole
            whole.add(said)
            whole.answer = said.answer

    def _again(self, taken: Taken, parse: Callable[[Answer], T]) -> T:
        tally = self.call.tally
        tally.add(Tally(taken.usage, taken.model))
        tally.answer = taken.last
        problem: InvalidResponse | None = None
        for answer in taken.answers:
            try:
                return parse(answer)
            except InvalidResponse as error:
                problem = error
        if taken.failure is not None:
            code, message = taken.failure
            raise InvalidResponse(message, code=code or None)
        raise problem or InvalidResponse("the recording holds no answer", code=NOT_RECORDED)
