from __future__ import annotations

from typing import Any

import pytest
from tests.support.lsp_wire import Json, Wire, settle, until
from tests.support.reviewing import FakeBackend, FakeOutcome, FakeService

from kibitz.lsp import editor
from kibitz.provider.keys.consent import ConsentNeeded

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
        "value": {"kind": "begin", "title": "Reviewing a.py", "cancellable": True, "percentage": 0},
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


ASK = "window/showMessageRequest"
NEEDED = ConsentNeeded("https://models.example:443", "file /x/key")


async def asking(service: FakeService) -> Wire:
    wire = Wire(FakeBackend(service))
    await wire.initialize()
    wire.open("bug")
    await until(lambda: len(service.calls) == 1)
    service.calls[0].answer.set_exception(NEEDED)
    await until(lambda: bool(wire.of(ASK)))
    return wire


async def test_a_question_has_two_answers_and_holds_nothing_up() -> None:
    service = FakeService(manual=True)
    wire = await asking(service)
    (question,) = wire.of(ASK)
    assert [action["title"] for action in question["actions"]] == ["Allow", "Not now"]
    assert question["type"] == 2
    wire.change(2, {"text": "bug2"})
    wire.notify("textDocument/didSave", {"textDocument": {"uri": "untitled:a.py"}})
    await until(lambda: len(service.calls) == 2)
    service.calls[1].answer.set_result(FakeOutcome())
    assert (await wire.request("workspace/executeCommand", {"command": "kibitz.showStatus"}))["result"]
    (asked,) = [m for m in wire.received if m.get("method") == ASK]
    wire.send({"jsonrpc": "2.0", "id": asked["id"], "result": {"title": "Allow"}})
    await until(lambda: bool(service.allowed))
    assert service.allowed == [("https://models.example:443", "file /x/key")]
    await wire.close()


@pytest.mark.parametrize(
    "answer",
    [
        {"result": None},
        {"result": {"title": "Not now"}},
        {"error": {"code": -32601, "message": "no such method"}},
        {"result": "Allow"},
        {"result": {"title": 7}},
    ],
)
async def test_whatever_else_an_editor_answers_is_no_consent(answer: Json) -> None:
    service = FakeService(manual=True)
    wire = await asking(service)
    (asked,) = [m for m in wire.received if m.get("method") == ASK]
    wire.send({"jsonrpc": "2.0", "id": asked["id"], **answer})
    await until(lambda: bool(wire.messages))
    (told,) = wire.messages
    assert "kibitz key allow https://models.example:443" in told
    assert service.allowed == []
    await wire.close()


async def test_an_editor_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editor, "USER_SECONDS", 0.01)
    service = FakeService(manual=True)
    wire = await asking(service)
    await until(lambda: bool(wire.messages))
    assert "kibitz key allow" in wire.messages[0]
    assert wire.server.protocol._request_futures == {}
    await wire.close()


async def test_leaving_while_a_question_is_open_takes_no_time() -> None:
    wire = await asking(FakeService(manual=True))
    assert (await wire.request("shutdown"))["result"] is None
    await wire.close()
    await settle()
    assert wire.messages == []
