from __future__ import annotations

import errno

import pytest
from tests.support.lsp_wire import Json, Wire
from tests.support.reviewing import FakeBackend, FakeService

SHOWS = {"window": {"showDocument": {"support": True}}}
SAID = "the usage report is in /state/usage.html"


async def report(wire: Wire, *arguments: object) -> Json:
    params = {"command": "kibitz.usageReport", "arguments": list(arguments)}
    return await wire.request("workspace/executeCommand", params)


@pytest.mark.parametrize("success", [True, False, None])
async def test_the_editor_opens_it_if_it_can(*, success: bool | None) -> None:
    backend = FakeBackend(FakeService())
    wire = Wire(backend)
    wire.answers["window/showDocument"] = lambda _: None if success is None else {"success": success}
    await wire.initialize(SHOWS)
    answer = (await report(wire))["result"]
    assert answer == {"path": "/state/usage.html", "uri": "file:///state/usage.html", "text": SAID}
    assert wire.of("window/showDocument") == [{"uri": "file:///state/usage.html", "external": True}]
    assert wire.messages == ([] if success else [f"kibitz: {SAID}"])
    assert backend.pages == [30]
    await wire.close()


async def test_an_editor_that_cannot_is_told_where_it_is() -> None:
    wire = Wire(FakeBackend(FakeService()))
    await wire.initialize()
    assert (await report(wire, None))["result"]["text"] == SAID
    assert wire.of("window/showDocument") == []
    assert wire.messages == [f"kibitz: {SAID}"]
    await wire.close()


async def test_who_shows_it_without_our_help_is_told_nothing() -> None:
    backend = FakeBackend(FakeService())
    wire = Wire(backend)
    await wire.initialize(SHOWS)
    assert (await report(wire, {"days": 400, "show": False}))["result"]["path"] == "/state/usage.html"
    assert (wire.of("window/showDocument"), wire.messages) == ([], [])
    assert backend.pages == [400]
    await wire.close()


@pytest.mark.parametrize(
    "argument", [7, "30", [], {"days": 0}, {"days": 401}, {"days": True}, {"days": "30"}, {"show": 1}]
)
async def test_what_cannot_be_meant_is_refused(argument: object) -> None:
    backend = FakeBackend(FakeService())
    wire = Wire(backend)
    await wire.initialize()
    error = (await report(wire, argument))["error"]
    assert (error["code"], backend.pages) == (-32602, [])
    assert '{"days": 30, "show": true}, with 1 to 400 days' in error["message"]
    await wire.close()


async def test_that_it_cannot_be_written_is_said() -> None:
    backend = FakeBackend(FakeService())
    backend.pages = OSError(errno.ENOSPC, "No space left on device")
    wire = Wire(backend)
    await wire.initialize(SHOWS)
    said = "the usage report could not be written: No space left on device"
    assert (await report(wire))["result"] == {"path": None, "uri": None, "text": said}
    assert wire.messages == [f"kibitz: {said}"]
    await wire.close()
