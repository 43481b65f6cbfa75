from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
from tests.support.lsp_wire import until

from kibitz.lsp import stdio
from kibitz.lsp.server import KibitzServer

if TYPE_CHECKING:
    from kibitz.lsp.framing import Frame


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(-1.0, "1 turn 2 turn 3 turn", id="slow"),
        pytest.param(60.0, "1 2 3 turn turn turn", id="quick"),
    ],
)
async def test_others_get_a_turn_between_messages_that_take_long(
    monkeypatch: pytest.MonkeyPatch, seconds: float, expected: str
) -> None:
    monkeypatch.setattr(stdio, "_SLICE_SECONDS", seconds)
    server = KibitzServer()
    done: list[str] = []

    def handle(frame: Frame) -> None:
        done.append(frame.body.decode())
        asyncio.get_running_loop().call_soon(done.append, "turn")

    monkeypatch.setattr(server.protocol, "handle_frame", handle)
    (stdin, far), (near, stdout) = os.pipe(), os.pipe()
    os.write(far, b"".join(b"Content-Length: 1\r\n\r\n%d" % number for number in (1, 2, 3)))
    serving = asyncio.create_task(stdio.serve(server, stdin, stdout))
    await until(lambda: done.count("turn") == 3)
    assert " ".join(done) == expected
    os.close(far)
    assert await serving == 1, "it ended without a shutdown"
    for each in (near, stdout):
        os.close(each)


async def test_nothing_is_handled_any_more_once_the_server_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    server = KibitzServer()
    done: list[Frame] = []

    def handle(frame: Frame) -> None:
        done.append(frame)
        server.stop()

    monkeypatch.setattr(server.protocol, "handle_frame", handle)
    (stdin, far), (near, stdout) = os.pipe(), os.pipe()
    os.write(far, b"Content-Length: 1\r\n\r\n1" * 3)
    await stdio.serve(server, stdin, stdout)
    assert len(done) == 1
    for each in (far, near, stdout):
        os.close(each)
