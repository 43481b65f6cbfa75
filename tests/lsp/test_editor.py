from __future__ import annotations

from typing import Any

from tests.support.lsp_wire import Json, Wire, settle, until
from tests.support.reviewing import FakeBackend, FakeOutcome, FakeService

SHOWS = {"window": {"workDoneProgress": True}}
CREATE = "window/workDoneProgress/create"


async def reviewing(capabilities: Json, *, answer: bool = True) -> tuple[Wire, FakeService]:
    service = FakeService(manual=True)
    wire = Wire(FakeBackend(service))
    if answer:
        wire.answers[CREATE] = lambda _message: None
    await wire.initialize(capabilities)
    wire.open("bug", uri="file:///w/a.py")
    await until(lambda: len(service.calls) == 1)
    wire.clock.advance(1)
    await settle()
    return wire, service


def steps(wire: Wire) -> list[Any]:
    return [params["value"]["kind"] for params in wire.of("$/progress")]


async def test_progress_is_created_begun_and_ended() -> None:
    wire, service = await reviewing(SHOWS)
    await until(lambda: steps(wire) == ["begin"])
    (created,) = wire.of(CREATE)
    begin = wire.of("$/progress")[0]
    assert begin == {
        "token": created["token"],
        "value": {"kind": "begin", "title": "Reviewing a.py", "cancellable": True},
    }
    service.calls[0].answer.set_result(FakeOutcome())
    await until(lambda: steps(wire) == ["begin", "end"])
    assert wire.server.editor._progress == {}
    await wire.close()


async def test_cancelling_progress_stops_its_review() -> None:
    wire, service = await reviewing(SHOWS)
    await until(lambda: steps(wire) == ["begin"])
    wire.notify("window/workDoneProgress/cancel", {"token": "another"})
    await settle()
    assert not service.calls[0].cancelled
    wire.notify("window/workDoneProgress/cancel", {"token": wire.of(CREATE)[0]["token"]})
    await until(lambda: service.calls[0].cancelled and steps(wire) == ["begin", "end"])
    await wire.close()


async def test_what_is_over_before_the_editor_agrees_is_not_begun() -> None:
    wire, service = await reviewing(SHOWS, answer=False)
    service.calls[0].answer.set_result(FakeOutcome())
    await until(lambda: wire.server.session.busy == 0)
    request = next(m for m in wire.received if m.get("method") == CREATE)
    wire.send({"jsonrpc": "2.0", "id": request["id"], "result": None})
    await settle()
    assert steps(wire) == []
    await wire.close()


async def test_an_editor_that_refuses_is_not_shown_any() -> None:
    wire, service = await reviewing(SHOWS, answer=False)
    request = next(m for m in wire.received if m.get("method") == CREATE)
    wire.send({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -1, "message": "no"}})
    await settle()
    service.calls[0].answer.set_result(FakeOutcome())
    await until(lambda: wire.server.session.busy == 0)
    assert steps(wire) == []
    await wire.close()


async def test_editors_that_cannot_show_progress_are_not_asked() -> None:
    wire, _ = await reviewing({})
    assert wire.of(CREATE) == []
    await wire.close()
