"""What the engine is doing at this moment, for the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.telemetry.metrics import label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kibitz.provider.status import EngineStatus, LaneStatus
    from kibitz.telemetry.catalogue import Metrics
    from kibitz.telemetry.metrics import Labels

_STATES = {"closed": 0.0, "half open": 1.0, "open": 2.0}


def watch(metrics: Metrics, engine: Callable[[], EngineStatus | None]) -> None:
    """Read the metrics' gauges from the engine, from now on; None: nobody was asked yet."""

    def read(value: Callable[[LaneStatus], float]) -> Callable[[], Iterator[tuple[Labels, float]]]:
        def values() -> Iterator[tuple[Labels, float]]:
            status = engine()
            for target in () if status is None else status.targets:
                for lane in target.lanes:
                    yield (label(target.name), label(lane.key_id)), value(lane)

        return values

    metrics.breakers.read = read(lambda lane: _STATES[lane.breaker.state.value])
    metrics.in_flight.read = read(lambda lane: float(lane.gate.in_flight))
    metrics.queued.read = read(lambda lane: float(lane.gate.queued))
