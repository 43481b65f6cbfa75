"""Whether a folder's own rules are used is asked once, and nothing waits for the answer."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.lsp_wire import Wire, settle, until
from tests.support.reviewing import FakeBackend, FakeService

from kibitz.guard.trust import Decision
from kibitz.lsp.trusting import REFUSE, TRUST
from kibitz.provider.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ASK = "window/showMessageRequest"
ROOT = Path("/work/shop")
FOLDERS = "workspace/didChangeWorkspaceFolders"


@pytest.fixture
async def service() -> FakeService:
    return FakeService(projects=[ROOT])


@pytest.fixture
async def wire(service: FakeService) -> AsyncIterator[Wire]:
    wire = Wire(FakeBackend(service))
    yield wire
    await wire.close()


def changed_folders(wire: Wire) -> None:
    wire.notify(FOLDERS, {"event": {"added": [], "removed": []}})


async def test_who_says_yes_is_reviewed_by_these_rules_at_once(wire: Wire, service: FakeService) -> None:
    await wire.initialize()
    wire.open("bug")
    wire.clock.advance(1)
    await until(lambda: len(service.calls) == 1 and bool(wire.of(ASK)))
    (asked,) = [message for message in wire.received if message.get("method") == ASK]
    wire.send({"jsonrpc": "2.0", "id": asked["id"], "result": {"title": TRUST}})
    await until(lambda: service.decided == {ROOT: Decision.TRUSTED})
    wire.clock.advance(1)
    await until(lambda: len(service.calls) == 2)
    (question,) = wire.of(ASK)
    assert question["message"].startswith("kibitz: /work/shop has rules or notes of its own for reviewers")
    assert [action["title"] for action in question["actions"]] == [TRUST, REFUSE]
    assert wire.messages == []


async def test_who_says_no_hears_no_more_of_it(wire: Wire, service: FakeService) -> None:
    wire.answers[ASK] = lambda _: {"title": REFUSE}
    await wire.initialize()
    await until(lambda: service.decided == {ROOT: Decision.REFUSED})
    changed_folders(wire)
    await settle()
    assert len(wire.of(ASK)) == 1
    assert wire.messages == []


@pytest.mark.parametrize("answer", [None, {"title": "Sure"}, {"title": None}, 3])
async def test_who_says_nothing_is_told_once_how_to(wire: Wire, service: FakeService, answer: object) -> None:
    wire.answers[ASK] = lambda _: answer
    await wire.initialize()
    await until(lambda: service.decided == {ROOT: Decision.ASKED})
    assert wire.messages == [
        "kibitz: the rules and notes in /work/shop are not used; to use them, run: kibitz trust /work/shop"
    ]


async def test_an_editor_that_cannot_ask_tells_how_to(wire: Wire, service: FakeService) -> None:
    await wire.initialize()
    await until(lambda: bool(wire.received and wire.of(ASK)))
    (asked,) = [message for message in wire.received if message.get("method") == ASK]
    wire.send({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "what?"}})
    await until(lambda: bool(wire.messages))
    assert wire.messages[0].endswith("kibitz trust /work/shop")
    assert service.decided == {ROOT: Decision.ASKED}


async def test_nothing_is_asked_twice_while_the_question_is_open(wire: Wire) -> None:
    await wire.initialize()
    await until(lambda: bool(wire.of(ASK)))
    changed_folders(wire)
    await settle()
    assert len(wire.of(ASK)) == 1


async def test_a_folder_that_comes_later_is_asked_about_then(wire: Wire, service: FakeService) -> None:
    service.projects = []
    wire.answers[ASK] = lambda _: {"title": TRUST}
    await wire.initialize()
    await settle()
    assert wire.of(ASK) == []
    service.projects = [ROOT]
    changed_folders(wire)
    await until(lambda: service.decided == {ROOT: Decision.TRUSTED})


async def test_an_answer_that_cannot_be_kept_is_told(wire: Wire, service: FakeService) -> None:
    service.unwritable = OSError(errno.ENOSPC, "No space left on device")
    wire.answers[ASK] = lambda _: {"title": TRUST}
    await wire.initialize()
    await until(lambda: bool(wire.messages))
    (told,) = wire.messages
    assert told.startswith("kibitz: your answer about /work/shop could not be kept: No space left on device")
    assert told.endswith("to use them, run: kibitz trust /work/shop")


async def test_what_is_answered_after_the_end_is_not_kept(wire: Wire, service: FakeService) -> None:
    await wire.initialize()
    await until(lambda: bool(wire.of(ASK)))
    (asked,) = [message for message in wire.received if message.get("method") == ASK]
    await wire.server.setup.aclose(1)
    wire.send({"jsonrpc": "2.0", "id": asked["id"], "result": None})
    await settle()
    assert service.decided == {}
    assert wire.messages == []


async def test_a_name_cannot_pose_as_something_else(wire: Wire, service: FakeService) -> None:
    service.projects = [Path("/work/sh\u202eop\n[x](command:evil)")]
    await wire.initialize()
    await until(lambda: bool(wire.of(ASK)))
    message = wire.of(ASK)[0]["message"]
    assert "\u202e" not in message
    assert "\n" not in message
    assert "](" not in message


async def test_where_nobody_reviews_nothing_is_asked() -> None:
    wire = Wire(FakeBackend(ConfigError("no key")))
    await wire.initialize()
    await settle()
    assert wire.of(ASK) == []
    await wire.close()
