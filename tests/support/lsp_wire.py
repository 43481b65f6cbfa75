"""A client for a server in the same process: messages go in as bytes and come out as JSON."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING, Any, cast

from tests.support import canary
from tests.support.clock import FakeClock
from tests.support.reviewing import FakeBackend

from kibitz.lsp.framing import Frame, FrameReader, Oversize
from kibitz.lsp.server import KibitzServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.lsp.transport import PipeWriter

Json = dict[str, Any]


class Wire:
    """The far end of a ``KibitzServer``'s pipe."""

    def __init__(self, backend: FakeBackend | None = None) -> None:
        self.clock = FakeClock()
        self.backend = backend or FakeBackend()
        self.server = KibitzServer(self.backend, clock=self.clock)
        self.received: list[Json] = []
        self.answers: dict[str, Callable[[Json], object]] = {}
        """What to answer to the server's requests, by method; others stay unanswered."""
        self._reader = FrameReader()
        self._ids = itertools.count(1)
        self.server.protocol.connect(cast("PipeWriter", self))

    # The pipe's side

    def write(self, data: bytes) -> None:
        canary.search("what the server said to its editor", data)
        for frame in self._reader.feed(data):
            assert isinstance(frame, Frame)
            message = json.loads(frame.body)
            self.received.append(message)
            if "method" in message and "id" in message and message["method"] in self.answers:
                result = self.answers[message["method"]](message)
                reply = {"jsonrpc": "2.0", "id": message["id"], "result": result}
                asyncio.get_running_loop().call_soon(self.send, reply)

    # The test's side

    def send(self, message: object) -> None:
        self.feed(message if isinstance(message, bytes) else json.dumps(message).encode())

    def feed(self, body: bytes | Oversize) -> None:
        self.server.protocol.handle_frame(body if isinstance(body, Oversize) else Frame(body))

    def notify(self, method: str, params: object = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def start(self, method: str, params: object = None) -> int:
        msg_id = next(self._ids)
        self.send({"jsonrpc": "2.0", "id": msg_id, "method": method, "params": params})
        return msg_id

    def answer(self, msg_id: object) -> Json | None:
        return next((m for m in self.received if m.get("id") == msg_id and "method" not in m), None)

    async def request(self, method: str, params: object = None) -> Json:
        msg_id = self.start(method, params)
        await until(lambda: self.answer(msg_id) is not None)
        return cast("Json", self.answer(msg_id))

    async def initialize(self, capabilities: Json | None = None, **params: object) -> Json:
        answer = await self.request("initialize", {"capabilities": capabilities or {}, **params})
        self.notify("initialized", {})
        await until(lambda: self.server.session.service is not None or bool(self.messages))
        return cast("Json", answer["result"])

    def open(self, text: str, uri: str = "untitled:a.py", version: int = 1, language: str = "python") -> None:
        document = {"uri": uri, "languageId": language, "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def change(self, version: int, *changes: Json, uri: str = "untitled:a.py") -> None:
        document = {"uri": uri, "version": version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": list(changes)})

    def of(self, method: str) -> list[Json]:
        return [m["params"] for m in self.received if m.get("method") == method]

    @property
    def published(self) -> list[Json]:
        return self.of("textDocument/publishDiagnostics")

    @property
    def messages(self) -> list[str]:
        return [params["message"] for params in self.of("window/showMessage")]

    async def close(self) -> None:
        await self.server.wind_down(1)
        self.server.protocol.disconnect()


def edit(start: tuple[int, int], end: tuple[int, int], text: str) -> Json:
    """A content change."""
    return {
        "range": {
            "start": {"line": start[0], "character": start[1]},
            "end": {"line": end[0], "character": end[1]},
        },
        "text": text,
    }


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Let the loop run until ``condition`` holds."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError("what was waited for did not happen")
        await asyncio.sleep(0.001)


async def settle() -> None:
    """Let the loop run until what is ready has run."""
    for _ in range(20):
        await asyncio.sleep(0)
