"""500 keys typed at real intervals into 2,000 lines with 30 findings: what each takes, and what is shown.

    python -m benchmarks.typing_session [--speed 1] [--seed 1] [--beside FOLDER] [--json FILE]

Every server gets the same keys, one `didChange` each, from the same editor (it says it is eglot 1.17). Behind
each change goes a request for a method that no server has; the time until its answer is what the server was
busy with the change (and whatever else it did just then), and the pipe. After every second key a code action
and a hover are asked for where a diagnostic is shown, as an editor's cursor would.

Another process does nothing but compute for 1.5 ms whenever it is asked, after every second key: what that
takes beyond is what the machine adds to everything (a virtual one loses its processors now and then).

A diagnostic flickers when it goes while what it is about is still there, and comes back. `--beside` compares
jedi-language-server and ruff's server, for what they do; they are fetched into a virtual environment in that
folder. Run it alone on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.typist import BUG, BUGGY, Typist, program
from tests.support.captured import introduction
from tests.support.lsp_process import clean_environment

from kibitz.lsp.framing import Frame, FrameReader
from kibitz.text.lines import Encoding, LineIndex, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from benchmarks.typist import Stroke

KEYS = 500
EVERY = 2
LIMIT_MS = 5.0
LATENCY_MS = 800
CONTROL = """
import sys, time
for line in sys.stdin:
    began = time.thread_time()
    while time.thread_time() - began < 0.0015:
        pass
    print(flush=True)
"""
PINNED = ("jedi-language-server==0.47.0", "ruff==0.17.6")
Json = dict[str, Any]


class Editor:
    """A server's process and the editor's end of its pipes."""

    def __init__(self, command: Sequence[str], home: Path, environment: Mapping[str, str]) -> None:
        self.text, self.version = program(), 1
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
        self._send({"method": "initialized", "params": {}})
        document = {"uri": self.uri, "languageId": "python", "version": 1, "text": self.text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.ask("shutdown", None)
        self._send({"method": "exit"})
        await asyncio.wait_for(self._process.wait(), 10)
        await self._listener

    @property
    def shown(self) -> list[Json]:
        return self.published[-1][1] if self.published else []

    @property
    def cpu(self) -> float:
        """Seconds of all its threads so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def ask(self, method: str, params: object) -> tuple[float, Json]:
        """The milliseconds to the answer, and the answer."""
        return await self._ask(method, params)

    async def press(self, stroke: Stroke) -> float:
        """Type a key; the milliseconds until the server is ready for the next message."""
        lines = LineIndex(self.text)
        where = {"start": _place(lines, stroke.start), "end": _place(lines, stroke.end)}
        self.text = self.text[: stroke.start] + stroke.text + self.text[stroke.end :]
        self.version += 1
        self.texts[self.version] = self.text
        change = {
            "textDocument": {"uri": self.uri, "version": self.version},
            "contentChanges": [{"range": where, "text": stroke.text}],
        }
        took, _ = await self._ask("benchmark/probe", None, ahead=_frame("textDocument/didChange", change))
        return took

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

    async def _ask(self, method: str, params: object, ahead: bytes = b"") -> tuple[float, Json]:
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin
        body = ahead + _frame(method, params, number)
        began = time.perf_counter()
        self._process.stdin.write(body)
        ended, message = await asyncio.wait_for(answer, 60)
        del self._waiting[number]
        return (ended - began) * 1000, message

    def _send(self, message: Json) -> None:
        assert self._process.stdin
        self._process.stdin.write(_framed({"jsonrpc": "2.0", **message}))

    async def _listen(self) -> None:
        assert self._process.stdout
        reader = FrameReader()
        while data := await self._process.stdout.read(65_536):
            heard = time.perf_counter()
            for frame in reader.feed(data):
                assert isinstance(frame, Frame)
                self._take(json.loads(frame.body), heard)

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
            self._send({"id": message["id"], "result": result})


def _frame(method: str, params: object, number: int | None = None) -> bytes:
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    return _framed(message if number is None else message | {"id": number})


def _framed(message: Json) -> bytes:
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def _place(lines: LineIndex, offset: int) -> Json:
    at = lines.position(offset, Encoding.UTF32)
    return {"line": at.line, "character": at.character}


@dataclass
class Times:
    """Milliseconds of what was asked."""

    change: list[float] = field(default_factory=list)
    action: list[float] = field(default_factory=list)
    hover: list[float] = field(default_factory=list)
    nothing: list[float] = field(default_factory=list)
    """Of the probe alone: the pipe, and reading and refusing a request."""
    machine: list[float] = field(default_factory=list)
    """Of a process that computes for 1.5 ms."""


class Control:
    """A process that shows what the machine adds; see ``CONTROL``."""

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CONTROL, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        await self._process.wait()

    async def ask(self) -> float:
        """Milliseconds until it answers."""
        assert self._process.stdin
        assert self._process.stdout
        began = time.perf_counter()
        self._process.stdin.write(b"\n")
        await self._process.stdout.readline()
        return (time.perf_counter() - began) * 1000


async def type_all(
    editor: Editor, control: Control, strokes: Sequence[Stroke], speed: float, seed: int
) -> Times:
    times, chance = Times(), random.Random(seed)  # noqa: S311 - not for secrets
    for _ in range(20):
        times.nothing.append((await editor.ask("benchmark/probe", None))[0])
    due = time.perf_counter()
    for number, stroke in enumerate(strokes):
        due += stroke.pause / speed
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        times.change.append(await editor.press(stroke))
        if number % EVERY == 0:
            at = chance.choice(editor.shown)["range"] if editor.shown else _word(editor)
            document = {"uri": editor.uri}
            here = [each for each in editor.shown if each["range"] == at]
            params: Json = {"textDocument": document, "range": at, "context": {"diagnostics": here}}
            times.action.append((await editor.ask("textDocument/codeAction", params))[0])
            params = {"textDocument": document, "position": at["start"]}
            times.hover.append((await editor.ask("textDocument/hover", params))[0])
            times.machine.append(await control.ask())
    return times


def _word(editor: Editor) -> Json:
    """Where nothing is shown: a name."""
    lines = LineIndex(editor.text)
    at = editor.text.index("values_0")
    return {"start": _place(lines, at), "end": _place(lines, at + 6)}


def came_and_went(published: Sequence[tuple[int | None, list[Json]]], texts: Mapping[int, str]) -> int:
    """How many diagnostics went and came back.

    One is told from another by its rule and by what it is about: the number in the name that it covers, which
    is another in each function. It may cover less than that while it is typed in, so its own name counts.
    """
    names: dict[object, object] = {}
    before: Counter[object] = Counter()
    gone: Counter[object] = Counter()
    flickers = 0
    for version, diagnostics in published:
        lines = LineIndex(texts[version or max(texts)])
        now: Counter[object] = Counter()
        for each in diagnostics:
            data = each.get("data")
            own = data.get("id") if isinstance(data, dict) else None
            covered = _covered(lines, each["range"])
            about = re.findall(r"_(\d+)\b", covered) or [covered]
            name: object = (each.get("code"), about[-1])
            now[names.setdefault(own, name) if own else name] += 1
        back = gone & (now - before)
        flickers += back.total()
        gone = (gone - back) + (before - now)
        before = now
    return flickers


def _covered(lines: LineIndex, where: Json) -> str:
    start, end = (
        lines.offset(Position(place["line"], place["character"]), Encoding.UTF32)
        for place in (where["start"], where["end"])
    )
    return lines.text[start:end]


def quantiles(values: Sequence[float]) -> Json:
    """Median, 99th percentile and the most, in milliseconds."""
    ordered = sorted(values)
    at = {"p50": len(ordered) // 2, "p99": min(len(ordered) * 99 // 100, len(ordered) - 1), "max": -1}
    return {name: round(ordered[index], 2) for name, index in at.items()}


@contextmanager
def provider() -> Iterator[str]:
    """A fake provider as a process of its own, so that it does not hold up what is measured."""
    command = [sys.executable, "-m", "tests.support.fake_provider", "--latency-ms", str(LATENCY_MS)]
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


def requests_at(base_url: str) -> list[Json]:
    with urllib.request.urlopen(f"{base_url}/_fake/requests".replace("/v1/", "/")) as answer:  # noqa: S310
        found: list[Json] = json.load(answer)
    return found


async def measure(
    name: str, command: Sequence[str], environment: Mapping[str, str], options: argparse.Namespace
) -> Json:
    """One session with one server."""
    home = Path(tempfile.mkdtemp(prefix="kibitz-typing-"))
    strokes = Typist(program(), options.seed).strokes(KEYS)
    base_url = environment.get("OPENAI_BASE_URL")
    (home / "steps.py").write_text(program())
    async with Editor(command, home, clean_environment(home, environment)) as editor, Control() as control:
        if base_url:
            await editor.until(lambda: len(editor.shown) == BUGGY)
        await editor.quiet(3)
        opened, cpu = len(requests_at(base_url)) if base_url else 0, editor.cpu
        found, before = len(editor.shown), len(editor.published)
        times = await type_all(editor, control, strokes, options.speed, options.seed)
        await editor.quiet(5)
        result: Json = {
            "server": name,
            "diagnostics at first": found,
            "diagnostics at last": len(editor.shown),
            "messages": len(editor.published) - before,
            "flickers": came_and_went(editor.published, editor.texts),
            "cpu ms per key": round((editor.cpu - cpu) * 1000 / KEYS, 2),
            "probe": quantiles(times.nothing),
            "didChange": quantiles(times.change),
            "codeAction": quantiles(times.action),
            "hover": quantiles(times.hover),
            "machine": quantiles(times.machine),
        }
    if base_url:
        asked = requests_at(base_url)
        result["requests when opened"] = opened
        result["requests while typing"] = len(asked) - opened
        result["requests aborted"] = sum(each["disconnected"] for each in asked[opened:])
        result["bytes asked while typing"] = sum(len(json.dumps(each["body"])) for each in asked[opened:])
        result["left as they are"] = editor.text.count(BUG[0])
    return result


def others(folder: Path) -> dict[str, list[str]]:
    """The servers to compare with, fetched if they are not there."""
    if not (folder / "bin" / "ruff").exists():
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", "--quiet", *PINNED], check=True)
    return {
        "jedi-language-server": [str(folder / "bin" / "jedi-language-server")],
        "ruff server": [str(folder / "bin" / "ruff"), "server"],
    }


def told(results: Sequence[Json]) -> None:
    print(f"{KEYS} keys, milliseconds{'':<12}" + "".join(f"{result['server']:>22}" for result in results))
    for part in ("probe", "didChange", "codeAction", "hover", "machine"):
        for name in ("p50", "p99", "max"):
            print(f"{part + ' ' + name:<33}" + "".join(f"{result[part][name]:>22}" for result in results))
    rest = dict.fromkeys(
        name for result in results for name, value in result.items() if isinstance(value, (int, float))
    )
    for name in rest:
        print(f"{name:<33}" + "".join(f"{result.get(name, '-'):>22}" for result in results))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--speed", type=float, default=1.0, help="so many times as fast as somebody types")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--beside", type=Path, help="a folder for the servers to compare with")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    kibitz = [str(Path(sys.executable).with_name("kibitz")), "serve"]
    with provider() as base_url:
        environment = {
            "OPENAI_BASE_URL": base_url,
            "OPENAI_API_KEY": "sk-benchmark",
            "KIBITZ_MAX_FINDINGS": "100",
            "KIBITZ_REQUESTS_PER_MINUTE": "10000",
            "KIBITZ_TOKENS_PER_MINUTE": "100000000",
        }
        results = [asyncio.run(measure("kibitz", kibitz, environment, options))]
    for name, command in others(options.beside).items() if options.beside else ():
        results.append(asyncio.run(measure(name, command, {}, options)))
    told(results)
    if options.json:
        options.json.write_text(json.dumps({"speed": options.speed, "results": results}, indent=2) + "\n")
    ours = results[0]
    slow = [part for part in ("didChange", "codeAction", "hover") if ours[part]["p99"] > LIMIT_MS]
    kept = not slow and not ours["flickers"] and ours["diagnostics at last"] == ours["left as they are"]
    print("all limits kept" if kept else f"A LIMIT IS EXCEEDED: {slow}, {ours['flickers']} flickers")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
