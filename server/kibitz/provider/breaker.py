"""Leaves what fails most of the time alone for a while, then lets exactly one request look.

Closed: everything goes through, and the outcomes of the last two minutes are kept. When at least ten of them
are there and half of them failed, it opens: nothing goes through for 15 s (doubling each time a look fails,
60 s at most, and 20 % shorter or longer, so that many windows do not come back together). Then it is half
open: one request may look. Its success closes the breaker, its failure opens it again.

Only failures that say something about the other side count; a request that it rightly refused does not.
"""

from __future__ import annotations

import random
import time
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_WINDOW_SECONDS = 120.0
_MOST_KEPT = 50
_ENOUGH = 10
_SHARE = 0.5
_FIRST_REST, _LONGEST_REST = 15.0, 60.0
_SPREAD = 0.2


class State(StrEnum):
    """What a breaker lets through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


@dataclass(frozen=True, slots=True)
class BreakerStatus:
    """A breaker at one moment."""

    state: State
    probe_in: float
    """Seconds until one request may look; 0 unless it is open."""
    failures: int
    """Of the outcomes that are kept."""
    outcomes: int


class Pass:
    """Leave to send one request; says how it went, once. Saying nothing more afterwards is fine."""

    __slots__ = ("_breaker", "_generation", "_is_probe", "_open")

    def __init__(self, breaker: Breaker, generation: int, *, is_probe: bool) -> None:
        self._breaker = breaker
        self._generation = generation
        self._is_probe = is_probe
        self._open = True

    def succeeded(self) -> None:
        """The other side works, whatever it answered."""
        self._tell(failed=False)

    def failed(self) -> None:
        """The other side does not work."""
        self._tell(failed=True)

    def given_up(self) -> None:
        """Nobody knows: it was cancelled. The next one may look in its place."""
        self._tell(failed=None)

    def _tell(self, *, failed: bool | None) -> None:
        if self._open:
            self._open = False
            self._breaker.ended(self._generation, failed=failed, is_probe=self._is_probe)


class Breaker:
    """See the module. Confined to one event loop; ``clock`` is in seconds and never goes back."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
        on_change: Callable[[State], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._uniform = uniform
        self._on_change = on_change
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=_MOST_KEPT)
        self._open_until: float | None = None
        self._rest = _FIRST_REST
        self._probing = False
        # What was sent before the state changed says nothing about the time after it.
        self._generation = 0

    @property
    def state(self) -> State:
        """What it lets through now."""
        if self._open_until is None:
            return State.CLOSED
        return State.OPEN if self._clock() < self._open_until else State.HALF_OPEN

    @property
    def admits(self) -> bool:
        """Whether ``enter`` would give a pass now."""
        state = self.state
        return state is State.CLOSED or (state is State.HALF_OPEN and not self._probing)

    @property
    def probe_in(self) -> float:
        """Seconds until one request may look; 0 unless it is open."""
        return 0.0 if self._open_until is None else max(self._open_until - self._clock(), 0.0)

    def enter(self) -> Pass | None:
        """A pass for one request, or None: not now."""
        if not self.admits:
            return None
        is_probe = self.state is State.HALF_OPEN
        self._probing = self._probing or is_probe
        return Pass(self, self._generation, is_probe=is_probe)

    def status(self) -> BreakerStatus:
        """For people."""
        self._forget_old()
        failures = sum(failed for _, failed in self._outcomes)
        return BreakerStatus(self.state, self.probe_in, failures, len(self._outcomes))

    def ended(self, generation: int, *, failed: bool | None, is_probe: bool) -> None:
        """Take in how a request went; ``Pass`` calls it."""
        if generation != self._generation:
            return
        if is_probe:
            self._probing = False
        if failed is None:
            return
        if is_probe:
            self._after_probe(failed=failed)
            return
        self._outcomes.append((self._clock(), failed))
        if failed and self._mostly_failed():
            self._open()

    def _mostly_failed(self) -> bool:
        self._forget_old()
        failures = sum(bad for _, bad in self._outcomes)
        return len(self._outcomes) >= _ENOUGH and failures >= _SHARE * len(self._outcomes)

    def _after_probe(self, *, failed: bool) -> None:
        if failed:
            self._rest = min(self._rest * 2, _LONGEST_REST)
            self._open()
            return
        self._outcomes.clear()
        self._open_until = None
        self._rest = _FIRST_REST
        self._generation += 1
        self._on_change(State.CLOSED)

    def _open(self) -> None:
        rest = self._rest * self._uniform(1 - _SPREAD, 1 + _SPREAD)
        self._open_until = self._clock() + rest
        self._generation += 1
        self._on_change(State.OPEN)

    def _forget_old(self) -> None:
        oldest = self._clock() - _WINDOW_SECONDS
        while self._outcomes and self._outcomes[0][0] < oldest:
            self._outcomes.popleft()
