from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.support.lsp_wire import Wire, edit, settle, until
from tests.support.reviewing import FakeBackend, FakeService

from kibitz.lsp.quiet import QUIET_SECONDS, START_SECONDS
from kibitz.lsp.reviews import PROGRESS_AFTER_SECONDS, Defaults
from kibitz.provider.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from kibitz.review.warm import Pace

PROGRESS = {"window": {"workDoneProgress": True}}


@pytest.fixture
async def room() -> AsyncIterator[Wire]:
    """An editor whose server has three files to prepare for."""
    wire = Wire(FakeBackend(FakeService(recent=["/a.py", "/b.py", "/c.py"])))
    wire.answers["window/workDoneProgress/create"] = lambda _: None
    yield wire
    await wire.close()


def service(wire: Wire, number: int = 0) -> FakeService:
    found = wire.backend.services[number]
    assert isinstance(found, FakeService)
    return found


def shown(wire: Wire) -> list[str]:
    """What the editor is told of the progress."""
    values = [params["value"] for params in wire.of("$/progress")]
    return [f"{value['kind']} {value.get('title') or value.get('message') or ''}".strip() for value in values]


async def command(wire: Wire, name: str, *arguments: object) -> None:
    await wire.request(
        "workspace/executeCommand", {"command": f"kibitz.{name}", "arguments": list(arguments)}
    )


async def test_after_a_moment_files_are_prepared_for_once(room: Wire) -> None:
    await room.initialize(PROGRESS)
    await settle()
    assert service(room).warmed == []
    room.clock.advance(START_SECONDS)
    await until(lambda: service(room).warmed == ["/a.py", "/b.py", "/c.py"])
    room.clock.advance(100)
    await settle()
    assert shown(room) == [], "it took no time"
    assert room.messages == []
    assert len(service(room).paces) == 1


async def test_open_files_are_left_out(room: Wire) -> None:
    await room.initialize()
    room.open("x = 1\n", uri="file:///b.py")
    await settle()
    room.clock.advance(QUIET_SECONDS)
    await until(lambda: service(room).warmed == ["/a.py", "/c.py"])


async def test_it_steps_back_while_the_user_types_or_waits_for_a_review(room: Wire) -> None:
    service(room).manual = True
    await room.initialize(PROGRESS)
    room.open("x = 1\n")
    await settle()
    room.clock.advance(5 * QUIET_SECONDS)
    await settle()
    assert service(room).warmed == [], "a review is under way"
    service(room).calls[0].answer.set_exception(ConfigError("no"))
    await settle()
    room.change(2, edit((0, 4), (0, 5), "2"))
    service(room).manual = False
    room.clock.advance(QUIET_SECONDS - 1)
    await settle()
    assert service(room).warmed == []
    room.clock.advance(2)
    await until(lambda: len(service(room).warmed) == 3)


async def under_way(room: Wire) -> Pace:
    """Have the first file take its time, until the editor shows it."""
    service(room).warm_until = asyncio.Event()
    await room.initialize(PROGRESS)
    room.clock.advance(START_SECONDS)
    await until(lambda: service(room).warmed == ["/a.py"])
    room.clock.advance(PROGRESS_AFTER_SECONDS)
    await until(lambda: bool(shown(room)))
    return service(room).paces[0]


async def test_what_takes_time_is_shown_while_it_goes_on(room: Wire) -> None:
    pace = await under_way(room)
    assert shown(room) == ["begin Preparing recent files"]
    room.open("x = 1\n", uri="untitled:new.py")
    await until(lambda: shown(room)[-1] == "end")
    assert pace.urgency.held, "nothing more of it is sent"
    until_then = service(room).warm_until
    assert until_then is not None
    until_then.set()
    await settle()
    assert service(room).warmed == ["/a.py"]
    room.clock.advance(QUIET_SECONDS)
    await until(lambda: len(service(room).warmed) == 3)
    assert not pace.urgency.held


async def test_steps_are_shown(room: Wire) -> None:
    await under_way(room)
    until_then = service(room).warm_until
    assert until_then is not None
    until_then.set()
    await until(lambda: shown(room)[-1] == "end")
    assert shown(room) == ["begin Preparing recent files", "report 2 of 3", "report 3 of 3", "end"]


async def cancel(room: Wire) -> None:
    (token,) = {params["token"] for params in room.of("$/progress")}
    room.notify("window/workDoneProgress/cancel", {"token": token})


async def stop(room: Wire) -> None:
    await command(room, "stop")


@pytest.mark.parametrize("end", [cancel, stop])
async def test_the_user_may_end_it_for_good(room: Wire, end: Callable[[Wire], Awaitable[None]]) -> None:
    await under_way(room)
    room.backend.services.append(FakeService(recent=["/d.py"]))
    await end(room)
    await until(lambda: shown(room)[-1] == "end")
    room.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {"model": "other"}}})
    await until(lambda: room.server.session.service is room.backend.services[1])
    room.clock.advance(10 * QUIET_SECONDS)
    await settle()
    assert service(room).warmed == ["/a.py"]
    assert service(room, 1).paces == []


async def test_stopping_one_document_does_not_end_it(room: Wire) -> None:
    await under_way(room)
    await command(room, "stop", "untitled:a.py")
    await settle()
    assert shown(room)[-1] != "end"


async def test_a_pause_ends_when_the_user_says_so(room: Wire) -> None:
    await under_way(room)
    await command(room, "pause")
    await until(lambda: shown(room)[-1] == "end")
    room.clock.advance(10 * QUIET_SECONDS)
    await settle()
    assert service(room).warmed == ["/a.py"]
    service(room).warm_until = None
    await command(room, "resume")
    await settle()
    room.clock.advance(START_SECONDS)
    await until(lambda: service(room).warmed == ["/a.py", "/a.py", "/b.py", "/c.py"])


async def test_a_new_service_begins_anew_and_the_old_one_ends(room: Wire) -> None:
    await under_way(room)
    room.backend.services.append(FakeService(recent=["/d.py"]))
    room.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {"model": "other"}}})
    await until(lambda: room.server.session.service is room.backend.services[1])
    await settle()
    room.clock.advance(START_SECONDS)
    await until(lambda: service(room, 1).warmed == ["/d.py"])
    assert service(room).warmed == ["/a.py"]


async def test_other_folders_are_prepared_for_too(room: Wire) -> None:
    await room.initialize()
    room.clock.advance(START_SECONDS)
    await until(lambda: len(service(room).warmed) == 3)
    folders = {"added": [{"uri": "file:///new", "name": "new"}], "removed": []}
    room.notify("workspace/didChangeWorkspaceFolders", {"event": folders})
    await settle()
    room.clock.advance(START_SECONDS)
    await until(lambda: len(service(room).warmed) == 6)
    assert service(room).roots == ("file:///new",)


async def test_switched_off_it_ends(room: Wire) -> None:
    await under_way(room)
    room.backend.knobs, room.backend.rebuild = Defaults(enabled=False), False
    room.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {"enabled": False}}})
    await until(lambda: shown(room)[-1] == "end")


async def test_its_failure_is_nobodys_business(room: Wire, caplog: pytest.LogCaptureFixture) -> None:
    service(room).warm_error = ValueError("secret source")
    await room.initialize()
    await until(lambda: "preparing recent files failed" in caplog.text)
    assert room.messages == []
    assert "secret" not in caplog.text
