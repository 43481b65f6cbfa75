"""kibitz beside other language servers: start, memory, changes, code actions, hovers; all in one run.

    python -m benchmarks.peers [--folder build/peers] [--starts 15] [--rounds 10] [--only NAME] [--json FILE]

Beside a pygls server without any feature there are jedi-language-server, python-lsp-server (with pyflakes, so
that it shows something) and ruff's server, each in a virtual environment of its own in that folder, where it
is fetched if it is not there. Everything is done in turn, a few requests with each, so that whatever else the
machine does meets all.

The file is 2,000 lines of Python; in 50 of them a name is used that is not defined. kibitz, which asks a fake
provider, ruff and pyflakes show these 50; the others show nothing. A change is sent as soon as the one before
it is written, 500 of them, and behind them a request for a method that no server has; the time is until that
is refused. Code actions and hovers are asked for where those names are.

Times are what an editor waits; beside them is the CPU of all the server's threads, which other work on the
machine changes less.

Limits: kibitz starts within 1.15 times of what bare pygls takes, and 1.3 times as fast as
jedi-language-server; its code action and its hover take at most twice what ruff's take.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import json
import random
import subprocess
import sys
import tempfile
import time
import venv
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.editor import KIBITZ, PROBE, Editor, Json, asking, place, provider
from benchmarks.measures import Spread, digits, table
from benchmarks.start import BARE
from benchmarks.start import measure as started
from benchmarks.typist import BUG, FUNCTIONS, Typist, program
from tests.support.lsp_process import clean_environment

from kibitz.text.lines import LineIndex

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FINDINGS = 50
CHANGES = 500
TYPED = 3
"""So many times that many changes, or once for each round if those are fewer."""
REQUEST_TOKENS = 4000
"""An answer has twelve findings at most; with more code in a request there are more bugs."""
BLOCK = 20
"""Code actions, and hovers, with one server before it is another one's turn."""
BLOCK_S = 1.0
"""It is so after this long, too: some servers take a while."""
LATENCY_MS = 50
QUIET_S = 3.0
"""Longer than any of them waits before it looks at what was typed."""
MAX_OVER_PYGLS = 1.15
MIN_BEFORE_JEDI = 1.3
MAX_OVER_RUFF = 2.0
PYGLS, OURS, JEDI, RUFF = "bare pygls", "kibitz", "jedi-language-server", "ruff server"


@dataclass(frozen=True, slots=True)
class Peer:
    """A server: what pip gets, and how it is started from the folder of its programs."""

    package: str
    command: tuple[str, ...]
    more: tuple[str, ...] = ()
    """What else pip gets, where the newest of what the package needs is too new for it."""

    def fetched(self, folder: Path) -> list[str]:
        """Its command, once it is there."""
        home = folder / self.package.replace("[", "-").replace("]", "")
        if not (home / "fetched").exists():
            venv.create(home, with_pip=True, clear=True)
            pip = (home / "bin" / "python", "-m", "pip", "install", "-qq", "--disable-pip-version-check")
            subprocess.run([*pip, self.package, *self.more], check=True)
            (home / "fetched").touch()
        program, *arguments = self.command
        return [str(home / "bin" / program), *arguments]


PEERS = {
    PYGLS: Peer(f"pygls=={importlib.metadata.version('pygls')}", ("python", "-c", BARE)),
    JEDI: Peer("jedi-language-server==0.47.0", ("jedi-language-server",)),
    "python-lsp-server": Peer("python-lsp-server[pyflakes]==1.15.0", ("pylsp",)),
    RUFF: Peer("ruff==0.17.6", ("ruff", "server")),
}


@dataclass
class Taken:
    """What was measured with one server; times in milliseconds."""

    start: list[float] = field(default_factory=list)
    start_cpu: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    change: list[float] = field(default_factory=list)
    """For each of those that were sent at once."""
    change_cpu: list[float] = field(default_factory=list)
    action: list[float] = field(default_factory=list)
    action_cpu: list[float] = field(default_factory=list)
    hover: list[float] = field(default_factory=list)
    hover_cpu: list[float] = field(default_factory=list)
    shown: int = 0

    def result(self) -> Json:
        spreads = {
            name: asdict(Spread.of(values))
            for name, values in vars(self).items()
            if isinstance(values, list) and values
        }
        return {"shown": self.shown, "actions": len(self.action), "hovers": len(self.hover), **spreads}


async def measure(servers: Mapping[str, tuple[list[str], dict[str, str]]], rounds: int) -> dict[str, Taken]:
    """Everything but the start, with all of them open side by side."""
    taken = {name: Taken() for name in servers}
    text = program(FUNCTIONS, FINDINGS)
    typed = min(TYPED, rounds)
    strokes = Typist(text, 1).strokes(CHANGES * typed)
    async with AsyncExitStack() as stack:
        editors: dict[str, Editor] = {}
        for name, (command, environment) in servers.items():
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kibitz-peers-")))
            (home / "steps.py").write_text(text)
            editor = Editor(command, home, clean_environment(home, environment), text)
            editors[name] = await stack.enter_async_context(editor)
            progress(f"{name} is open")
            if name == OURS:
                await editor.until(partial(shows_all, editor))
            await editor.quiet(QUIET_S)
            taken[name].shown = len(editor.shown)
            taken[name].memory_mb.append(editor.resident_mb)
        chance = random.Random(1)  # noqa: S311 - not for secrets
        for _ in range(rounds):
            for name, editor in editors.items():
                await look(editor, taken[name], chance)
                progress(f"{name}: {len(taken[name].action)} code actions")
        for number in range(typed):
            for name, editor in editors.items():
                some = strokes[number * CHANGES : (number + 1) * CHANGES]
                changes = b"".join(map(editor.change, some))
                before = editor.cpu
                took, _ = await editor.ask(PROBE, None, ahead=changes)
                taken[name].change.append(took / CHANGES)
                taken[name].change_cpu.append((editor.cpu - before) * 1000 / CHANGES)
                progress(f"{name}: {len(taken[name].change)} times {CHANGES} changes")
                await editor.quiet(QUIET_S)
    return taken


def shows_all(editor: Editor) -> bool:
    """Whether everything was found; the provider has to be asked first, which takes a while."""
    return len(editor.shown) == FINDINGS


def progress(text: str) -> None:
    """Tell whoever waits; a busy machine takes minutes."""
    print(f"  {text}", file=sys.stderr, flush=True)


async def look(editor: Editor, taken: Taken, chance: random.Random) -> None:
    """Code actions, and then hovers, each at another wrong name."""
    lines = LineIndex(editor.text)
    ends = [at + len(BUG[0]) for at in range(len(editor.text)) if editor.text.startswith(BUG[0], at)]
    actions, hovers = list[Json](), list[Json]()
    for end in chance.sample(ends, BLOCK):
        at = {"start": place(lines, end - len("value_")), "end": place(lines, end)}
        here = [each for each in editor.shown if each["range"]["start"]["line"] == at["start"]["line"]]
        actions.append({"range": at, "context": {"diagnostics": here}})
        hovers.append({"position": at["start"]})
    for method, asked, times, cpu in (
        ("codeAction", actions, taken.action, taken.action_cpu),
        ("hover", hovers, taken.hover, taken.hover_cpu),
    ):
        before, began, done = editor.cpu, time.perf_counter(), 0
        for each in asked:
            params = {"textDocument": {"uri": editor.uri}, **each}
            times.append((await editor.ask(f"textDocument/{method}", params))[0])
            done += 1
            if time.perf_counter() - began > BLOCK_S:
                break
        cpu.append((editor.cpu - before) * 1000 / done)


def limits(results: Mapping[str, Json]) -> Json:
    """Each limit that can be looked at: what it came to, of CPU too, and whether it is kept."""
    found: Json = {}
    for said, what, over, bound, limit in (
        (f"start, over {PYGLS}", "start", (OURS, PYGLS), "at most", MAX_OVER_PYGLS),
        (f"start of {JEDI}, over ours", "start", (JEDI, OURS), "at least", MIN_BEFORE_JEDI),
        (f"code action, over {RUFF}", "action", (OURS, RUFF), "at most", MAX_OVER_RUFF),
        (f"hover, over {RUFF}", "hover", (OURS, RUFF), "at most", MAX_OVER_RUFF),
    ):
        if not all(name in results for name in over):
            continue
        value, cpu = (_ratio(results, each, over) for each in (what, f"{what}_cpu"))
        kept = value <= limit if bound == "at most" else value >= limit
        found[said] = {"is": round(value, 3), "of CPU": round(cpu, 3), bound: limit, "kept": kept}
    return found


def _ratio(results: Mapping[str, Json], what: str, over: tuple[str, str]) -> float:
    above, below = (float(results[name][what]["median"]) for name in over)
    return above / below


HEAD = (
    "",
    "start",
    "(half)",
    "CPU",
    "MB",
    "change",
    "CPU",
    "action",
    "p99",
    "CPU",
    "hover",
    "p99",
    "CPU",
    "shows",
)


def row(name: str, result: Json) -> list[str]:
    """In milliseconds."""
    began = result["start"]
    cells = [name, digits(began["median"]), f"{digits(began['lower'])}-{digits(began['upper'])}"]
    cells += [digits(result[what]["median"]) for what in ("start_cpu", "memory_mb", "change", "change_cpu")]
    for what in ("action", "hover"):
        cells += [digits(result[what]["median"]), digits(result[what]["p99"])]
        cells.append(digits(result[f"{what}_cpu"]["median"]))
    return [*cells, str(result["shown"])]


def run(folder: Path, starts: int, rounds: int, only: Sequence[str]) -> Json:
    others = {name: peer for name, peer in PEERS.items() if not only or name in only}
    commands = {name: peer.fetched(folder) for name, peer in others.items()}
    commands = {**commands, OURS: KIBITZ} if OURS in (only or [OURS]) else commands
    for command in commands.values():
        started(command)  # compiled files and page cache
    began: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(starts):
        for name, command in commands.items():
            began[name].append(started(command))
            progress(f"{name}: started {len(began[name])} times")
    with provider(LATENCY_MS) as base_url:
        ours = {**asking(base_url), "KIBITZ_MAX_REQUEST_TOKENS": str(REQUEST_TOKENS)}
        servers = {name: (command, ours if name == OURS else {}) for name, command in commands.items()}
        taken = asyncio.run(measure(servers, rounds))
    for name, each in taken.items():
        each.start_cpu, each.start = (list(values) for values in zip(*began[name], strict=True))
    results = {name: each.result() for name, each in taken.items()}
    packages = {name: peer.package for name, peer in others.items()}
    return {
        "packages": packages,
        "starts": starts,
        "changes": CHANGES,
        "servers": results,
        "limits": limits(results),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, default=Path("build/peers"), help="for the other servers")
    parser.add_argument("--starts", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=10, help=f"of {BLOCK} code actions and hovers each")
    parser.add_argument("--only", action="append", default=[], choices=[OURS, *PEERS], help="of all of them")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = run(given.folder.resolve(), given.starts, given.rounds, given.only)
    print(", ".join(found["packages"].values()))
    print(table(HEAD, [row(name, result) for name, result in found["servers"].items()]))
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")
    missed = [said for said, limit in found["limits"].items() if not limit["kept"]]
    for said, limit in found["limits"].items():
        bound = "at most" if "at most" in limit else "at least"
        verdict = "kept" if limit["kept"] else "EXCEEDED"
        print(f"{said}: {limit['is']:.2f} ({limit['of CPU']:.2f} of CPU), {bound} {limit[bound]}: {verdict}")
    print("all limits kept" if not missed else f"A LIMIT IS EXCEEDED: {'; '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
