from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from tests.support.lsp_wire import Json, Wire, edit, settle, until
from tests.support.reviewing import FakeBackend, FakeOutcome, FakeService, marked

from kibitz.lsp.reviews import PROGRESS_AFTER_SECONDS, Defaults
from kibitz.lsp.service import Survey
from kibitz.lsp.workspace import NOT_NOW, REVIEW
from kibitz.provider.errors import APIError, ConfigError, RateLimitExceeded
from kibitz.provider.limits.priority import Priority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

PROGRESS = {"window": {"workDoneProgress": True}}
PULLS = {
    "textDocument": {"diagnostic": {"dynamicRegistration": True}},
    "workspace": {"diagnostics": {"refreshSupport": True}},
}
ASK = "window/showMessageRequest"
TEXTS = {"a.py": "x = bug1\n", "b.py": "y = 2\n", "c.py": "z = bug2\n"}


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Wire]:
    """An editor with a folder of three files, of which two have a bug."""
    files = {str(tmp_path / name): text for name, text in TEXTS.items()}
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    wire = Wire(FakeBackend(FakeService(files=files)))
    wire.answers["window/workDoneProgress/create"] = lambda _: None
    yield wire
    await wire.close()


def service(wire: Wire) -> FakeService:
    found = wire.backend.services[0]
    assert isinstance(found, FakeService)
    return found


async def command(wire: Wire, name: str, *arguments: object) -> Json:
    params = {"command": f"kibitz.{name}", "arguments": list(arguments)}
    answer: Json = (await wire.request("workspace/executeCommand", params))["result"]
    return answer


async def review(wire: Wire, *arguments: object) -> None:
    """Have all files reviewed, and wait for what is told of it."""
    told = len(wire.messages)
    assert (await command(wire, "analyzeWorkspace", *arguments))["started"] is True
    await until(lambda: any("reviewed" in message for message in wire.messages[told:]))


def history(wire: Wire, uri: str) -> list[int]:
    """How many diagnostics each publication for a file had."""
    return [len(params["diagnostics"]) for params in wire.published if params["uri"] == uri]


def shown(wire: Wire) -> dict[str, int]:
    """How many diagnostics each file has now, by its name, if any."""
    now = {params["uri"].rpartition("/")[2]: len(params["diagnostics"]) for params in wire.published}
    return {name: count for name, count in now.items() if count}


def progress(wire: Wire) -> list[str]:
    return [params["value"]["kind"] for params in wire.of("$/progress")]


def sets(tmp_path: Path, wire: Wire, name: str, text: str) -> None:
    """Another text is on the disk."""
    (tmp_path / name).write_text(text)
    service(wire).files[str(tmp_path / name)] = text


async def test_what_is_found_in_files_that_are_not_open_is_shown(room: Wire, tmp_path: Path) -> None:
    await room.initialize(PROGRESS)
    await review(room)
    assert shown(room) == {"a.py": 1, "c.py": 1}
    assert [params.get("version") for params in room.published] == [None, None]
    (found,) = room.published[0]["diagnostics"]
    assert found["range"]["start"] == {"line": 0, "character": 4}
    assert {call.urgency.priority for call in service(room).calls} == {Priority.WARMING}
    assert room.messages == ["kibitz: 3 files reviewed: 2 findings in 2 files"]
    assert progress(room) == [], "it took no time"
    assert history(room, (tmp_path / "b.py").as_uri()) == []


async def test_a_second_run_shows_nothing_twice(room: Wire, tmp_path: Path) -> None:
    await room.initialize()
    await review(room)
    before = len(room.published)
    await review(room)
    assert len(room.published) == before
    sets(tmp_path, room, "a.py", "x = 1\n")
    del service(room).files[str(tmp_path / "c.py")]
    await review(room)
    assert shown(room) == {}
    assert room.messages[-1] == "kibitz: 2 files reviewed: 0 findings"


async def test_one_at_a_time_and_never_while_paused(room: Wire) -> None:
    service(room).manual = True
    await room.initialize()
    assert (await command(room, "analyzeWorkspace"))["started"] is True
    answer = await command(room, "analyzeWorkspace")
    assert answer["started"] is False
    assert "already" in answer["text"]
    await command(room, "pause")
    await command(room, "stop")
    answer = await command(room, "analyzeWorkspace")
    assert answer["started"] is False
    assert "kibitz.resume" in room.messages[-1]


async def test_nobody_to_ask(tmp_path: Path) -> None:
    wire = Wire(FakeBackend(ConfigError("no key")))
    await wire.initialize(rootUri=tmp_path.as_uri())
    answer = await command(wire, "analyzeWorkspace")
    assert answer["started"] is False
    assert "kibitz.showStatus" in wire.messages[-1]
    await wire.close()


async def stop(room: Wire) -> None:
    await command(room, "stop")


async def pause(room: Wire) -> None:
    await command(room, "pause")


async def cancel(room: Wire) -> None:
    (token,) = {params["token"] for params in room.of("$/progress")}
    room.notify("window/workDoneProgress/cancel", {"token": token})


async def shut_down(room: Wire) -> None:
    await room.request("shutdown")


@pytest.mark.parametrize("end", [stop, pause, cancel, shut_down])
async def test_it_can_be_ended_and_what_was_found_stays(
    room: Wire, end: Callable[[Wire], Awaitable[None]]
) -> None:
    service(room).manual = True
    await room.initialize(PROGRESS)
    await command(room, "analyzeWorkspace")
    await until(lambda: len(service(room).calls) == 3)
    room.clock.advance(PROGRESS_AFTER_SECONDS)
    first = next(call for call in service(room).calls if "bug" in call.text)
    await until(lambda: progress(room) == ["begin"])
    first.answer.set_result(FakeOutcome(marked(first.text)))
    await until(lambda: bool(shown(room)))
    await end(room)
    await until(lambda: progress(room)[-1] == "end")
    await settle()
    assert progress(room) == ["begin", "report", "end"]
    assert all(call.cancelled for call in service(room).calls if call is not first)
    assert len(shown(room)) == 1
    assert room.messages == []


async def test_it_can_be_begun_again_as_soon_as_it_was_ended(room: Wire) -> None:
    await room.initialize()
    await command(room, "analyzeWorkspace")
    room.server.workspace_review.stop()
    assert room.server.workspace_review.start(confirmed=False) == ""
    await until(lambda: bool(room.messages))
    room.server.workspace_review.start(confirmed=False)
    room.server.workspace_review.stop()  # Before it has done anything.
    await review(room)


EXPENSIVE: Json = {"asked": 3, "tokens": 25_000, "cost_usd": Decimal("0.051")}


@pytest.mark.parametrize(("answer", "begins"), [(REVIEW, True), (NOT_NOW, False), (None, False)])
async def test_what_is_much_is_done_with_the_users_word_only(
    room: Wire, answer: str | None, *, begins: bool
) -> None:
    asked = asyncio.Event()

    def choose(message: Json) -> Json | None:
        asked.set()
        assert message["params"]["message"] == (
            "kibitz: Review the workspace? 3 of 3 files not known yet: that sends about 25,000 tokens to "
            "fake, about $0.05."
        )
        return {"title": answer} if answer else None

    room.answers[ASK] = choose
    service(room).surveyed = Survey(tuple(service(room).files), **EXPENSIVE)
    await room.initialize()
    await command(room, "analyzeWorkspace")
    await asked.wait()
    assert service(room).calls == []
    await until(lambda: not room.server.workspace_review.start(confirmed=False))
    room.server.workspace_review.stop()
    assert bool(service(room).calls) is begins
    assert any("confirmed" in message for message in room.messages) is (answer is None)


@pytest.mark.parametrize(
    ("survey", "arguments"),
    [
        (EXPENSIVE, [{"confirmed": True}]),
        (EXPENSIVE | {"is_free": True}, []),
        (EXPENSIVE | {"tokens": 20_000}, [{"confirmed": "no"}]),
        (EXPENSIVE | {"asked": 0, "tokens": 0}, [7]),
    ],
)
async def test_what_costs_little_or_was_agreed_to_begins_at_once(
    room: Wire, survey: Json, arguments: list[object]
) -> None:
    service(room).surveyed = Survey(tuple(service(room).files), **survey)
    await room.initialize()
    await review(room, *arguments)
    assert room.of(ASK) == []
    assert shown(room) == {"a.py": 1, "c.py": 1}
    assert any("sends about" in message for message in room.messages) is bool(survey["tokens"])


async def test_the_progress_ends_where_the_user_ends_it_instead_of_answering(room: Wire) -> None:
    service(room).surveyed = Survey(tuple(service(room).files), **EXPENSIVE)
    await room.initialize(PROGRESS)
    await command(room, "analyzeWorkspace")
    await until(lambda: any(message.get("method") == ASK for message in room.received))
    room.clock.advance(PROGRESS_AFTER_SECONDS)
    await until(lambda: progress(room) == ["begin"])
    await cancel(room)
    await until(lambda: progress(room) == ["begin", "end"])
    assert service(room).calls == []


@pytest.mark.parametrize(
    "error", [ConfigError("the key is wrong"), RateLimitExceeded("no credit is left", retryable=False)]
)
async def test_it_stops_at_what_the_next_file_would_meet_too(room: Wire, error: Exception) -> None:
    service(room).manual = True
    service(room).files |= {f"/more/{number}.py": "x = bug3\n" for number in range(9)}
    await room.initialize()
    await command(room, "analyzeWorkspace")
    await until(lambda: len(service(room).calls) == 4)
    for call in service(room).calls[:4]:
        call.answer.set_result(FakeOutcome(errors=[error]))  # type: ignore[list-item]
    await until(lambda: bool(room.messages))
    assert room.messages[0].endswith(
        f"4 of them not, or not whole: 0 findings; the rest was left out: {error.args[0]}"
    )
    assert len(service(room).calls) == 4


async def test_one_bad_file_ends_nothing_but_many_in_a_row_do(room: Wire) -> None:
    service(room).manual = True
    service(room).files = {f"/more/{number}.py": "x = bug3\n" for number in range(40)}
    await room.initialize()
    await command(room, "analyzeWorkspace")
    await until(lambda: bool(service(room).calls))
    done = 0
    while not room.messages:
        await settle()
        for call in service(room).calls[done:]:
            bad = done == 0 or done >= 20
            call.answer.set_result(
                FakeOutcome(errors=[APIError("unreachable", retryable=True)] if bad else ())
            )
            done += 1
        await asyncio.sleep(0)
    # The first, eight in a row, and three that were under way by then.
    assert "31 files reviewed; 12 of them not" in room.messages[0]
    assert room.messages[0].endswith("the rest was left out: unreachable")


async def test_who_cannot_be_asked_says_so_once(room: Wire) -> None:
    service(room).surveyed = ConfigError("no such model")
    await room.initialize()
    await command(room, "analyzeWorkspace")
    await until(lambda: room.messages == ["kibitz: the workspace is not reviewed: no such model"])
    assert room.server.workspace_review.start(confirmed=False) == "", "it is over"


async def test_our_own_mistakes_end_it_without_telling_secrets(
    room: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_path: str) -> None:
        raise ValueError("secret source")

    service(room).assignment = fail  # type: ignore[method-assign,assignment]
    await room.initialize()
    await command(room, "analyzeWorkspace")
    await until(lambda: bool(room.messages))
    assert "reason of its own" in room.messages[0]
    assert "secret" not in caplog.text + str(room.messages)


async def test_no_files(room: Wire) -> None:
    service(room).surveyed = Survey(())
    await room.initialize()
    await command(room, "analyzeWorkspace")
    await until(lambda: room.messages == ["kibitz: there are no files to review in the open folders"])


async def test_files_that_are_too_many_are_told(room: Wire) -> None:
    service(room).surveyed = Survey(tuple(service(room).files), left_out=7)
    await room.initialize()
    await review(room)
    assert room.messages[-1].endswith("about 7 files more were left out: kibitz check reviews any number")


async def test_documents_are_reviewed_as_they_are_in_the_editor(room: Wire, tmp_path: Path) -> None:
    room.backend.knobs = Defaults(trigger="manual")
    await room.initialize()
    room.open("x = bug7\n", uri=(tmp_path / "a.py").as_uri())
    await settle()
    await review(room)
    await until(lambda: shown(room) == {"a.py": 1, "c.py": 1})
    assert sorted(service(room).texts) == ["x = bug7\n", "y = 2\n", "z = bug2\n"]
    assert all("bug1" not in str(params) for params in room.published)


async def test_a_file_that_is_opened_keeps_what_is_known_without_a_flicker(
    room: Wire, tmp_path: Path
) -> None:
    await room.initialize()
    await review(room)
    uri = (tmp_path / "a.py").as_uri()
    service(room).manual = True
    before = len(service(room).calls)
    room.open(TEXTS["a.py"], uri=uri)
    assert history(room, uri) == [1, 1]
    assert room.published[-1]["version"] == 1
    await until(lambda: len(service(room).calls) > before)
    assert service(room).calls[-1].path == str(tmp_path / "a.py")
    service(room).calls[-1].answer.set_result(FakeOutcome(marked(TEXTS["a.py"])))
    await until(lambda: room.server.session.busy == 0)
    assert history(room, uri) == [1, 1]
    room.change(2, edit((0, 4), (0, 8), "1"), uri=uri)
    await until(lambda: history(room, uri) == [1, 1, 0])


async def test_another_name_for_the_file_is_one_file(room: Wire, tmp_path: Path) -> None:
    await room.initialize()
    await review(room)
    uri, other = (tmp_path / "a.py").as_uri(), f"file://{tmp_path}/%61.py"
    room.open(TEXTS["a.py"], uri=other)
    assert (history(room, uri), history(room, other)) == ([1, 0], [1])


async def test_what_was_found_in_another_text_goes_when_that_is_opened(room: Wire, tmp_path: Path) -> None:
    await room.initialize()
    await review(room)
    uri = (tmp_path / "a.py").as_uri()
    service(room).manual = True
    room.open("# bug1 is mended\n", uri=uri)
    assert history(room, uri) == [1, 0]


async def test_who_pulls_is_sent_nothing_of_what_is_open(room: Wire, tmp_path: Path) -> None:
    room.answers |= {
        "client/registerCapability": lambda _: None,
        "workspace/diagnostic/refresh": lambda _: None,
    }
    room.backend.knobs = Defaults(diagnostics="pull")
    await room.initialize(PULLS)
    await until(lambda: room.server.session.publisher.pulls)
    await review(room)
    uri = (tmp_path / "a.py").as_uri()
    room.open(TEXTS["a.py"], uri=uri)
    assert history(room, uri) == [1, 0]
    answer = await room.request("textDocument/diagnostic", {"textDocument": {"uri": uri}})
    assert len(answer["result"]["items"]) == 1
    service(room).knows = True
    room.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    await until(lambda: history(room, uri) == [1, 0, 1])


async def test_a_file_that_is_closed_is_shown_as_it_lies_on_the_disk(room: Wire, tmp_path: Path) -> None:
    await room.initialize()
    await review(room)
    uri = (tmp_path / "a.py").as_uri()
    room.open(TEXTS["a.py"], uri=uri)
    await until(lambda: room.server.session.busy == 0)
    service(room).knows = True
    asked = len(service(room).calls)
    room.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    await until(lambda: history(room, uri) == [1, 1, 1])
    room.open("mended\n", uri=uri)
    await until(lambda: history(room, uri)[-1] == 0)
    room.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    await until(lambda: history(room, uri)[-1] == 1)
    assert len(service(room).calls) == asked


async def test_a_file_that_nobody_asked_for_goes_when_it_is_closed(room: Wire, tmp_path: Path) -> None:
    await room.initialize()
    await review(room)
    uri = (tmp_path / "new.py").as_uri()
    room.open("bug1\n", uri=uri)
    await until(lambda: history(room, uri) == [1])
    room.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    await until(lambda: history(room, uri) == [1, 0])


@pytest.mark.parametrize("method", ["textDocument/didSave", "workspace/didChangeWatchedFiles", "open"])
async def test_files_that_change_or_go_are_looked_up_again_which_sends_nothing(
    room: Wire, tmp_path: Path, method: str
) -> None:
    await room.initialize()
    await review(room)
    service(room).knows = True
    asked = len(service(room).calls)
    sets(tmp_path, room, "a.py", "\n\nx = bug1; bug2\n")
    (tmp_path / "c.py").unlink()
    del service(room).files[str(tmp_path / "c.py")]
    if method == "open":
        room.open("x = 1\n", uri="untitled:other.py")
    else:
        about: Json = (
            {"changes": []} if "Watched" in method else {"textDocument": {"uri": "untitled:none.py"}}
        )
        room.notify(method, about)
    await until(lambda: shown(room) == {"a.py": 2})
    assert [call.text for call in service(room).calls[asked:]] in ([], ["x = 1\n"])


async def test_other_settings_show_what_is_known_by_them(room: Wire) -> None:
    await room.initialize()
    await review(room)
    asked = len(service(room).calls)
    room.backend.rebuild = False
    room.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {"min_severity": "error"}}})
    await until(lambda: shown(room) == {})
    assert len(service(room).calls) == asked
    service(room).knows = True
    room.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {"min_severity": "info"}}})
    await until(lambda: shown(room) == {"a.py": 1, "c.py": 1})
    room.backend.knobs = Defaults(enabled=False)
    room.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {"enabled": False}}})
    await until(lambda: shown(room) == {})


async def test_another_service_ends_it(room: Wire) -> None:
    service(room).manual = True
    service(room).files |= {f"/more/{number}.py": "x = bug3\n" for number in range(9)}
    room.backend.services.append(FakeService())
    await room.initialize()
    await command(room, "analyzeWorkspace")
    await until(lambda: len(service(room).calls) == 4)
    room.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {"model": "other"}}})
    await until(lambda: room.server.session.service is room.backend.services[1])
    for call in service(room).calls:
        call.answer.set_result(FakeOutcome())
    await until(lambda: bool(room.messages))
    assert room.messages[0].endswith("the rest was left out: the settings have changed")
    assert len(service(room).calls) == 4


async def test_what_is_dismissed_is_looked_up_in_files_that_are_not_open_too(
    room: Wire, tmp_path: Path
) -> None:
    await room.initialize()
    await review(room)
    uri = (tmp_path / "a.py").as_uri()
    room.open(TEXTS["a.py"], uri=uri)
    await until(lambda: room.server.session.busy == 0)
    service(room).knows = True
    (found,) = room.published[-1]["diagnostics"]
    answer = await command(room, "dismiss", {"uri": uri, "id": found["data"]["id"]})
    assert answer["dismissed"] is True
    await until(lambda: str(tmp_path / "c.py") in [look.path for look in service(room).looks])
    assert not any(call.path == str(tmp_path / "c.py") for call in service(room).calls[3:])
