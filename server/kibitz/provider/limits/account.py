"""What several processes have used together, and who of them may take next. Pure; times are seconds.

Two levels, requests and tokens, rise by what is taken and fall steadily: a minute's limit in a minute. An
asker whose request does not fit is told how long to wait, and has a claim until it comes back: who asked
earlier has the right to what it waits for, so a process with small requests cannot starve one with a big
request. What claims leave over is free for all.

Nothing here trusts the clock further than it must. What is kept is "so much was left then", never "until
then": a clock that goes back opens nothing and makes nobody wait for long.

``team.lua`` says the same for a Redis server; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from kibitz.provider.limits.mirror import MINUTE, SLACK
from kibitz.provider.limits.quota import Limits

GRACE_S = 1.0
"""How much later than told an asker may come back and still have its claim."""
PRESENT_S = 60.0
"""Who asked within this time counts as one of those who share."""
ALMOST = 1e-6
"""A wait computed to the last bit may end that much too early."""


class Asker(NamedTuple):
    """A process, as its last ``take`` left it."""

    seen: float
    since: float
    """When it first asked for what it still waits for."""
    tokens: float
    until: float
    """When its claim ends; in the past if it has none."""


class Answer(NamedTuple):
    """What a ``take`` came to."""

    wait: float
    """0.0: taken. Else seconds until asking again is worthwhile."""
    processes: int
    """How many share, the asker included."""
    requests: float
    """The levels afterwards."""
    tokens: float


_NO_LIMITS = Limits(0.0, 0.0)


@dataclass(slots=True)
class Account:
    """The state of one scope."""

    at: float = 0.0
    """When the levels and the pause were as they are here."""
    requests: float = 0.0
    tokens: float = 0.0
    pause: float = 0.0
    limits: Limits = _NO_LIMITS
    """Of the last one who asked."""
    askers: dict[str, Asker] = field(default_factory=dict)

    def take(self, who: str, tokens: float, limits: Limits, now: float) -> Answer:
        """Take one request and that many tokens for the process ``who``, both or neither."""
        self.limits = limits
        self.advance(now)
        wait = self.pause or self._wait(who, min(tokens, _capacity(limits.tokens_per_minute)))
        if not wait:
            self.requests += 1
            self.tokens += tokens
            self.askers[who] = Asker(now, 0.0, 0.0, 0.0)
        return Answer(wait, len(self.askers), self.requests, self.tokens)

    def settle(self, requests: float, tokens: float, least: float, now: float) -> None:
        """Charge more, or give back if negative; ``least`` tokens are used at the least."""
        self.advance(now)
        self.requests = max(0.0, self.requests + requests)
        self.tokens = max(0.0, self.tokens + tokens, least)

    def stop(self, seconds: float, now: float) -> None:
        """Let nobody take for that long, or for as long as the present pause if that is longer."""
        self.advance(now)
        self.pause = max(self.pause, seconds)

    def advance(self, now: float) -> None:
        """Let the time pass until ``now``."""
        if now < self.at:
            # The clock was set back, or the machine was started anew: what is known of others is moot.
            self.askers.clear()
        passed = max(0.0, now - self.at)
        self.at = now
        self.requests = max(0.0, self.requests - passed * self.limits.requests_per_minute / MINUTE)
        self.tokens = max(0.0, self.tokens - passed * self.limits.tokens_per_minute / MINUTE)
        self.pause = max(0.0, self.pause - passed)
        for who, asker in list(self.askers.items()):
            if max(asker.seen + PRESENT_S, asker.until) < now:
                del self.askers[who]

    def _wait(self, who: str, tokens: float) -> float:
        """Seconds until it and all claims before its own fit; its claim is noted if that is not now."""
        now = self.at
        mine = self.askers.get(who)
        since = mine.since if mine is not None and mine.until > now else now
        before = [
            asker
            for other, asker in self.askers.items()
            if other != who and asker.until > now and (asker.since, other) < (since, who)
        ]
        wait = max(
            _until_fits(self.requests + len(before) + 1, self.limits.requests_per_minute),
            _until_fits(self.tokens + sum(a.tokens for a in before) + tokens, self.limits.tokens_per_minute),
        )
        if wait:
            self.askers[who] = Asker(now, since, tokens, now + wait + GRACE_S)
        return wait


def _capacity(per_minute: float) -> float:
    """What may be saved up: a minute's worth, but for what requests that overtake each other may need."""
    return max(1.0, per_minute - SLACK * per_minute / MINUTE)


def _until_fits(level: float, per_minute: float) -> float:
    excess = level - _capacity(per_minute)
    return excess * MINUTE / per_minute if excess > ALMOST else 0.0
