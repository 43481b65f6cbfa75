from __future__ import annotations

from tests.support.clock import FakeClock

from kibitz.lsp.lag import AFTER_SECONDS, EVERY_SECONDS, Lag
from kibitz.telemetry.catalogue import Metrics


class Late(FakeClock):
    """A loop that is busy with something else for a while, whenever a timer is due."""

    def __init__(self) -> None:
        super().__init__()
        self.stall = 0.0

    def now(self) -> float:
        return super().now() + self.stall


def test_it_says_how_late_the_loop_is() -> None:
    clock, metrics = Late(), Metrics()
    lag = Lag(clock, metrics.lag)
    lag.touch()
    clock.stall = 0.03
    clock.advance(EVERY_SECONDS)
    (seen,) = metrics.lag.family().distributions.values()
    assert (seen.count, round(seen.sum, 6)) == (1, 0.03)
    lag.stop()


def test_an_idle_server_sleeps() -> None:
    clock, metrics = FakeClock(), Metrics()
    lag = Lag(clock, metrics.lag)
    assert clock.waiting == 0
    lag.touch()
    lag.touch()
    assert clock.waiting == 1
    clock.advance(AFTER_SECONDS + EVERY_SECONDS)
    assert clock.waiting == 0
    (seen,) = metrics.lag.family().distributions.values()
    assert seen.count == AFTER_SECONDS / EVERY_SECONDS
    lag.touch()
    lag.stop()
    assert clock.waiting == 0
