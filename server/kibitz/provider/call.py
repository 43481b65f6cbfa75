"""What all questions of one call share, and what they used together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from kibitz.provider.limits.priority import Urgency
from kibitz.provider.models import Usage


@dataclass(slots=True)
class Tally:
    """What the requests of one call used together, failed ones included."""

    usage: Usage = field(default_factory=Usage)
    model: str = ""
    request_id: str | None = None
    """Of the last answer."""


@dataclass(slots=True)
class Call:
    """One call of the client's."""

    tally: Tally = field(default_factory=Tally)
    urgency: Urgency = field(default_factory=Urgency)
    verify: bool = False
    """Whether findings are checked by a second question."""


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
