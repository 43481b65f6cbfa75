"""Answers over windows and restarts, seen from an editor."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.e2e.test_reviewing import BUG, SOURCE, server
from tests.support.fake_provider import Bug, FakeProvider, Prompt, Reply, reviewer
from tests.support.lsp_process import Buffer

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.lsp_process import ServerProcess

pytestmark = pytest.mark.deep
OTHER = Bug("len(value)", "len(values)", title="Another title", trigger="mean([1]) raises NameError")


def opened(editor: ServerProcess, folder: Path) -> Buffer:
    buffer = Buffer(editor, f"file://{folder}/mean.py", SOURCE, Encoding.UTF16)
    buffer.open()
    return buffer


def age(folder: Path, seconds: float) -> int:
    """Make all answers on disk that much older; returns how many there are."""
    with closing(sqlite3.connect(folder / "state" / "state.db")) as connection, connection:
        return connection.execute(
            "UPDATE answers_kept SET stored = stored - :age, fresh_until = fresh_until - :age,"
            " dead_at = dead_at - :age",
            {"age": seconds},
        ).rowcount


async def somebody_waits(folder: Path) -> None:
    """Wait until a process waits for what another has claimed."""
    waiting = "SELECT count(*) FROM claims_held WHERE wanted IS NOT NULL"
    async with asyncio.timeout(30):
        with closing(sqlite3.connect(folder / "state" / "state.db")) as connection:
            while not connection.execute(waiting).fetchone()[0]:  # noqa: ASYNC110 - another process tells
                await asyncio.sleep(0.01)


async def test_a_stale_finding_is_shown_at_once_and_replaced_when_the_new_answer_is_there(
    tmp_path: Path,
) -> None:
    async with FakeProvider(reviewer(BUG)) as fake:
        async with server(tmp_path, fake) as editor:
            await editor.initialize()
            await opened(editor, tmp_path).diagnostics(1)
            assert await editor.leave() == 0
        assert age(tmp_path, 8 * 86_400)
        fake.answer, fake.gate = reviewer(OTHER), asyncio.Event()
        async with server(tmp_path, fake) as editor:
            await editor.initialize()
            buffer = opened(editor, tmp_path)
            (found,) = await buffer.diagnostics(1)
            assert found["message"].startswith("Undefined name")
            await fake.seen(2)
            fake.gate.set()
            await editor.until(
                lambda: "Another title" in str(editor.published(buffer.uri)[-1]["diagnostics"]),
            )
            assert len(await buffer.diagnostics(1)) == 1
            assert len(fake.requests) == 2
            assert editor.messages == []


async def test_what_was_refused_is_not_sent_again_after_a_restart_unless_the_user_insists(
    tmp_path: Path,
) -> None:
    def refuses(_prompt: Prompt) -> Reply:
        return Reply("", refusal="No.")

    async with FakeProvider(refuses) as fake:
        for _ in range(2):
            async with server(tmp_path, fake) as editor:
                await editor.initialize()
                opened(editor, tmp_path)
                await editor.until(lambda: bool(editor.messages))
                sent = len(fake.requests)
                assert await editor.leave() == 0
        # The pack, and then each of its two functions alone.
        assert sent == 3
        async with server(tmp_path, fake) as editor:
            await editor.initialize()
            buffer = opened(editor, tmp_path)
            await editor.until(lambda: bool(editor.messages))
            fake.answer = reviewer(BUG)
            command = {"command": "kibitz.analyzeDocument", "arguments": [buffer.uri]}
            await editor.request("workspace/executeCommand", command)
            await buffer.diagnostics(1)


async def test_two_windows_that_open_a_file_at_once_ask_once(tmp_path: Path) -> None:
    async with (
        FakeProvider(reviewer(BUG)) as fake,
        server(tmp_path, fake) as one,
        server(tmp_path, fake) as other,
    ):
        fake.gate = asyncio.Event()
        await one.initialize()
        await other.initialize()
        first = opened(one, tmp_path)
        await fake.seen(1)
        second = opened(other, tmp_path)
        await somebody_waits(tmp_path)
        assert len(fake.requests) == 1
        fake.gate.set()
        assert await first.diagnostics(1) == await second.diagnostics(1)
        assert len(fake.requests) == 1


async def test_a_window_that_dies_while_it_asks_leaves_the_question_to_the_other(tmp_path: Path) -> None:
    async with FakeProvider(reviewer(BUG)) as fake, server(tmp_path, fake) as other:
        fake.gate = asyncio.Event()
        await other.initialize()
        async with server(tmp_path, fake) as one:
            await one.initialize()
            opened(one, tmp_path)
            await fake.seen(1)
            second = opened(other, tmp_path)
            await somebody_waits(tmp_path)
            one.process.kill()
            await one.process.wait()
        with closing(sqlite3.connect(tmp_path / "state" / "state.db")) as connection, connection:
            connection.execute("UPDATE claims_held SET until = 0")  # ten seconds later
        await fake.seen(2)
        fake.gate.set()
        assert len(await second.diagnostics(1)) == 1
