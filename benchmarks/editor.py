"""An editor's end of a language server's pipes, for benchmarks, and the provider that a server asks."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.process import Taken, cpu_seconds
from benchmarks.typist import BUG, program
from tests.support.captured import introduction

from kibitz.lsp.framing import Frame, FrameReader
from kibitz.text.lines import Encoding, LineIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from benchmarks.typist import Stroke

Json = dict[str, Any]
KIBITZ = [str(Path(sys.executable).with_name("kibitz")), "serve"]
PROBE = "benchmark/probe"
"""A method that no server has: it is refused as soon as the server gets to it."""


def asking(base_url: str) -> dict[str, str]:
    """The environment of a kibitz that asks there, and as much as it likes."""
    return {
        "OPENAI_BASE_URL": base_url,
        "OPENAI_API_KEY": "sk-benchmark",
        "KIBITZ_MAX_FINDINGS": "100",
        "KIBITZ_REQUESTS_PER_MINUTE": "10000",
        "KIBITZ_TOKENS_PER_MINUTE": "100000000",
        "KIBITZ_BUDGET_USD_PER_DAY": "off",
        "KIBITZ_UNUSUAL_USAGE": "off",
    }


class Editor:
    """A server's process and the editor's end of its pipes."""

    def __init__(
        self, command: Sequence[str], home: Path, environment: Mapping[str, str], text: str | None = None
    ) -> None:
        self.text, self.version = program() if text is None else text, 1
        self.uri = (home / "steps.py").as_uri()
        self.published: list[tuple[int | None, list[Json]]] = []
        """The version and the diagnostics of each `publishDiagnostics`."""
        self.texts = {1: self.text}
        self._command = command
        self._home = home
        self._environment = environment
        self._waiting: dict[int, asyncio.Future[tuple[float, Json]]] = {}
        self._numbers = itertools.count(1)
        self._came = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._environment,
            cwd=self._home,
        )
        self._listener = asyncio.create_task(self._listen())
        project = self._home.as_uri()
        params = introduction("eglot-1.17") | {
            "processId": os.getpid(),
            "rootPath": str(self._home),
            "rootUri": project,
            "workspaceFolders": [{"uri": project, "name": "project"}],
        }
        await self.ask("initialize", params)
        self.notify("initialized", {})
        self.open(self.uri, self.text)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.ask("shutdown", None)
        self.notify("exit", None)
        await asyncio.wait_for(self._process.wait(), 10)
        await self._listener

    @property
    def shown(self) -> list[Json]:
        return self.published[-1][1] if self.published else []

    @property
    def cpu(self) -> float:
        """Seconds that the server has computed for so far."""
        return cpu_seconds(self._process.pid)

    @property
    def resident_mb(self) -> float:
        """Memory now, in MB (10**6 bytes)."""
        return Taken.by(self._process.pid).resident_mb

    async def ask(self, method: str, params: object, ahead: bytes = b"") -> tuple[float, Json]:
        """The milliseconds to the answer, and the answer; ``ahead`` is written before the question."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin
        body = ahead + frame(method, params, number)
        began = time.perf_counter()
        self._process.stdin.write(body)
        ended, message = await asyncio.wait_for(answer, 60)
        del self._waiting[number]
        return (ended - began) * 1000, message

    def open(self, uri: str, text: str) -> None:
        """Open a document in Python."""
        document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def notify(self, method: str, params: object) -> None:
        assert self._process.stdin
        self._process.stdin.write(frame(method, params))

    def change(self, stroke: Stroke) -> bytes:
        """The message that a key is typed, which is then to be sent."""
        lines = LineIndex(self.text)
        where = {"start": place(lines, stroke.start), "end": place(lines, stroke.end)}
        self.text = self.text[: stroke.start] + stroke.text + self.text[stroke.end :]
        self.version += 1
        self.texts[self.version] = self.text
        change = {
            "textDocument": {"uri": self.uri, "version": self.version},
            "contentChanges": [{"range": where, "text": stroke.text}],
        }
        return frame("textDocument/didChange", change)

    async def quiet(self, seconds: float) -> None:
        """Wait until nothing has come for so long."""
        with suppress(TimeoutError):
            while True:
                self._came.clear()
                await asyncio.wait_for(self._came.wait(), seconds)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(120):
            while not condition():
                self._came.clear()
                await self._came.wait()

    async def _listen(self) -> None:
        assert self._process.stdout
        reader = FrameReader()
        while data := await self._process.stdout.read(65_536):
            heard = time.perf_counter()
            for each in reader.feed(data):
                assert isinstance(each, Frame)
                self._take(json.loads(each.body), heard)

    def _take(self, message: Json, heard: float) -> None:
        if "method" not in message:
            self._waiting[message["id"]].set_result((heard, message))
            return
        self._came.set()
        if message["method"] == "textDocument/publishDiagnostics" and message["params"]["uri"] == self.uri:
            params = message["params"]
            self.published.append((params.get("version"), params["diagnostics"]))
        if "id" in message:
            result = (
                [None] * len(message["params"]["items"]) if "configuration" in message["method"] else None
            )
            assert self._process.stdin
            self._process.stdin.write(_framed({"jsonrpc": "2.0", "id": message["id"], "result": result}))


def frame(method: str, params: object, number: int | None = None) -> bytes:
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    return _framed(message if number is None else message | {"id": number})


def _framed(message: Json) -> bytes:
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def place(lines: LineIndex, offset: int) -> Json:
    at = lines.position(offset, Encoding.UTF32)
    return {"line": at.line, "character": at.character}


def quantiles(values: Sequence[float]) -> Json:
    """Median, 99th percentile and the most, in milliseconds."""
    ordered = sorted(values)
    at = {"p50": len(ordered) // 2, "p99": min(len(ordered) * 99 // 100, len(ordered) - 1), "max": -1}
    return {name: round(ordered[index], 2) for name, index in at.items()}


@contextmanager
def provider(latency_ms: int) -> Iterator[str]:
    """A fake provider as a process of its own, so that it does not hold up what is measured."""
    command = [sys.executable, "-m", "tests.support.fake_provider", "--latency-ms", str(latency_ms)]
    process = subprocess.Popen(
        [*command, "--bug", "=>".join(BUG)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.communicate()
