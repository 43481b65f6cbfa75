"""A reviewer for state machines: it knows what is wrong in any text, and says it bit by bit when told to."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.reviewing import FakeOutcome, FakeService
from tests.support.texts import naive_lines

from kibitz.findings.finding import Confidence, Finding, Fix, Severity
from kibitz.lsp.rendering import identity
from kibitz.provider.errors import Timeout
from kibitz.review.result import Dismissed
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kibitz.lsp.service import Assignment, Outcome
    from kibitz.provider.limits.priority import Urgency

HALF_TYPED = "((("
"""A part with this does not parse."""
DISMISSED = "KB103"
_BUG = re.compile(r"bug([123])")
_PART_LINES = 3


def complaints(text: str) -> list[Finding]:
    """A finding for each line with a ``bug1``, ``bug2`` (with the line below) or ``bug3`` (dismissed)."""
    return list(_complaints(text))


def _complaints(text: str) -> Iterator[Finding]:
    lines = naive_lines(text)
    for number, (start, stop, _) in enumerate(lines):
        bug, end = _BUG.search(text, start, stop), stop
        if bug is None:
            continue
        if bug[1] == "2" and number + 1 < len(lines):
            below = lines[number + 1]
            end = below[1] if text[below[0] : below[1]].strip() else end
        line = text[start:end]
        span = Span(start + len(line) - len(line.lstrip(" \t\f")), end)
        quote = span.of(text)
        yield Finding(
            rule=f"KB10{bug[1]}",
            severity=Severity.WARNING,
            confidence=Confidence.CERTAIN,
            title=f"{bug[0]} is wrong",
            trigger="any input gives nothing",
            span=span,
            quote=quote,
            fix=Fix(span, quote, "fine") if bug[1] == "1" else None,
        )


def parts(text: str) -> list[Span]:
    """What is asked about one by one: the text in pieces of three lines."""
    lines = naive_lines(text)
    groups = [lines[at : at + _PART_LINES] for at in range(0, len(lines), _PART_LINES)]
    return [Span(group[0][0], group[-1][2]) for group in groups]


@dataclass(eq=False)
class Question:
    """A review that waits for what the test has it answer."""

    assignment: Assignment
    on_progress: Callable[[Outcome], None]
    oracle: Oracle
    answer: asyncio.Future[Outcome]
    known: set[Span] = field(default_factory=set)

    @property
    def text(self) -> str:
        return self.assignment.text

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be answered."""
        return self.known.issuperset(parts(self.text))

    def more(self, number: int) -> None:
        """One more part is answered."""
        open_ones = [part for part in self._askable() if part not in self.known]
        if open_ones:
            self.known.add(open_ones[number % len(open_ones)])
            self.on_progress(self._outcome())

    def whole(self) -> None:
        """All is answered that can be."""
        self.known.update(self._askable())
        self._end(self._outcome())

    def broken_off(self) -> None:
        """Only what is known by now is answered, and the rest failed."""
        if self.known.issuperset(self._askable()):
            self.whole()
        else:
            self._end(self._outcome(errors=[Timeout("no answer in time", after_ms=1000)]))

    def wrong(self, start: int, length: int) -> None:
        """All is answered, and something about text that is not there."""
        span = Span(start, start + length)
        lie = Finding(
            "KB104", Severity.ERROR, Confidence.CERTAIN, "not there", "never", span, "~not in any text~"
        )
        self.known.update(self._askable())
        self._end(self._outcome(also=[lie]))

    def fails(self) -> None:
        """Nothing is answered."""
        if self.assignment.ask:
            self.known.clear()
            self._settle(lambda: self.answer.set_exception(Timeout("no answer in time", after_ms=1000)))
        else:
            self.whole()

    def _askable(self) -> list[Span]:
        every = parts(self.text)
        if not self.assignment.ask:
            return [part for part in every if part.of(self.text) in self.oracle.answered]
        return [part for part in every if not self._waits(part)]

    def _waits(self, part: Span) -> bool:
        typed = any(part.start <= span.end and span.start <= part.end for span in self.assignment.edited)
        return typed and HALF_TYPED in part.of(self.text)

    def _outcome(self, errors: Sequence[Timeout] = (), also: Sequence[Finding] = ()) -> FakeOutcome:
        silent = [part for part in parts(self.text) if part not in self.known]
        found = [
            each for each in complaints(self.text) if not any(part.overlaps(each.span) for part in silent)
        ]
        for each in found:
            self.oracle.quotes[identity(each)] = each.quote
        return FakeOutcome(
            findings=[*(each for each in found if each.rule != DISMISSED), *also],
            unreviewed=silent,
            errors=errors,
            requests=int(self.assignment.ask),
            dismissed=[Dismissed(each, "it is fine") for each in found if each.rule == DISMISSED],
        )

    def _end(self, outcome: FakeOutcome) -> None:
        self.oracle.answered.update(part.of(self.text) for part in self.known)
        self._settle(lambda: self.answer.set_result(outcome))

    def _settle(self, how: Callable[[], None]) -> None:
        self.oracle.questions.remove(self)
        if not self.answer.done():
            how()


class Oracle(FakeService):
    """Asks the test."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[Question] = []
        self.answered: set[str] = set()
        """The texts of all parts that were ever answered."""
        self.quotes: dict[str, str] = {}
        """What each finding quotes that was ever told."""

    async def review(
        self, assignment: Assignment, urgency: Urgency, on_progress: Callable[[Outcome], None]
    ) -> Outcome:
        del urgency
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        question = Question(assignment, on_progress, self, answer)
        self.questions.append(question)
        try:
            return await answer
        finally:
            if question in self.questions:
                self.questions.remove(question)
