"""``kibitz serve`` as a process of its own, with an editor's end of its pipes."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.support import canary
from tests.support.texts import naive_offset

from kibitz.lsp.framing import Frame, FrameReader
from kibitz.text.lines import Encoding, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Json = dict[str, Any]
SECONDS = 30.0
"""A busy machine takes its time; what does not come by then does not come."""


def clean_environment(home: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """The environment without anything that configures kibitz, but for ``extra``."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "KIBITZ_", "XDG_"))}
    places = {"HOME": home, "KIBITZ_MODEL_DIR": home / "models", "KIBITZ_STATE_DIR": home / "state"}
    return keep | {name: str(place) for name, place in places.items()} | dict(extra)


class ServerProcess:
    """Starts the server when entered, and makes sure that it is gone when left."""

    def __init__(self, home: Path, *arguments: str, **environment: str) -> None:
        self.received: list[Json] = []
        self.stderr = b""
        self._said = b""
        self._home = home
        self._arguments = arguments
        self._environment = clean_environment(home, environment)
        self._ids = itertools.count(1)
        self._reader = FrameReader()
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def command(self) -> list[str]:
        """What is started."""
        kibitz = Path(sysconfig.get_path("scripts")) / "kibitz"
        program = [str(kibitz)] if kibitz.exists() else [sys.executable, "-m", "kibitz"]
        return [*program, "serve", *self._arguments]

    async def __aenter__(self) -> Self:
        self.process = await asyncio.create_subprocess_exec(
            *self.command(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
            cwd=self._home,
        )
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._log())]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await asyncio.gather(*self._tasks)
        assert self.process.stdin
        self.process.stdin.close()
        canary.search("what the server said to its editor", self._said)
        canary.search("the server's standard error", self.stderr)

    async def _listen(self) -> None:
        assert self.process.stdout
        while data := await self.process.stdout.read(65_536):
            for frame in self._reader.feed(data):
                assert isinstance(frame, Frame)
                self._said += frame.body
                self.received.append(json.loads(frame.body))
            self._changed.set()
        self._changed.set()

    async def _log(self) -> None:
        assert self.process.stderr
        while data := await self.process.stderr.read(65_536):
            self.stderr += data
            self._changed.set()

    def send_bytes(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)

    def send(self, **message: object) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.send_bytes(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def notify(self, method: str, params: object = None) -> None:
        self.send(method=method, params=params)

    async def request(self, method: str, params: object = None) -> Json:
        msg_id = next(self._ids)
        self.send(id=msg_id, method=method, params=params)
        return await self.wait(lambda m: m.get("id") == msg_id and "method" not in m)

    async def wait(self, wanted: Callable[[Json], bool], seconds: float = SECONDS) -> Json:
        """The first message that is ``wanted``, of those that came or will come."""
        await self.until(lambda: any(wanted(m) for m in self.received), seconds)
        return next(m for m in self.received if wanted(m))

    async def until(self, condition: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Wait until what came, messages or lines of the log, meets ``condition``."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def initialize(self, encoding: str = "utf-16", **capabilities: object) -> Json:
        answer = await self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": f"file://{self._home}",
                "capabilities": {
                    "general": {"positionEncodings": [encoding]},
                    "textDocument": {"codeAction": {"codeActionLiteralSupport": {}}},
                    **capabilities,
                },
            },
        )
        self.notify("initialized", {})
        result: Json = answer["result"]
        return result

    def published(self, uri: str) -> list[Json]:
        """What was published about a document, in order."""
        method = "textDocument/publishDiagnostics"
        return [m["params"] for m in self.received if m.get("method") == method and m["params"]["uri"] == uri]

    @property
    def messages(self) -> list[str]:
        return [m["params"]["message"] for m in self.received if m.get("method") == "window/showMessage"]

    async def at_rest(self) -> None:
        """Wait until no review is under way or waiting."""
        command = {"command": "kibitz.status"}
        async with asyncio.timeout(SECONDS):
            status: Json = {"state": "", "reviews": 0}
            while status["reviews"] or status["state"] not in {"idle", "degraded"}:
                status = (await self.request("workspace/executeCommand", command))["result"]
        canary.search_processes(self.process.pid)

    async def leave(self) -> int:
        """Shut down as an editor should; the exit code."""
        canary.search_arguments(self.process.pid)
        assert (await self.request("shutdown"))["result"] is None
        self.notify("exit")
        return await asyncio.wait_for(self.process.wait(), SECONDS)


class Buffer:
    """A document as an editor has it, with columns counted the slow, obvious way."""

    def __init__(self, server: ServerProcess, uri: str, text: str, encoding: Encoding) -> None:
        self.server = server
        self.uri = uri
        self.text = text
        self.version = 1
        self.encoding = encoding
        self.sent = 0.0
        """When the last edit went out (``time.perf_counter``); to find its place took 20 ms before."""

    def open(self, language: str = "python") -> None:
        document = {"uri": self.uri, "languageId": language, "version": self.version, "text": self.text}
        self.server.notify("textDocument/didOpen", {"textDocument": document})

    def offset(self, position: Json) -> int:
        return naive_offset(self.text, Position(position["line"], position["character"]), self.encoding)

    def covered(self, where: Json) -> str:
        """The text of a range."""
        return self.text[self.offset(where["start"]) : self.offset(where["end"])]

    def replace(self, where: Json, new: str) -> None:
        """Edit, and tell the server."""
        start, end = self.offset(where["start"]), self.offset(where["end"])
        self.text = self.text[:start] + new + self.text[end:]
        self.version += 1
        self.sent = time.perf_counter()
        self.server.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": self.uri, "version": self.version},
                "contentChanges": [{"range": where, "text": new}],
            },
        )

    async def actions(self, where: Json) -> list[Json]:
        """The code actions of a range."""
        answer = await self.server.request(
            "textDocument/codeAction",
            {"textDocument": {"uri": self.uri}, "range": where, "context": {"diagnostics": []}},
        )
        result: list[Json] = answer["result"]
        return result

    async def fix(self, where: Json) -> Json:
        """The one code action of a range that brings its edit along."""
        (action,) = [
            each for each in await self.actions(where) if "edit" in each and each["kind"] == "quickfix"
        ]
        return action

    def apply(self, action: Json) -> None:
        """Apply an action's edits, as one would by hand."""
        edit = action["edit"]
        edits = edit["changes"][self.uri] if "changes" in edit else edit["documentChanges"][0]["edits"]
        for change in sorted(edits, key=lambda e: self.offset(e["range"]["start"]), reverse=True):
            self.replace(change["range"], change["newText"])

    async def diagnostics(self, count: int) -> list[Json]:
        """The diagnostics, once ``count`` of them are the last that was published."""

        def last() -> list[Json] | None:
            published = self.server.published(self.uri)
            return published[-1]["diagnostics"] if published else None

        await self.server.until(lambda: len(last() or []) == count and last() is not None)
        found = last()
        assert found is not None
        return found
