import asyncio
from collections.abc import Callable

import pytest

from kibitz.cache.flight import Flight, SingleFlight


class Work:
    """A piece of work that goes on when told, and counts how often it was started and cancelled."""

    def __init__(self) -> None:
        self.started = self.cancelled = 0
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, flight: Flight[str, str]) -> None:
        self.started += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        for key in flight.keys:
            flight.land(key, key.upper())


def passenger() -> tuple[asyncio.Event, Callable[[], None]]:
    event = asyncio.Event()
    return event, event.set


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_all_keys_of_a_flight_are_shared_and_forgotten_when_done() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work()
    flight = flights.launch(["a", "b"], "soon", work)
    assert flights.find("a") is flights.find("b") is flight
    assert flights.find("c") is None
    assert flight.urgency == "soon"
    (one, wake_one), (two, wake_two) = passenger(), passenger()
    flight.board(wake_one)
    flight.board(wake_two)
    work.go.set()
    await one.wait()
    await two.wait()
    await settle()
    assert flight.landed == {"a": "A", "b": "B"}
    assert flight.done
    assert flight.error is None
    assert flights.find("a") is None
    flight.leave(wake_one)
    assert work.started == 1


async def test_only_the_last_to_leave_cancels() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work()
    flight = flights.launch(["a"], "soon", work)
    wakes = [passenger()[1] for _ in range(50)]
    for wake in wakes:
        flight.board(wake)
    await settle()
    for wake in wakes[:-1]:
        flight.leave(wake)
    await settle()
    assert work.cancelled == 0
    flight.leave(wakes[-1])
    assert flights.find("a") is None, "nobody may board a flight that is going down"
    again = flights.launch(["a"], "soon", work)
    await settle()
    assert work.cancelled == 1
    assert flights.find("a") is again, "the old flight's end must not take the new one with it"
    await flights.aclose()


async def test_a_failure_is_shared_and_not_kept() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work()
    work.error = ValueError("broken")
    flight = flights.launch(["a"], "soon", work)
    events = [passenger() for _ in range(5)]
    for _, wake in events:
        flight.board(wake)
    work.go.set()
    await asyncio.gather(*(event.wait() for event, _ in events))
    assert flight.error is work.error
    assert flights.find("a") is None


async def test_what_landed_before_a_failure_stays() -> None:
    flights: SingleFlight[str, str] = SingleFlight()

    async def half(flight: Flight[str, str]) -> None:
        flight.land("a", "A")
        await asyncio.sleep(0)
        raise ValueError("broken")

    flight = flights.launch(["a", "b"], "soon", half)
    landed: list[dict[str, str]] = []
    done = asyncio.Event()

    def wake() -> None:
        landed.append(dict(flight.landed))
        if flight.done:
            done.set()

    flight.board(wake)
    await done.wait()
    assert landed == [{"a": "A"}, {"a": "A"}]
    assert isinstance(flight.error, ValueError)


async def test_closing_cancels_and_waits() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work()
    flight = flights.launch(["a"], "soon", work)
    event, wake = passenger()
    flight.board(wake)
    await settle()
    await flights.aclose()
    assert work.cancelled == 1
    assert flight.done
    assert isinstance(flight.error, asyncio.CancelledError)
    assert event.is_set()


async def test_a_flight_cancelled_before_it_began_never_works() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work()
    flight = flights.launch(["a"], "soon", work)
    _, wake = passenger()
    flight.board(wake)
    flight.leave(wake)
    await settle()
    assert work.started == 0
    with pytest.raises(ValueError, match="not in list"):
        flight.leave(wake)
