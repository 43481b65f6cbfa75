"""One process's part of a quota, for as long as the account that it shares with others is out of reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kibitz.provider.limits.account import Account
from kibitz.provider.limits.quota import Limits

if TYPE_CHECKING:
    from kibitz.provider.limits.account import Answer


class Seen(NamedTuple):
    """The shared account when it was last seen."""

    answer: Answer
    at: float


class Unknown(NamedTuple):
    """What the shared account has not heard of."""

    requests: float
    tokens: float
    pause: float


class Share:
    """An N-th of the limits if N processes were last seen, beginning with an N-th of what was used then."""

    def __init__(self, seen: Seen | None, now: float) -> None:
        self._parts = seen.answer.processes if seen else 1
        self._account = _part(seen, self._parts, now)
        # What the shared account knows already, as it fades.
        self._known = _part(seen, self._parts, now)

    def take(self, tokens: float, limits: Limits, now: float) -> float:
        """See ``Account.take``; returns the wait alone."""
        part = Limits(limits.requests_per_minute / self._parts, limits.tokens_per_minute / self._parts)
        self._known.limits = part
        return self._account.take("", tokens, part, now).wait

    def settle(self, requests: float, tokens: float, now: float) -> None:
        """See ``Account.settle``. What the provider counts is for all processes, and no matter here."""
        self._account.settle(requests, tokens, 0.0, now)

    def stop(self, seconds: float, now: float) -> None:
        """See ``Account.stop``."""
        self._account.stop(seconds, now)

    def unknown(self, now: float) -> Unknown:
        """What to tell the shared account when it is back."""
        self._account.advance(now)
        self._known.advance(now)
        return Unknown(
            max(0.0, self._account.requests - self._known.requests),
            max(0.0, self._account.tokens - self._known.tokens),
            self._account.pause,
        )


def _part(seen: Seen | None, parts: int, now: float) -> Account:
    if seen is None:
        return Account(now)
    return Account(seen.at, seen.answer.requests / parts, seen.answer.tokens / parts)
