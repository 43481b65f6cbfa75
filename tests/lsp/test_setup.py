from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.lsp_wire import Json, Wire, settle, until
from tests.support.reviewing import FakeBackend, FakeOutcome, FakeService, marked

from kibitz.lsp.reviews import Defaults
from kibitz.provider.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

PULLS = {"workspace": {"configuration": True}}


def folders(*uris: str) -> list[Json]:
    return [{"uri": uri, "name": uri} for uri in uris]


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


async def test_each_folder_is_asked_about_and_has_its_own(connect: Callable[..., Wire]) -> None:
    service = FakeService()
    wire = connect(service)
    wire.backend.own = {"/a": Defaults(trigger="manual"), "/a/b": Defaults(languages=("rust",))}
    wire.answers["workspace/configuration"] = lambda _: [
        {"debounceMs": 5},
        {"debounceMs": 5, "trigger": "manual"},
        {"debounceMs": 5, "languages": ["rust"]},
    ]
    await wire.initialize(PULLS, workspaceFolders=folders("file:///a", "file:///a/b/", "vscode-vfs://x/c"))
    (asked,) = wire.of("workspace/configuration")
    assert [each.get("scopeUri") for each in asked["items"]] == [None, "file:///a", "file:///a/b/"]
    assert wire.backend.loaded == [{"debounceMs": 5}]
    assert wire.backend.folders == [{"/a": {"trigger": "manual"}, "/a/b": {"languages": ["rust"]}}]
    for uri, language in (("file:///a/x.py", "python"), ("file:///a/b/x.py", "python")):
        wire.open("bug", uri=uri, language=language)
    wire.open("bug", uri="file:///c/x.py")
    wire.clock.advance(60)
    await until(lambda: bool(service.calls))
    await settle()
    assert [call.path for call in service.calls] == ["/c/x.py"]
    assert [look.path for look in service.looks if look.path != "/c/x.py"] == ["/a/x.py"]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        [None],
        [None, None, None],
        [{}, 7],
        [[], "x", {}, {}],
        {"x": 1},
        7,
        [{"kibitz": None}, {"kibitz": 3}],
    ],
)
async def test_an_odd_answer_says_nothing(connect: Callable[..., Wire], answer: object) -> None:
    wire = connect()
    wire.answers["workspace/configuration"] = lambda _: answer
    await wire.initialize(
        PULLS, workspaceFolders=folders("file:///a"), initializationOptions={"kibitz": {"debounceMs": 1}}
    )
    assert wire.backend.loaded == [{"debounceMs": 1}]
    assert wire.backend.folders in ([{"/a": {}}], [{}])
    assert wire.messages == []


async def test_one_folder_for_which_nothing_is_said_loses_no_other(connect: Callable[..., Wire]) -> None:
    wire = connect()
    wire.answers["workspace/configuration"] = lambda _: [None, None, {"maxFindings": 3}]
    await wire.initialize(PULLS, workspaceFolders=folders("file:///a", "file:///b"))
    assert wire.backend.folders == [{"/a": {}, "/b": {"maxFindings": 3}}]


async def test_what_is_pushed_holds_and_folders_are_asked_about_again(connect: Callable[..., Wire]) -> None:
    wire = connect()
    wire.answers["workspace/configuration"] = lambda _: [{"debounceMs": 1}, {"debounceMs": 1}]
    await wire.initialize(PULLS, workspaceFolders=folders("file:///a"))
    wire.answers["workspace/configuration"] = lambda _: [{"debounceMs": 1}, {"debounceMs": 9}]
    wire.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {"debounceMs": 2}}})
    await until(lambda: len(wire.backend.loaded) == 2)
    assert wire.backend.loaded[-1] == {"debounceMs": 2}
    assert wire.backend.folders[-1] == {"/a": {"debounceMs": 9}}
    wire.answers["workspace/configuration"] = lambda _: [None, None]
    wire.notify("workspace/didChangeConfiguration", {"settings": None})
    await until(lambda: len(wire.backend.loaded) == 3)
    assert (wire.backend.loaded[-1], wire.backend.folders[-1]) == ({"debounceMs": 2}, {"/a": {}})


async def test_an_editor_that_takes_its_settings_back_is_believed(connect: Callable[..., Wire]) -> None:
    wire = connect()
    wire.answers["workspace/configuration"] = lambda _: [{"debounceMs": 1}]
    await wire.initialize(PULLS)
    wire.answers["workspace/configuration"] = lambda _: [None]
    wire.notify("workspace/didChangeConfiguration", {"settings": {}})
    await until(lambda: len(wire.backend.loaded) == 2)
    assert wire.backend.loaded == [{"debounceMs": 1}, {}]


async def test_what_was_to_be_asked_is_asked_although_news_come_first(connect: Callable[..., Wire]) -> None:
    wire = connect()
    answer = await wire.request("initialize", {"capabilities": PULLS})
    assert "result" in answer
    wire.notify("initialized", {})
    await until(lambda: bool(wire.of("workspace/configuration")))
    wire.answers["workspace/configuration"] = lambda _: [{"debounceMs": 3}]
    wire.server.setup.reread()
    await until(lambda: wire.server.session.service is not None)
    assert wire.backend.loaded == [{"debounceMs": 3}]


async def test_switched_off_but_for_one_folder(connect: Callable[..., Wire]) -> None:
    service = FakeService()
    wire = connect(service, knobs=Defaults(enabled=False))
    wire.backend.own = {"/a": Defaults()}
    await wire.initialize()
    for uri in ("file:///a/x.py", "file:///b/x.py"):
        wire.open("bug", uri=uri)
    await until(lambda: bool(wire.published))
    await settle()
    assert [call.path for call in service.calls] == ["/a/x.py"]
    wire.backend.rebuild, wire.backend.own = False, {"/b": Defaults()}
    wire.notify("workspace/didChangeConfiguration", {"settings": None})
    await until(lambda: len(wire.backend.loaded) == 2)
    await settle()
    wire.clock.advance(60)
    await until(lambda: len(service.calls) == 2)
    await settle()
    assert service.calls[-1].path == "/b/x.py"
    last = {each["uri"]: len(each["diagnostics"]) for each in wire.published}
    assert last == {"file:///a/x.py": 0, "file:///b/x.py": 1}


async def test_switched_off_and_on_again_there_is_another_service(connect: Callable[..., Wire]) -> None:
    first, second = FakeService(), FakeService()
    wire = connect(first, second)
    await wire.initialize()
    wire.open("bug")
    await until(lambda: bool(wire.published) and bool(wire.published[-1]["diagnostics"]))
    wire.backend.rebuild, wire.backend.knobs = False, Defaults(enabled=False)
    wire.notify("workspace/didChangeConfiguration", {"settings": None})
    await until(lambda: first.closed)
    assert wire.published[-1]["diagnostics"] == []
    wire.backend.knobs = Defaults()
    wire.notify("workspace/didChangeConfiguration", {"settings": None})
    await until(lambda: second.texts == ["bug"])


async def test_only_documents_whose_settings_changed_are_looked_at_again(
    connect: Callable[..., Wire],
) -> None:
    service = FakeService()
    wire = connect(service)
    await wire.initialize(workspaceFolders=folders("file:///a"))
    for uri in ("file:///a/x.py", "file:///b/x.py"):
        wire.open("bug", uri=uri)
    wire.clock.advance(60)
    await until(lambda: len(service.calls) == 2)
    await until(lambda: len([each for each in wire.published if each["diagnostics"]]) == 2)
    wire.backend.rebuild = False
    wire.notify("workspace/didChangeConfiguration", {"settings": None})
    await until(lambda: len(wire.backend.loaded) == 2)
    await settle()
    assert len(service.calls) == 2, "nothing changed"
    wire.backend.own = {"/a": Defaults(max_file_bytes=1000)}
    wire.notify("workspace/didChangeConfiguration", {"settings": None})
    await until(lambda: len(service.calls) == 3)
    await settle()
    assert [call.path for call in service.calls[2:]] == ["/a/x.py"]
    wire.server.setup.reread()
    await until(lambda: len(service.calls) == 5)


async def test_a_review_by_older_settings_is_followed_by_another(connect: Callable[..., Wire]) -> None:
    service = FakeService(manual=True)
    wire = connect(service)
    await wire.initialize()
    wire.open("bug")
    await until(lambda: bool(service.calls))
    wire.backend.rebuild, wire.backend.knobs = False, Defaults(max_file_bytes=1000)
    wire.notify("workspace/didChangeConfiguration", {"settings": None})
    await until(lambda: len(wire.backend.loaded) == 2)
    await settle()
    assert len(service.calls) == 1, "what it has asked for is not lost"
    service.calls[0].answer.set_result(FakeOutcome(marked("bug")))
    await until(lambda: len(service.calls) == 2)
    service.calls[1].answer.set_result(FakeOutcome(()))
    await until(lambda: wire.published[-1]["diagnostics"] == [])
    await settle()
    assert len(service.calls) == 2


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
    wire.backend.rebuild, wire.backend.knobs = False, Defaults(max_file_bytes=1000)
    wire.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {"maxFileBytes": 1000}}})
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
    await until(lambda: len(wire.backend.loaded) == 2)


async def test_shutdown_closes_the_service_before_it_is_answered(connect: Callable[..., Wire]) -> None:
    service = FakeService(manual=True)
    wire = connect(service)
    await wire.initialize()
    wire.open("bug")
    await until(lambda: bool(service.calls))
    assert (await wire.request("shutdown"))["result"] is None
    assert service.closed
    assert service.calls[0].cancelled
