from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.lsp_wire import Json, Wire, settle, until
from tests.support.reviewing import FakeBackend, FakeService

from kibitz.lsp.reviews import Defaults
from kibitz.lsp.setup import section
from kibitz.provider.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

PULLS = {"workspace": {"configuration": True}}


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., Wire]]:
    wires: list[Wire] = []

    def make(*services: FakeService | Exception, **options: Defaults) -> Wire:
        wires.append(Wire(FakeBackend(*services, **options)))
        return wires[-1]

    yield make
    for wire in wires:
        await wire.close()


async def test_without_anybody_to_ask_there_is_one_message_and_then_quiet(
    connect: Callable[..., Wire],
) -> None:
    wire = connect(ConfigError("no API key is set; set OPENAI_API_KEY"))
    await wire.initialize()
    assert wire.messages == ["kibitz: no API key is set; set OPENAI_API_KEY"]
    wire.open("bug")
    wire.change(2, {"text": "bug2"})
    wire.notify("textDocument/didSave", {"textDocument": {"uri": "untitled:a.py"}})
    wire.clock.advance(60)
    wire.notify("workspace/didChangeConfiguration", {"settings": None})
    await until(lambda: len(wire.backend.loaded) >= 2)
    await settle()
    assert len(wire.messages) == 1
    await wire.request("workspace/executeCommand", {"command": "kibitz.analyzeDocument"})
    await until(lambda: len(wire.messages) == 2)  # Whoever asks is told.
    assert wire.published == []


async def test_a_key_that_comes_later_is_found_when_the_user_asks(connect: Callable[..., Wire]) -> None:
    wire = connect(ConfigError("no key"), FakeService())
    await wire.initialize()
    wire.open("bug")
    await wire.request("workspace/executeCommand", {"command": "kibitz.analyzeDocument"})
    await until(lambda: bool(wire.published))


async def test_what_is_known_is_shown_although_nobody_can_be_asked(connect: Callable[..., Wire]) -> None:
    wire = connect(FakeService(unready=ConfigError("the model cannot be loaded; pull it again")))
    await wire.initialize()
    wire.open("bug")
    await until(lambda: bool(wire.published))
    assert wire.messages == ["kibitz: configuration error: the model cannot be loaded; pull it again"]
    assert len(wire.published[-1]["diagnostics"]) == 1


async def test_our_own_mistakes_while_starting_are_told_without_details(
    connect: Callable[..., Wire], caplog: pytest.LogCaptureFixture
) -> None:
    wire = connect(RuntimeError("secret"))
    await wire.initialize()
    assert len(wire.messages) == 1
    assert "secret" not in wire.messages[0] + caplog.text
    assert "RuntimeError" in caplog.text


async def test_the_editors_settings_are_asked_for_and_come_over_the_options(
    connect: Callable[..., Wire],
) -> None:
    wire = connect()
    wire.answers["workspace/configuration"] = lambda _: [{"debounceMs": 5}]
    await wire.initialize(PULLS, initializationOptions={"kibitz": {"debounceMs": 1, "enabled": True}})
    assert wire.backend.loaded == [{"debounceMs": 5, "enabled": True}]
    assert wire.of("workspace/configuration") == [{"items": [{"section": "kibitz"}]}]


async def test_an_editor_that_does_not_answer_is_not_waited_for(
    connect: Callable[..., Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kibitz.lsp.editor.ANSWER_SECONDS", 0.01)
    wire = connect()
    await wire.initialize(PULLS)
    assert wire.server.session.service is not None
    assert wire.server.protocol._request_futures == {}


async def test_settings_that_are_sent_along_are_taken(connect: Callable[..., Wire]) -> None:
    wire = connect()
    await wire.initialize()
    before = len(wire.backend.loaded)
    wire.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {"enabled": False}}})
    await until(lambda: len(wire.backend.loaded) == before + 1)
    assert wire.backend.loaded[-1] == {"enabled": False}


async def test_settings_of_others_are_not_ours(connect: Callable[..., Wire]) -> None:
    wire = connect()
    await wire.initialize()
    wire.notify("workspace/didChangeConfiguration", {"settings": {"python": {"x": 1}}})
    await until(lambda: len(wire.backend.loaded) == 2)
    assert wire.backend.loaded[-1] == {}


async def test_news_of_settings_are_registered_for(connect: Callable[..., Wire]) -> None:
    wire = connect()
    await wire.initialize({"workspace": {"didChangeConfiguration": {"dynamicRegistration": True}}})
    await until(lambda: bool(wire.of("client/registerCapability")))
    (params,) = wire.of("client/registerCapability")
    assert params["registrations"][0]["method"] == "workspace/didChangeConfiguration"


async def test_other_settings_bring_another_service_and_close_the_old_one(
    connect: Callable[..., Wire],
) -> None:
    first, second = FakeService(), FakeService()
    wire = connect(first, second)
    await wire.initialize()
    wire.open("bug")
    await until(lambda: bool(wire.published))
    wire.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {}}})
    await until(lambda: bool(second.texts) and first.closed)
    assert second.texts == ["bug"]


async def test_settings_that_fit_keep_the_service_and_look_again(connect: Callable[..., Wire]) -> None:
    service = FakeService()
    wire = connect(service)
    await wire.initialize()
    wire.open("bug")
    await until(lambda: bool(wire.published))
    wire.backend.rebuild = False
    wire.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {"minSeverity": "error"}}})
    await until(lambda: len(service.calls) == 2)
    assert wire.backend.built == 1
    assert not service.closed


async def test_switched_off_from_the_start_nothing_is_built(connect: Callable[..., Wire]) -> None:
    wire = connect(knobs=Defaults(enabled=False))
    answer = await wire.request("initialize", {"capabilities": {}})
    assert "result" in answer
    wire.notify("initialized", {})
    await until(lambda: bool(wire.backend.loaded))
    await settle()
    assert wire.backend.built == 0


async def test_problems_of_settings_are_told_in_one_message(connect: Callable[..., Wire]) -> None:
    wire = connect()
    wire.backend.problems = ("debounce = 5 is not used: there is no such setting", "another")
    await wire.initialize()
    await until(lambda: bool(wire.messages))
    assert wire.messages == ["kibitz: debounce = 5 is not used: there is no such setting (1 more in the log)"]


async def test_the_newest_settings_win(connect: Callable[..., Wire]) -> None:
    wire = connect()
    await wire.initialize()
    for number in range(5):
        wire.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {"debounceMs": number}}})
    await until(lambda: wire.backend.loaded[-1] == {"debounceMs": 4})
    await settle()
    assert wire.server.session.service is not None


async def test_folders_that_are_open_are_told_to_the_service(connect: Callable[..., Wire]) -> None:
    service = FakeService()
    wire = connect(service)
    await wire.initialize(workspaceFolders=[{"uri": "file:///a", "name": "a"}])
    assert service.roots == ("file:///a",)
    event: Json = {
        "added": [{"uri": "file:///b", "name": "b"}],
        "removed": [{"uri": "file:///a", "name": "a"}],
    }
    wire.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    await settle()
    assert service.roots == ("file:///b",)


async def test_shutdown_closes_the_service_before_it_is_answered(connect: Callable[..., Wire]) -> None:
    service = FakeService(manual=True)
    wire = connect(service)
    await wire.initialize()
    wire.open("bug")
    await until(lambda: bool(service.calls))
    assert (await wire.request("shutdown"))["result"] is None
    assert service.closed
    assert service.calls[0].cancelled


def test_sections() -> None:
    assert section({"kibitz": {"a": 1}}) == {"a": 1}
    assert section({"a": 1}) == {"a": 1}
    assert section({"kibitz": 7}) == {}
    assert section(None) == section([]) == {}
