"""How long a pause in the typing has to be before a review begins: it adapts to user and provider. Pure.

A pause that is short for one who types slowly is long for a fast one, and where an answer takes half a minute
it does not pay to ask for each version of a line. Both are learnt as moving averages.
"""

from __future__ import annotations

from dataclasses import dataclass

_GAP_SECONDS = 0.2
"""What a gap between two edits is until it is known: 60 words a minute."""
_LATENCY_SECONDS = 2.0
"""What an answer takes until it is known."""
_BREAK_SECONDS = 1.0
"""A longer gap is no typing, but thinking."""
_WEIGHT = 0.2
"""Of the newest in an average."""
_GAPS = 3.0
"""So many usual gaps without an edit are a pause."""
_SHARE = 0.25
"""This part of what an answer takes may be waited before it is asked for."""


@dataclass(slots=True)
class Pacing:
    """The rhythm of one user with one provider. Times are in seconds."""

    gap: float = _GAP_SECONDS
    """The usual one between two edits."""
    latency: float = _LATENCY_SECONDS
    """How long the provider usually takes."""
    _last: float | None = None

    def typed(self, now: float) -> None:
        """An edit came at ``now``."""
        if self._last is not None and 0 < now - self._last < _BREAK_SECONDS:
            self.gap += _WEIGHT * (now - self._last - self.gap)
        self._last = now

    def answered(self, seconds: float) -> None:
        """The provider took so long to answer."""
        self.latency += _WEIGHT * (max(seconds, 0.0) - self.latency)

    def pause(self, shortest: float, longest: float) -> float:
        """How long to wait after an edit, between the two bounds; always ``shortest`` if it is not less."""
        wanted = max(_GAPS * self.gap, _SHARE * self.latency)
        return max(shortest, min(wanted, longest))
