from __future__ import annotations

from kibitz.app.gauges import watch
from kibitz.provider.breaker import BreakerStatus, State
from kibitz.provider.limits.gate import GateStatus
from kibitz.provider.status import EngineStatus, LaneStatus, TargetStatus
from kibitz.telemetry.catalogue import Metrics


def lane(key: str, state: State, *, in_flight: int, queued: int) -> LaneStatus:
    gate = GateStatus(
        requests_per_minute=60,
        tokens_per_minute=1000,
        concurrency=4,
        in_flight=in_flight,
        queued=queued,
        paused_for=0.0,
    )
    return LaneStatus(key, gate, BreakerStatus(state, 0.0, 0, 0))


def test_the_gauges_are_read_from_the_engine() -> None:
    metrics = Metrics()
    lanes = (
        lane("0a1b", State.CLOSED, in_flight=2, queued=5),
        lane("2c3d", State.OPEN, in_flight=0, queued=0),
        lane("4e5f", State.HALF_OPEN, in_flight=1, queued=0),
    )
    status = EngineStatus("gpt at api", (TargetStatus("gpt at api", "", lanes, ()),), ())
    watch(metrics, lambda: status)
    assert metrics.breakers.family().numbers == {
        ("gpt at api", "0a1b"): 0.0,
        ("gpt at api", "2c3d"): 2.0,
        ("gpt at api", "4e5f"): 1.0,
    }
    assert metrics.in_flight.family().numbers["gpt at api", "0a1b"] == 2
    assert metrics.queued.family().numbers["gpt at api", "0a1b"] == 5


def test_before_anybody_is_asked_there_is_nothing() -> None:
    metrics = Metrics()
    watch(metrics, lambda: None)
    assert metrics.breakers.family().numbers == {}
