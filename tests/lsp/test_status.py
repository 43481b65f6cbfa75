"""The status: its states, what it tells to do, and that it is sent when it changes and not more often."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.lsp.test_session import Room
from tests.support.lsp_wire import Json, Wire, settle, until
from tests.support.reviewing import FakeBackend, FakeOutcome, FakeService, marked

from kibitz.lsp.reporter import BUSY_SECONDS, DEGRADED_SECONDS, PAUSE_SECONDS
from kibitz.lsp.reviews import Defaults
from kibitz.lsp.service import Health
from kibitz.lsp.status import NOTIFICATION, State, Status, report, status_of
from kibitz.provider.errors import ConfigError, RateLimitExceeded, Timeout
from kibitz.telemetry.counts import Counts


@dataclass
class Setup:
    starting: bool = False
    trouble: str = ""
    problems: tuple[str, ...] = ()


def told(room: Room, **setup: Any) -> Status:
    return status_of(room.session, Setup(**setup))


async def test_idle_busy_paused_and_off() -> None:
    room = Room(manual=True)
    assert told(room) == Status(State.IDLE, "all reviewed", model="fake")
    room.open("x = bug\n")
    await settle()
    assert told(room) == Status(State.BUSY, "1 review under way", reviews=1, documents=1, model="fake")
    room.service.calls[0].answer.set_result(FakeOutcome(marked("x = bug\n")))
    await settle()
    assert told(room).findings == 1
    room.session.pause()
    assert told(room).state is State.PAUSED
    assert "kibitz.resume" in told(room).action
    room.session.use(Defaults(enabled=False), None)
    assert told(room).state is State.OFF
    assert "enabled" in told(room).action


async def test_without_a_service_it_is_starting_or_off_and_says_why() -> None:
    room = Room()
    room.session.use(Defaults(), None)
    assert told(room, starting=True).state is State.BUSY
    assert told(room, starting=True, trouble="of the last time").message == "kibitz is starting"
    off = told(room, trouble="no API key is set")
    assert (off.state, off.message, off.model) == (State.OFF, "no API key is set", "")
    assert "kibitz.reloadKey" in off.action


async def test_what_works_less_well_is_told_with_what_to_do_until_it_works_again() -> None:
    room = Room(manual=True)
    room.open("x = bug\n")
    await settle()
    room.service.calls[-1].answer.set_result(FakeOutcome(marked("x = bug\n")))
    await settle()
    for error, advice in [
        (Timeout("no answer", after_ms=5), "tries again"),
        (RateLimitExceeded("slow down", retryable=True), "tries again"),
        (RateLimitExceeded("no credit"), "account"),
        (ConfigError("the key is not accepted"), "kibitz.reloadKey"),
    ]:
        room.session.forget_reviews()
        await settle()
        room.service.calls[-1].answer.set_exception(error)
        await settle()
        worse = told(room)
        assert worse.state is State.DEGRADED
        assert error.message in worse.message
        assert advice in worse.action
    room.session.notices.settle()
    assert told(room).message == "all reviewed, but 1 finding could not be re-checked"
    room.session.forget_reviews()
    await settle()
    room.service.calls[-1].answer.set_result(FakeOutcome(marked("x = bug\n")))
    await settle()
    assert told(room).state is State.IDLE
    room.service.condition = Health("spare", "spare is asked in place of first", "wait")
    assert (told(room).state, told(room).action, told(room).model) == (State.DEGRADED, "wait", "spare")
    room.service.condition = Health("fake", "the budget is used up", "raise it", paused=True)
    paused = told(room)
    assert (paused.state, paused.message, paused.action) == (
        State.PAUSED,
        "the budget is used up",
        "raise it",
    )
    assert paused.findings == 1, "what is known stays shown"
    room.service.condition = Health("fake")
    assert told(room, problems=("debounce_ms is too long",)).state is State.DEGRADED


async def test_the_whole_report_tells_of_the_document_in_focus() -> None:
    room = Room(manual=True)
    room.open("x = bug\n")
    await room.pause()
    room.service.calls[-1].answer.set_result(FakeOutcome(marked("x = bug\n")))
    await settle()
    room.session.forget_reviews()
    await settle()
    room.service.calls[-1].answer.set_exception(Timeout("no answer", after_ms=1))
    await settle()
    first, second, third = (await report(room.session, told(room))).splitlines()
    assert first.startswith("1 document, 1 finding (1 not re-checked), all reviewed, but request timeout: ")
    assert second == "untitled:a.py: 1 request, 100 tokens in, 1 out since it was opened."
    assert third == "fake, 2 requests."


def statuses(wire: Wire) -> list[Json]:
    return wire.of(NOTIFICATION)


async def test_it_is_sent_when_it_changes_and_not_more_often(wire: Wire) -> None:
    await wire.initialize()
    assert statuses(wire) == []
    wire.clock.advance(PAUSE_SECONDS)
    assert statuses(wire) == [
        {
            "state": "idle",
            "message": "all reviewed",
            "action": "",
            "reviews": 0,
            "findings": 0,
            "documents": 0,
            "today": None,
            "model": "fake",
        }
    ]
    wire.open("bug")
    await until(lambda: bool(wire.published))
    for version in range(2, 30):
        wire.change(version, {"text": f"bug{version}"})
        wire.notify("textDocument/didSave", {"textDocument": {"uri": "untitled:a.py"}})
        await until(lambda: wire.server.session.busy == 0)
    wire.clock.advance(PAUSE_SECONDS)
    assert len(statuses(wire)) == 2
    assert (statuses(wire)[1]["documents"], statuses(wire)[1]["findings"]) == (1, 1)
    wire.clock.advance(60)
    assert len(statuses(wire)) == 2
    wire.notify("textDocument/didClose", {"textDocument": {"uri": "untitled:a.py"}})
    wire.clock.advance(PAUSE_SECONDS)
    assert statuses(wire)[2]["documents"] == 0


async def test_what_today_cost_is_read_after_requests_only_and_held_up_by_nothing() -> None:
    service = FakeService()
    wire = Wire(FakeBackend(service))
    await wire.initialize()
    service.costs = Counts(3, 200, 0, 20, 0, Decimal("0.0125"))
    wire.open("bug")
    await until(lambda: len(service.calls) == 1 and wire.server.session.busy == 0)
    wire.clock.advance(PAUSE_SECONDS)
    await settle()
    wire.clock.advance(PAUSE_SECONDS)
    assert statuses(wire)[-1]["today"] == {
        "requests": 3,
        "inputTokens": 200,
        "outputTokens": 20,
        "costUsd": 0.0125,
        "unpriced": 0,
    }
    await wire.close()


async def test_a_review_that_never_comes_does_not_leave_it_busy(wire: Wire) -> None:
    await wire.initialize()
    wire.open("x = 1\n")
    await until(lambda: wire.server.session.busy == 0)
    wire.change(2, {"text": "x = 2\n"})
    wire.change(3, {"text": "x = 1\n"})
    wire.server.reporter.touch()
    wire.clock.advance(PAUSE_SECONDS)
    assert statuses(wire)[-1]["state"] == "busy", "the pause in the typing is waited for"
    wire.clock.advance(10)
    await settle()
    wire.clock.advance(BUSY_SECONDS + PAUSE_SECONDS)
    assert statuses(wire)[-1]["state"] == "idle"


async def test_trouble_that_passes_by_itself_is_looked_at_again() -> None:
    service = FakeService()
    service.condition = Health("fake", "fake wants fewer requests")
    wire = Wire(FakeBackend(service))
    await wire.initialize()
    wire.clock.advance(PAUSE_SECONDS)
    assert statuses(wire)[-1]["state"] == "degraded"
    service.condition = Health("fake")
    wire.clock.advance(DEGRADED_SECONDS + PAUSE_SECONDS)
    assert statuses(wire)[-1]["state"] == "idle"
    await wire.close()


async def test_nothing_is_sent_after_shutdown(wire: Wire) -> None:
    await wire.initialize()
    await wire.request("shutdown")
    before = len(wire.received)
    wire.clock.advance(60)
    assert len(wire.received) == before
