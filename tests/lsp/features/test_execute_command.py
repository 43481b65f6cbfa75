from __future__ import annotations

from tests.support.lsp_wire import Json, Wire, settle, until
from tests.support.reviewing import FakeBackend, FakeService

from kibitz.lsp.features.execute_command import COMMANDS

URI = "untitled:a.py"


async def run(wire: Wire, name: str, *arguments: object) -> Json:
    return await wire.request(
        "workspace/executeCommand", {"command": f"kibitz.{name}", "arguments": list(arguments)}
    )


async def test_all_commands_are_announced(wire: Wire) -> None:
    result = await wire.initialize()
    assert result["capabilities"]["executeCommandProvider"]["commands"] == list(COMMANDS)


async def test_analyze_document_tries_again_what_failed() -> None:
    service = FakeService(manual=True)
    wire = Wire(FakeBackend(service))
    await wire.initialize()
    wire.open("bug")
    await until(lambda: len(service.calls) == 1)
    service.calls[0].answer.set_exception(RuntimeError())
    await until(lambda: wire.server.session.busy == 0)
    for number, argument in enumerate([URI, {"uri": URI}, {"textDocument": {"uri": URI}}]):
        assert (await run(wire, "analyzeDocument", argument))["result"] is None
        await until(lambda number=number: len(service.calls) == number + 2)  # type: ignore[misc]  # bound at once
        service.calls[-1].answer.set_exception(RuntimeError())
        await until(lambda: wire.server.session.busy == 0)
    await run(wire, "analyzeDocument")
    await until(lambda: len(service.calls) == 5)
    await wire.close()


async def test_stop_pause_and_resume() -> None:
    service = FakeService(manual=True)
    wire = Wire(FakeBackend(service))
    await wire.initialize()
    wire.open("bug")
    await until(lambda: len(service.calls) == 1)
    await run(wire, "stop", URI)
    await until(lambda: service.calls[0].cancelled)
    await run(wire, "pause")
    wire.change(2, {"text": "bug2"})
    wire.clock.advance(60)
    await settle()
    assert len(service.calls) == 1
    assert "paused" in (await run(wire, "showStatus"))["result"]
    await run(wire, "resume")
    await until(lambda: service.texts == ["bug", "bug2"])
    await run(wire, "stop")
    await until(lambda: service.calls[1].cancelled)
    await wire.close()


async def test_the_status_is_shown_and_answered(wire: Wire) -> None:
    await wire.initialize()
    wire.open("bug")
    await until(lambda: bool(wire.published))
    status = (await run(wire, "showStatus"))["result"]
    assert status == "1 documents, 1 findings, all reviewed.\nfake, 1 requests."
    assert wire.messages == [f"kibitz: {status}"]


async def test_clearing_the_cache_asks_again() -> None:
    service = FakeService()
    wire = Wire(FakeBackend(service))
    await wire.initialize()
    wire.open("bug")
    await until(lambda: len(service.calls) == 1)
    await until(lambda: wire.server.session.busy == 0)
    await run(wire, "clearCache")
    await until(lambda: len(service.calls) == 2)
    assert service.cleared == 1
    await wire.close()
