"""500 keys typed at real intervals into 2,000 lines with 30 findings: what each takes, and what is shown.

    python -m benchmarks.typing_session [--speed 1] [--seed 1] [--beside FOLDER] [--json FILE]

Every server gets the same keys, one `didChange` each, from the same editor (it says it is eglot 1.17). Behind
each change goes a request for a method that no server has; the time until its answer is what the server was
busy with the change (and whatever else it did just then), and the pipe. After every second key a code action
and a hover are asked for where a diagnostic is shown, as an editor's cursor would.

kibitz's server also writes down what it takes itself, from where a message is cut out of what has come until
its answer is written (``timed.py``); for that there is a limit. The rest of a round trip is the pipe, the
editor, and what the machine adds: another process does nothing but compute for 1.5 ms whenever it is asked,
after every second key (a virtual machine loses its processors now and then).

A diagnostic flickers when it goes while what it is about is still there, and comes back. `--beside` compares
jedi-language-server and ruff's server, for what they do; each is fetched into a virtual environment in that
folder. Run it alone on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.editor import KIBITZ, PROBE, Editor, Json, asking, place, provider, quantiles
from benchmarks.peers import JEDI, OURS, PEERS, RUFF
from benchmarks.timed import times_in
from benchmarks.typist import BUG, BUGGY, Typist, program
from tests.support.lsp_process import clean_environment

from kibitz.text.lines import Encoding, LineIndex, Position

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.typist import Stroke

KEYS = 500
EVERY = 2
LIMITED = ("didChange", "codeAction", "hover")
LIMIT_MS = 5.0
"""For the server's own time, of 99 in 100 messages."""
LATENCY_MS = 800
TIMED = Path(__file__).with_name("timed.py")
CONTROL = """
import sys, time
for line in sys.stdin:
    began = time.thread_time()
    while time.thread_time() - began < 0.0015:
        pass
    print(flush=True)
"""


@dataclass
class Times:
    """Milliseconds of what was asked, as the editor sees it."""

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
        times.nothing.append((await editor.ask(PROBE, None))[0])
    due = time.perf_counter()
    for number, stroke in enumerate(strokes):
        due += stroke.pause / speed
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        times.change.append((await editor.ask(PROBE, None, ahead=editor.change(stroke)))[0])
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
    return {"start": place(lines, at), "end": place(lines, at + 6)}


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
        lines.offset(Position(at["line"], at["character"]), Encoding.UTF32)
        for at in (where["start"], where["end"])
    )
    return lines.text[start:end]


def requests_at(base_url: str) -> list[Json]:
    with urllib.request.urlopen(f"{base_url}/_fake/requests".replace("/v1/", "/")) as answer:  # noqa: S310
        found: list[Json] = json.load(answer)
    return found


async def measure(
    name: str, command: Sequence[str], environment: Mapping[str, str], options: argparse.Namespace
) -> Json:
    """One session with one server. If it is ours, it writes down what each message takes."""
    home = Path(tempfile.mkdtemp(prefix="kibitz-typing-"))
    log = home / "timed"
    if name == OURS:
        command = [sys.executable, str(TIMED), str(log)]
    strokes = Typist(program(), options.seed).strokes(KEYS)
    base_url = environment.get("OPENAI_BASE_URL")
    (home / "steps.py").write_text(program())
    async with Editor(command, home, clean_environment(home, environment)) as editor, Control() as control:
        if base_url:
            await editor.until(lambda: len(editor.shown) == BUGGY)
        await editor.quiet(3)
        opened, cpu = len(requests_at(base_url)) if base_url else 0, editor.cpu
        found, before = len(editor.shown), len(editor.published)
        ahead = len(times_in(log))
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
    taken = times_in(log)[ahead:]
    for part in LIMITED if taken else ():
        own = [each for method, each in taken if method == f"textDocument/{part}"]
        result[_own(part)] = quantiles(own)
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
    return {name: PEERS[name].fetched(folder) for name in (JEDI, RUFF)}


def _own(part: str) -> str:
    return f"{part}, server's own"


def told(results: Sequence[Json]) -> None:
    print(f"{KEYS} keys, milliseconds{'':<12}" + "".join(f"{result['server']:>22}" for result in results))
    for part in ("probe", "didChange", "codeAction", "hover", "machine", *map(_own, LIMITED)):
        for name in ("p50", "p99", "max"):
            cells = [result[part][name] if part in result else "-" for result in results]
            print(f"{part + ' ' + name:<33}" + "".join(f"{each:>22}" for each in cells))
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
    with provider(LATENCY_MS) as base_url:
        results = [asyncio.run(measure(OURS, KIBITZ, asking(base_url), options))]
    for name, command in others(options.beside).items() if options.beside else ():
        results.append(asyncio.run(measure(name, command, {}, options)))
    told(results)
    if options.json:
        options.json.write_text(json.dumps({"speed": options.speed, "results": results}, indent=2) + "\n")
    ours = results[0]
    slow = [part for part in map(_own, LIMITED) if ours[part]["p99"] > LIMIT_MS]
    kept = not slow and not ours["flickers"] and ours["diagnostics at last"] == ours["left as they are"]
    print("all limits kept" if kept else f"A LIMIT IS EXCEEDED: {slow}, {ours['flickers']} flickers")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
