"""What is dismissed in the real server: gone at once, for this code wherever it goes, until it is undone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.test_reviewing import server
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.lsp_process import Buffer, ServerProcess

from kibitz.review.dismissal import Dismissal, encode
from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]
MEAN = "def mean(values):\n    return sum(values) / len(value)\n"
TWICE = "def twice(number):\n    return number * 2\n"
SOURCE = f"{MEAN}\n\n{TWICE}"
BUG = Bug("len(value)", "len(values)", title="Undefined name", severity="warning", rule="wrong-value")
TYPED = {"start": {"line": 5, "character": 21}, "end": {"line": 5, "character": 21}}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project."""
    (tmp_path / ".kibitz").mkdir()
    return tmp_path


def opened(editor: ServerProcess, folder: Path, name: str = "a.py", text: str = SOURCE) -> Buffer:
    buffer = Buffer(editor, f"file://{folder}/{name}", text, Encoding.UTF16)
    buffer.open()
    return buffer


async def choose(buffer: Buffer, where: Json, title: str) -> Json:
    """Take the code action of that title; what its command says."""
    action = next(each for each in await buffer.actions(where) if each["title"].startswith(title))
    return await run(buffer.server, action["command"])


async def run(editor: ServerProcess, command: Json) -> Json:
    params = {"command": command["command"], "arguments": command["arguments"]}
    answer = await editor.request("workspace/executeCommand", params)
    result: Json = answer["result"]
    return result


async def test_a_finding_stays_dismissed_through_edits_moves_and_restarts(shop: Path) -> None:
    async with FakeProvider(reviewer(BUG)) as fake:
        async with server(shop, fake) as editor:
            await editor.initialize()
            buffer = opened(editor, shop)
            (found,) = await buffer.diagnostics(1)
            answer = await choose(buffer, found["range"], "Dismiss this finding: Undefined name")
            assert (answer["dismissed"], answer["where"], answer["file"]) == (True, "user", "a.py")
            assert editor.published(buffer.uri)[-1]["diagnostics"] == []
            await editor.at_rest()
            assert len(fake.requests) == 1, "nobody was asked"

            buffer.replace(TYPED, " * 1")
            await fake.seen(2)
            await editor.at_rest()
            assert editor.published(buffer.uri)[-1]["diagnostics"] == []

            moved = opened(editor, shop, "b.py", f"{TWICE}\n\n{MEAN}")
            await editor.at_rest()
            assert not any(each["diagnostics"] for each in editor.published(moved.uri))
            assert len(fake.requests) == 2, "all of it is known"
            assert editor.messages == []
            assert await editor.leave() == 0
        async with server(shop, fake) as editor:
            await editor.initialize()
            buffer = opened(editor, shop)
            await editor.at_rest()
            assert not any(each["diagnostics"] for each in editor.published(buffer.uri))
            assert [a for a in await buffer.actions(found["range"]) if a["title"].startswith("Fix:")] == []

            answer = await choose(buffer, found["range"], "Show dismissed findings (1)")
            assert answer == {"shown": True, "count": 1}
            (hint,) = await buffer.diagnostics(1)
            assert (hint["severity"], hint["code"]) == (4, "wrong-value")
            assert "\ndismissed: by you on " in hint["message"]
            answer = await choose(buffer, found["range"], "Hide dismissed findings (1)")
            assert answer["shown"] is False
            assert editor.published(buffer.uri)[-1]["diagnostics"] == []

            await choose(buffer, found["range"], "Show dismissed findings (1)")
            answer = await choose(buffer, found["range"], "Undo dismissal: Undefined name")
            assert answer["undismissed"] is True
            (back,) = await buffer.diagnostics(1)
            assert back["severity"] == 2
            assert len(fake.requests) == 2
            assert await editor.leave() == 0


async def test_other_code_under_the_same_rule_is_another_finding(shop: Path) -> None:
    async with FakeProvider(reviewer(BUG)) as fake, server(shop, fake) as editor:
        await editor.initialize()
        buffer = opened(editor, shop)
        (found,) = await buffer.diagnostics(1)
        await choose(buffer, found["range"], "Dismiss this finding")
        end = {"start": {"line": 1, "character": 36}, "end": {"line": 1, "character": 36}}
        buffer.replace(end, " or 0")
        (found,) = await buffer.diagnostics(1)
        assert buffer.covered(found["range"]).endswith("or 0")
        assert await editor.leave() == 0


async def test_a_rule_is_dismissed_in_its_file_only(shop: Path) -> None:
    async with FakeProvider(reviewer(BUG)) as fake, server(shop, fake) as editor:
        await editor.initialize()
        one, other = opened(editor, shop), opened(editor, shop, "b.py")
        (found,) = await one.diagnostics(1)
        await other.diagnostics(1)
        answer = await choose(one, found["range"], "Dismiss in this file: wrong-value")
        assert (answer["scope"], answer["file"]) == ("rule", "a.py")
        assert editor.published(one.uri)[-1]["diagnostics"] == []
        await editor.at_rest()
        assert len(editor.published(other.uri)[-1]["diagnostics"]) == 1
        await choose(one, found["range"], "Show dismissed findings")
        await choose(one, found["range"], "Undo dismissal")
        assert [each["severity"] for each in await one.diagnostics(1)] == [2]
        assert len(fake.requests) == 1
        assert await editor.leave() == 0


async def test_a_comment_dismisses_until_it_is_removed(shop: Path) -> None:
    comment = "    # kibitz: ignore[wrong-value] value is a global\n"
    text = SOURCE.replace("    return sum", f"{comment}    return sum")
    async with FakeProvider(reviewer(BUG)) as fake, server(shop, fake) as editor:
        await editor.initialize()
        buffer = opened(editor, shop, text=text)
        await fake.seen(1)
        await editor.at_rest()
        assert not any(each["diagnostics"] for each in editor.published(buffer.uri))
        where = {"start": {"line": 2, "character": 0}, "end": {"line": 2, "character": 0}}
        await choose(buffer, where, "Show dismissed findings (1)")
        (hint,) = await buffer.diagnostics(1)
        assert hint["message"].endswith("dismissed: by a comment: value is a global")
        answer = await choose(buffer, where, "Undo dismissal")
        assert (answer["undismissed"], answer["line"]) == (False, 2)
        assert "line 2" in editor.messages[-1]
        buffer.replace({"start": {"line": 1, "character": 0}, "end": {"line": 2, "character": 0}}, "")
        await fake.seen(2)
        await editor.until(
            lambda: [d["severity"] for d in editor.published(buffer.uri)[-1]["diagnostics"]] == [2]
        )
        assert await editor.leave() == 0


async def test_a_team_shares_its_dismissals_and_they_are_followed_live(shop: Path) -> None:
    team = shop / ".kibitz" / "dismissals.jsonl"
    async with FakeProvider(reviewer(BUG)) as fake:
        async with server(shop, fake, KIBITZ_DISMISSALS="team") as editor:
            await editor.initialize()
            buffer = opened(editor, shop)
            (found,) = await buffer.diagnostics(1)
            answer = await choose(buffer, found["range"], "Dismiss this finding")
            assert (answer["where"], answer["path"]) == ("team", str(team))
            assert editor.published(buffer.uri)[-1]["diagnostics"] == []
            assert await editor.leave() == 0
        (line,) = team.read_text().splitlines()
        assert json.loads(line)["fingerprint"] == answer["fingerprint"]
        # A colleague has it from the repository.
        async with server(shop, fake, KIBITZ_STATE_DIR=str(shop / "colleague")) as editor:
            await editor.initialize(workspace={"didChangeWatchedFiles": {"dynamicRegistration": True}})
            watched = await editor.wait(lambda message: message.get("method") == "client/registerCapability")
            editor.send(id=watched["id"], result=None)
            buffer = opened(editor, shop)
            await fake.seen(2)
            await editor.at_rest()
            assert not any(each["diagnostics"] for each in editor.published(buffer.uri))
            team.write_text("")
            changed = {"changes": [{"uri": team.as_uri(), "type": 2}]}
            editor.notify("workspace/didChangeWatchedFiles", changed)
            assert len(await buffer.diagnostics(1)) == 1
            team.write_text(encode(Dismissal("wrong-value", file="a.py", reason="it is generated")) + "\n")
            editor.notify("workspace/didChangeWatchedFiles", changed)
            await editor.until(lambda: editor.published(buffer.uri)[-1]["diagnostics"] == [])
            assert len(fake.requests) == 2
            assert editor.messages == []
            assert await editor.leave() == 0


async def test_a_team_file_that_is_none_does_no_harm(shop: Path) -> None:
    (shop / ".kibitz" / "dismissals.jsonl").write_bytes(b"\xff\x00<<<<<<<\n" * 10_000 + b"[" * 100_000)
    async with FakeProvider(reviewer(BUG)) as fake, server(shop, fake) as editor:
        await editor.initialize()
        buffer = opened(editor, shop)
        await buffer.diagnostics(1)
        assert await editor.leave() == 0
