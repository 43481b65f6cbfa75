"""What all questions of one call share, and what they used together."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from kibitz.provider.limits.priority import Urgency
from kibitz.provider.models import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Tally:
    """What the requests of one call used together, failed ones included."""

    usage: Usage = field(default_factory=Usage)
    model: str = ""
    request_id: str | None = None
    """Of the last answer."""
    answer: Usage = field(default_factory=Usage)
    """What the last answer took by itself."""

    def add(self, other: Tally) -> None:
        """Count in what a part of the call took."""
        self.usage += other.usage
        self.model = other.model or self.model
        self.request_id = other.request_id or self.request_id


@dataclass(slots=True)
class Call:
    """One call of the client's."""

    tally: Tally = field(default_factory=Tally)
    urgency: Urgency = field(default_factory=Urgency)
    verify: bool = False
    """Whether findings are checked by a second question."""
    redactions: int = 0
    """Places in the question that were replaced because they look like secrets."""
    dropped: int = 0
    """Items of its answer that were not what was asked for."""

    @contextmanager
    def question(self) -> Iterator[Call]:
        """One question of the call, with a tally of its own that is added to this one's at the end."""
        one = Call(urgency=self.urgency, verify=self.verify)
        try:
            yield one
        finally:
            self.tally.add(one.tally)


class Listener(Protocol):
    """Hears an answer while it is written."""

    @property
    def shown(self) -> bool:
        """Whether something of it was shown already: then it is not asked for again."""

    @property
    def heard(self) -> int:
        """Tokens of the answer so far, by estimate."""

    def begin(self) -> None:
        """A new answer begins; what was heard of an earlier one does not count."""

    async def text(self, delta: str) -> None:
        """More of the answer's text; reading goes on when this returns."""
