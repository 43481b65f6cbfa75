from __future__ import annotations

from tests.support.lsp_wire import Json, Wire, settle, until
from tests.support.reviewing import FakeBackend, FakeService

from kibitz.lsp.commands import COMMANDS
from kibitz.lsp.reviews import Defaults
from kibitz.provider.errors import ConfigError

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
    assert (await run(wire, "status"))["result"]["state"] == "paused"
    await run(wire, "resume")
    await until(lambda: service.texts == ["bug", "bug2"])
    await run(wire, "stop")
    await until(lambda: service.calls[1].cancelled)
    await wire.close()


async def test_the_status_is_shown_and_answered(wire: Wire) -> None:
    await wire.initialize()
    wire.open("bug")
    await until(lambda: bool(wire.published))
    told = (await run(wire, "showStatus"))["result"]
    assert told["text"] == "1 document, 1 finding, all reviewed.\nfake, 1 requests."
    assert wire.messages == [f"kibitz: {told.pop('text')}"]
    assert (await run(wire, "status"))["result"] == told
    assert len(wire.messages) == 1


async def test_clearing_the_cache_asks_again() -> None:
    service = FakeService()
    wire = Wire(FakeBackend(service))
    await wire.initialize()
    wire.open("bug")
    await until(lambda: len(service.calls) == 1)
    await until(lambda: wire.server.session.busy == 0)
    said = (await run(wire, "clearCache"))["result"]
    assert said == "kept answers are forgotten, so what is open is asked again; some stay"
    assert wire.messages == [f"kibitz: {said}"]
    await until(lambda: len(service.calls) == 2)
    assert service.cleared == 1
    await wire.close()


async def test_raising_the_budget_goes_on_and_says_so() -> None:
    service = FakeService()
    wire = Wire(FakeBackend(service))
    await wire.initialize()
    assert (await run(wire, "raiseBudget"))["result"] == "more may be spent"
    assert wire.messages == ["kibitz: more may be spent"]
    assert service.raised == 1
    await wire.close()
    wire = Wire(FakeBackend(ConfigError("no key")))
    await wire.initialize()
    assert (await run(wire, "raiseBudget"))["result"].startswith("nothing was changed")
    await wire.close()


async def test_clearing_says_so_if_there_is_nothing_to_clear() -> None:
    wire = Wire(FakeBackend(ConfigError("no key")))
    await wire.initialize()
    assert (await run(wire, "clearCache"))["result"].startswith("nothing was forgotten")
    await wire.close()


async def test_reloading_keys_loads_the_settings_too_and_tells_what_there_is() -> None:
    service = FakeService()
    wire = Wire(FakeBackend(service))
    await wire.initialize()
    wire.backend.rebuild = False
    before = len(wire.backend.loaded)
    said = (await run(wire, "reloadKey"))["result"]
    assert said == "the keys were reloaded; key 0a1b2c3d from file /x/key: in use"
    assert wire.messages == [f"kibitz: {said}"]
    assert len(wire.backend.loaded) == before + 1
    assert service.reloaded == 1
    await wire.close()


async def test_reloading_keys_tries_again_what_failed_for_want_of_one() -> None:
    service = FakeService(manual=True)
    wire = Wire(FakeBackend(service))
    await wire.initialize()
    wire.backend.rebuild = False
    wire.open("bug")
    await until(lambda: len(service.calls) == 1)
    service.calls[0].answer.set_exception(ConfigError("the key is not accepted", status=401))
    await until(lambda: wire.server.session.busy == 0)
    await run(wire, "reloadKey")
    await until(lambda: len(service.calls) == 2)
    await wire.close()


async def test_a_reload_that_finds_no_key_says_so_each_time() -> None:
    service = FakeService()
    service.no_keys = ConfigError("the file /x/key holds no key; put one there")
    wire = Wire(FakeBackend(service))
    await wire.initialize()
    for number in range(1, 3):
        said = (await run(wire, "reloadKey"))["result"]
        assert said == "the keys were not reloaded: the file /x/key holds no key; put one there"
        assert wire.messages == [f"kibitz: {said}"] * number
    await wire.close()


async def test_a_reload_of_settings_that_do_not_work_says_why_and_a_later_one_mends_it() -> None:
    service = FakeService()
    wire = Wire(FakeBackend(ConfigError("no key is set; set OPENAI_API_KEY"), service))
    await wire.request("initialize", {"capabilities": {}})
    wire.notify("initialized", {})
    await until(lambda: bool(wire.messages))
    wire.backend.built = 0
    assert (await run(wire, "reloadKey"))["result"].endswith("no key is set; set OPENAI_API_KEY")
    said = (await run(wire, "reloadKey"))["result"]
    assert said.startswith("the keys were reloaded; key 0a1b2c3d")
    await wire.close()


async def test_a_reload_while_switched_off_says_that() -> None:
    wire = Wire(FakeBackend(knobs=Defaults(enabled=False)))
    await wire.request("initialize", {"capabilities": {}})
    wire.notify("initialized", {})
    assert "switched off" in (await run(wire, "reloadKey"))["result"]
    await wire.close()


async def test_newer_settings_during_a_reload_do_not_lose_its_answer() -> None:
    wire = Wire(FakeBackend())
    await wire.initialize()
    number = wire.start("workspace/executeCommand", {"command": "kibitz.reloadKey"})
    wire.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {"debounceMs": 5}}})
    await until(lambda: wire.answer(number) is not None)
    answer = wire.answer(number)
    assert answer is not None
    assert answer["result"].startswith("the keys were reloaded")
    await wire.close()
