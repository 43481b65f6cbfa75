"""How the process starts and ends, in every state."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from tests.support import canary
from tests.support.fake_provider import FakeProvider
from tests.support.lsp_process import Buffer, ServerProcess, clean_environment

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from pathlib import Path

DRAIN = 2.0
"""Seconds that the end may take: 1, and as much again for a busy machine."""


async def ended(server: ServerProcess) -> int:
    began = time.monotonic()
    code = await asyncio.wait_for(server.process.wait(), 30)
    assert time.monotonic() - began < DRAIN
    return code


async def test_before_initialize(tmp_path: Path) -> None:
    async with ServerProcess(tmp_path, "--stdio") as server:
        assert (await server.request("shutdown"))["error"]["code"] == -32002
        server.notify("exit")
        assert await ended(server) == 1


async def test_shutdown_twice_then_exit(tmp_path: Path) -> None:
    async with ServerProcess(tmp_path) as server:
        await server.initialize()
        assert (await server.request("shutdown"))["result"] is None
        assert await server.leave() == 0
        assert server.stderr == b""


async def test_exit_without_shutdown(tmp_path: Path) -> None:
    async with ServerProcess(tmp_path) as server:
        await server.initialize()
        server.notify("exit")
        assert await ended(server) == 1


@pytest.mark.parametrize("how", ["closed pipe", "shutdown", "exit", "SIGTERM"])
async def test_during_a_review(how: str, tmp_path: Path) -> None:
    async with (
        FakeProvider() as fake,
        ServerProcess(tmp_path, OPENAI_BASE_URL=fake.base_url, OPENAI_API_KEY=canary.KEY) as server,
    ):
        fake.gate = asyncio.Event()
        await server.initialize()
        Buffer(server, "untitled:a.py", "def f(): pass\n", Encoding.UTF16).open()
        await fake.seen(1)
        assert server.process.stdin
        if how == "closed pipe":
            server.process.stdin.close()
        elif how == "shutdown":
            await server.request("shutdown")
            server.notify("exit")
        elif how == "exit":
            server.notify("exit")
        else:
            server.process.send_signal(signal.SIGTERM)
        assert await ended(server) == (0 if how == "shutdown" else 1)
        await fake.until(lambda: fake.requests[0].disconnected)
        assert server.stderr == b""


async def test_an_editor_that_reads_no_more(tmp_path: Path) -> None:
    async with ServerProcess(tmp_path) as server:
        await server.initialize()
        # Closing our end of its standard output: the next answer cannot be written.
        transport = server.process._transport  # type: ignore[attr-defined]  # asyncio has no public way
        transport.get_pipe_transport(1).close()
        server.send(id=7, method="textDocument/codeAction", params=None)
        assert await ended(server) == 1


async def test_the_editors_death_is_noticed_though_the_pipe_stays_open(tmp_path: Path) -> None:
    editor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE
    )
    async with ServerProcess(tmp_path) as server:
        await server.request("initialize", {"processId": editor.pid, "capabilities": {}})
        editor.kill()
        await editor.communicate()
        assert await asyncio.wait_for(server.process.wait(), 10) == 1


def test_a_file_as_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "in"
    body = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}'
    path.write_bytes(b"content-length: %d\r\n\r\n%s" % (len(body), body))
    with path.open("rb") as stdin:
        done = subprocess.run(
            [sys.executable, "-m", "kibitz.lsp"],
            stdin=stdin,
            capture_output=True,
            check=False,
            timeout=60,
            env=clean_environment(tmp_path, {}),
        )
    assert b'"serverInfo"' in done.stdout
    assert done.returncode == 1


def test_nothing_as_standard_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kibitz.lsp"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
        env=clean_environment(tmp_path, {}),
    )
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"", 1)


async def test_what_others_print_does_not_reach_the_editor(tmp_path: Path) -> None:
    script = (
        "import os, kibitz.lsp.features.initialize as m; old = m.initialize\n"
        "def noisy(ls, params):\n"
        "    print('from a library', flush=True); os.write(1, b'from native code'); return old(ls, params)\n"
        "m.initialize = noisy\n"
        "from kibitz.lsp.start import main; main()\n"
    )
    body = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}'
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script],
        input=b"Content-Length: %d\r\n\r\n%s" % (len(body), body),
        capture_output=True,
        timeout=60,
        check=False,
        env=clean_environment(tmp_path, {}),
    )
    assert done.stdout.startswith(b"Content-Length: ")
    assert b"from" not in done.stdout
    assert b"from native code" in done.stderr


def session(number: int) -> bytes:
    """A recorded conversation, up to its probe."""
    document = {"uri": "untitled:a.py", "languageId": "python", "version": 1, "text": "x = 1\n😀é\n"}
    where = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 2}}
    changed = {"uri": "untitled:a.py", "version": 2}
    change = {"textDocument": changed, "contentChanges": [{"range": where, "text": "yy"}]}
    messages: list[dict[str, object]] = [
        {"id": 1, "method": "initialize", "params": {"processId": None, "capabilities": {}}},
        {"method": "initialized", "params": {}},
        {"method": "textDocument/didOpen", "params": {"textDocument": document}},
        {"method": "textDocument/didChange", "params": change},
        {"id": number, "method": "workspace/executeCommand", "params": {"command": "kibitz.stop"}},
    ]
    bodies = [json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode() for message in messages]
    return b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies)


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Up to six small damages, anywhere."""
    for _ in range(chance.randrange(7)):
        at = chance.randrange(len(data) + 1)
        new = chance.randbytes(chance.randrange(12))
        match chance.randrange(4):
            case 0:
                data = data[:at] + bytes(byte ^ 0x15 for byte in data[at : at + 1]) + data[at + 1 :]
            case 1:
                data = data[:at] + new + data[at:]
            case 2:
                data = data[:at] + data[at + len(new) :]
            case _:
                lie = b"Content-Length: %d" % chance.choice([0, 1, at, 10**6, 10**12])
                data = data.replace(b"Content-Length: 1", lie, 1)
    return data


@pytest.mark.deep
async def test_mutated_conversations_leave_a_server_that_answers(tmp_path: Path) -> None:
    async with ServerProcess(tmp_path) as server:
        await server.initialize()
        for seed in range(150):
            chance = random.Random(seed)  # noqa: S311 - a test that can be repeated
            server.send_bytes(mutate(session(seed), chance))
            # Damaged framing may swallow the first of these, as it would for any reader; the last is heard.
            for number in range(3):
                server.send(id=f"probe {seed}.{number}", method="textDocument/hover", params={})
            await server.wait(lambda m, seed=seed: m.get("id") == f"probe {seed}.2", 10)  # type: ignore[misc]  # bound at once
        assert b"Traceback" not in server.stderr
        assert await server.leave() == 0
