"""A tape that is a file: a line of JSON for each question that was answered, written as soon as it is."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kibitz.evaluation.lines import Lines, LinesError
from kibitz.evaluation.reviewed import Spent
from kibitz.findings.dialogue import Token
from kibitz.provider.taping import Taken
from kibitz.provider.usage import Usage
from kibitz.provider.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kibitz.provider.wire import Question

_LATER = frozenset({"raw", "stop"})
"""What questions did not have at first: left out where they say nothing, so that older recordings answer."""
_watched: ContextVar[list[float] | None] = ContextVar("watched", default=None)
"""Seconds of the questions of one review. A review's requests are tasks of their own, which share it."""


class Recording:
    """See the module. Belongs to one event loop; a write takes well under a millisecond."""

    def __init__(self, path: Path, *, asks: bool) -> None:
        """Read what is there. Raises ``LinesError``."""
        self.asks = asks
        self.paid = Usage()
        """What all answers on it took, each once, wherever they were asked for."""
        self.fresh = 0
        """How many were asked for since it was opened."""
        self._lines = Lines(path)
        self.taken: dict[str, Taken] = {}
        """By a hash of model and question."""
        self._lent: dict[str, Taken] = {}
        for number, value in self._lines.read():
            try:
                key, taken = str(value["question"]), _taken(value)
            except (AttributeError, KeyError, TypeError, ValueError, ValidationError) as error:
                raise LinesError(f"{path}: line {number} is no answer") from error
            self.taken[key] = taken
            self.paid += taken.usage

    def __len__(self) -> int:
        return len(self.taken)

    def borrow(self, other: Recording) -> None:
        """Take what was answered there, where the same question is asked here. It is kept here, too."""
        self._lent |= other.taken

    def find(self, model: str, question: Question) -> Taken | None:
        """See ``Tape``."""
        key = _key(model, question)
        taken = self.taken.get(key)
        if taken is None and (taken := self._lent.get(key)) is not None:
            self._add(key, question, taken)
        if taken is not None:
            _watch(taken.seconds)
        return taken

    def keep(self, model: str, question: Question, taken: Taken) -> None:
        """See ``Tape``."""
        self._add(_key(model, question), question, taken)
        self.fresh += 1
        _watch(taken.seconds)

    def _add(self, key: str, question: Question, taken: Taken) -> None:
        self._lines.add({"question": key, "purpose": question.purpose, **_value(taken)})
        self.taken[key] = taken
        self.paid += taken.usage


@contextmanager
def watching() -> Iterator[list[float]]:
    """The seconds of each question that is answered inside the block, by what it starts too."""
    seconds: list[float] = []
    token = _watched.set(seconds)
    try:
        yield seconds
    finally:
        _watched.reset(token)


def _watch(seconds: float) -> None:
    if (watched := _watched.get()) is not None:
        watched.append(seconds)


def _key(model: str, question: Question) -> str:
    fields = {name: value for name, value in asdict(question).items() if value or name not in _LATER}
    parts = [model, fields]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _value(taken: Taken) -> dict[str, Any]:
    return {
        "answers": [
            {
                "text": answer.text,
                "model": answer.model,
                "instead": answer.instead,
                "tokens": [_listed(token) for token in answer.tokens],
            }
            for answer in taken.answers
        ],
        "usage": Spent.of(taken.usage).model_dump(mode="json", exclude_defaults=True),
        "last": Spent.of(taken.last).model_dump(mode="json", exclude_defaults=True),
        "model": taken.model,
        "failure": taken.failure,
        "seconds": taken.seconds,
    }


def _taken(value: Any) -> Taken:
    failure = value["failure"]
    return Taken(
        tuple(
            Answer(
                str(answer["text"]),
                model=answer["model"],
                instead=str(answer["instead"]),
                tokens=tuple(_token(*parts) for parts in answer["tokens"]),
            )
            for answer in value["answers"]
        ),
        Spent.model_validate(value["usage"]).usage(),
        Spent.model_validate(value["last"]).usage(),
        str(value["model"]),
        None if failure is None else (str(failure[0]), str(failure[1])),
        float(value["seconds"]),
    )


def _listed(token: Token) -> list[Any]:
    others = [_listed(other) for other in token.others]
    return [token.text.hex(), token.logprob, *([others] if others else [])]


def _token(text: str, logprob: float, others: Sequence[tuple[str, float]] = ()) -> Token:
    return Token(bytes.fromhex(text), float(logprob), tuple(_token(*other) for other in others))
