"""What an editing session asks for, beside reviewers of whole files; and what a request is made of.

    python -m benchmarks.economy [--edits 8] [--ai-lsp FOLDER] [--folder build/tokens] [--json FILE]

The session is in Python's own tarfile.py, of 2,900 lines: it is opened, a comparison is turned round, that is
found and undone, in one function after the other. Beside kibitz's server is ai-lsp's, which looks at the
whole file whenever the typing pauses. FOLDER is a checkout of it, from https://github.com/benomahony/ai-lsp;
the packages that it needs are fetched. What it took is kept in benchmarks/ai_lsp.json, and told from there
where no folder is given and the file is the same. Two more look at the whole file: kibitz's own engine with
the same prompt and the file as one piece, and the file alone, without a word of instructions. No reviewer
that sends whole files can ask for less than that.

Both servers wait for the same pause, and ask the same fake provider, which finds what was planted: this
compares what is asked for, and how soon a finding shows, not what the findings are worth.

Then `kibitz check` looks at modules of Python's library, each of which nobody has seen: of how many tokens
its requests are, and what for. benchmarks/tokens.py says what is counted, and how.

Limits: kibitz's session takes at most a thirtieth of the tokens of ai-lsp's and half of its requests; or of
those of whole files alone, where nothing is known of ai-lsp.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.ai_lsp import AI_LSP, PAUSE_MS, Checkout, Record, Server, Started, issues
from benchmarks.editor import asking
from benchmarks.measures import Spread, digits, table
from benchmarks.replay import app
from benchmarks.tokens import Asked, Ledger, Session, Tokens, told
from tests.support.fake_provider import FakeProvider
from tests.support.lsp_process import SECONDS, Buffer, ServerProcess, clean_environment

from kibitz.provider.models import Piece
from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]
LATENCY_MS = 200
OURS, BARE = "kibitz", "whole file, nothing else"
MODULES = ("argparse", "configparser", "inspect", "subprocess", "tarfile")
MOST_TOKENS = 1 / 30
"""Of those of the other's."""
MOST_REQUESTS = 1 / 2
LITERALS: Json = {"codeActionKind": {"valueSet": ["quickfix"]}}
KIBITZ = str(Path(sys.executable).with_name("kibitz"))


def edits(text: str, count: int) -> list[tuple[int, str]]:
    """Numbers of lines, far apart, and each with its comparison turned round, which its end admits."""
    lines = text.splitlines()
    each = [number for number, line in enumerate(lines) if " == " in line and line.rstrip().endswith(":")]
    chosen = each[:: max(len(each) // count, 1)][:count]
    assert len(chosen) == count, f"there are only {len(each)} comparisons"
    return [(at, lines[at].replace(" == ", " != ") + "  # BUG: != => ==") for at in chosen]


async def edited(ledger: Ledger, text: str, changed: Sequence[tuple[int, str]]) -> Session:
    """With kibitz's server."""
    home = Path(tempfile.mkdtemp(prefix="kibitz-economy-"))
    async with FakeProvider(ledger, latency=LATENCY_MS / 1000) as fake:
        server = ServerProcess(home, **asking(fake.base_url), KIBITZ_DEBOUNCE_MS=str(PAUSE_MS))
        return await session(server, home, fake, ledger, text=text, changed=changed)


async def edited_beside(
    tokens: Tokens, started: Started, text: str, changed: Sequence[tuple[int, str]]
) -> Session:
    """The same with ai-lsp's."""
    home = Path(tempfile.mkdtemp(prefix="kibitz-economy-"))
    ledger = Ledger(tokens, issues)
    async with FakeProvider(ledger, latency=LATENCY_MS / 1000) as fake:
        server = Server(home, started, fake.base_url)
        return await session(server, home, fake, ledger, text=text, changed=changed)


async def session(
    server: ServerProcess,
    home: Path,
    fake: FakeProvider,
    ledger: Ledger,
    *,
    text: str,
    changed: Sequence[tuple[int, str]],
) -> Session:
    """Open the file; make each change, see the finding, and undo it."""
    shown = []
    async with server as editor:
        await editor.initialize(textDocument={"codeAction": {"codeActionLiteralSupport": LITERALS}})
        buffer = Buffer(editor, (home / "edited.py").as_uri(), text, Encoding.UTF16)
        buffer.open()
        await fake.until(lambda: bool(fake.requests), SECONDS)
        await editor.at_rest()
        opening = ledger.turn()
        for at, new in changed:
            before = text.splitlines()[at]
            buffer.replace(line(at, before), new)
            began = time.perf_counter()
            await buffer.diagnostics(1)
            shown.append((time.perf_counter() - began) * 1000 - PAUSE_MS - LATENCY_MS)
            await editor.at_rest()
            buffer.replace(line(at, new), before)
            await buffer.diagnostics(0)
            await asyncio.sleep(PAUSE_MS / 1000 + 0.1)
            await editor.at_rest()
        await editor.leave()
    return Session(opening, ledger.turn(), Spread.of(shown))


def line(at: int, text: str) -> Json:
    return {"start": {"line": at, "character": 0}, "end": {"line": at, "character": len(text)}}


def states(text: str, changed: Sequence[tuple[int, str]]) -> list[str]:
    """The file after each edit and after each undo."""
    found = []
    for at, new in changed:
        lines = text.splitlines(keepends=True)
        lines[at] = new + "\n"
        found += ["".join(lines), text]
    return found


async def whole(ledger: Ledger, texts: Sequence[str]) -> Asked:
    """What kibitz's engine asks for with each of these as one piece."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            FakeProvider(ledger) as fake,
            app(fake, Path(folder), max_request_tokens=200_000, disk_cache=False) as opened,
        ):
            client = await opened.client()
            for text in texts:
                await client.process_pieces([Piece(text, "python")])
    return ledger.turn()


def bare(ledger: Ledger, texts: Sequence[str]) -> Asked:
    """The least that it takes to have each of these looked at as a whole: the text, and an empty answer."""
    for text in texts:
        ledger.enter("", "", text, '{"findings": []}')
    return ledger.turn()


async def checked(ledger: Ledger, path: Path) -> Asked:
    """What `kibitz check` asks for of a file that nobody has seen."""
    with tempfile.TemporaryDirectory() as folder:
        async with FakeProvider(ledger) as fake:
            process = await asyncio.create_subprocess_exec(
                *(KIBITZ, "check", path, "--fail-on", "never"),
                env=clean_environment(Path(folder), asking(fake.base_url)),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            _, said = await process.communicate()
    if process.returncode:
        raise RuntimeError(said.decode())
    return ledger.turn()


async def measure(tokens: Tokens, text: str, count: int, checkout: Checkout | None, folder: Path) -> Json:
    """Everything; without a checkout beside what is known of ai-lsp, if it is of the same session."""
    ledger = Ledger(tokens)
    changed = edits(text, count)
    texts = states(text, changed)
    ours = await edited(ledger, text, changed)
    openings, sessions = {OURS: ours.opening}, {OURS: ours.asked}
    beside = Record.read()
    if checkout:
        theirs = await edited_beside(tokens, checkout.fetched(folder), text, changed)
        beside = Record.of(checkout.commit, text, count, theirs, ours.shown_ms)
        beside.write()
    if beside.is_of(text, count):
        openings[AI_LSP], sessions[AI_LSP] = beside.session.opening, beside.session.asked
    sessions["kibitz's prompt, whole file"] = await whole(ledger, texts)
    sessions[BARE] = bare(ledger, texts)
    return {
        "edits": count,
        "lines": text.count("\n"),
        "pause_ms": PAUSE_MS,
        "latency_ms": LATENCY_MS,
        "openings": {name: told(each) for name, each in openings.items()},
        "sessions": {name: told(each) for name, each in sessions.items()},
        "shown_ms": asdict(ours.shown_ms),
        "beside": {"in this run": bool(checkout), **beside.about()} if AI_LSP in sessions else None,
        "files": await files(tokens),
        "limits": limits(sessions),
    }


async def files(tokens: Tokens) -> Json:
    """What `kibitz check` asks for of each module."""
    found = {}
    for name in MODULES:
        path = Path(tarfile.__file__).with_name(f"{name}.py")
        asked = await checked(Ledger(tokens), path)
        alone = path.read_text(encoding="utf-8")
        found[name] = {"lines": alone.count("\n"), "tokens": tokens.of(alone), **told(asked)}
    return found


def limits(sessions: dict[str, Asked]) -> Json:
    """Of what is nearest to how others are used: ai-lsp, or else the least that a whole file takes."""
    ours = sessions[OURS]
    name, other = next((name, sessions[name]) for name in (AI_LSP, BARE) if name in sessions)
    return {
        f"tokens, of {name}": _limit(ours.all / other.all, MOST_TOKENS),
        f"requests, of {name}": _limit(ours.requests / other.requests, MOST_REQUESTS),
    }


def _limit(value: float, most: float) -> Json:
    return {"is": value, "at most": most, "kept": value <= most}


HEAD = ("", "requests", "instructions", "schema", "code", "answers", "all", "of it cached")


def row(name: str, asked: Json) -> list[str]:
    cells = ("requests", "instructions", "schema", "code", "answers", "all", "cached")
    return [name, *(f"{asked[each]:,}" for each in cells)]


def spread(found: Json) -> str:
    return f"{digits(found['median'])} ({digits(found['lower'])} to {digits(found['upper'])})"


def report(found: Json) -> None:
    """For a terminal."""
    print(f"{found['edits']} edits and as many undos in {found['lines']:,} lines, tokens of o200k")
    rows = [row(f"{name}, when it is opened", each) for name, each in found["openings"].items()]
    rows += [row(name, each) for name, each in found["sessions"].items()]
    print(table(HEAD, rows))
    print()
    print("from an edit to its finding, less the pause and the latency, ms")
    print(f"kibitz: {spread(found['shown_ms'])}")
    if beside := found["beside"]:
        when = "in this run" if beside["in this run"] else f"on {beside['date']}, not in this run"
        took = ", ".join(f"{name}: {spread(each)}" for name, each in beside["shown_ms"].items())
        print(f"ai-lsp at {beside['commit'][:12]} was measured {when}; then this took {took}")
    print()
    head = ("", "lines", "tokens", "units", *HEAD[1:])
    print(
        table(
            head,
            [
                [name, f"{each['lines']:,}", f"{each['tokens']:,}", str(each["units"]), *row("", each)[1:]]
                for name, each in found["files"].items()
            ],
        )
    )
    for said, limit in found["limits"].items():
        verdict = "kept" if limit["kept"] else "EXCEEDED"
        print(f"{said}: 1/{1 / limit['is']:.1f}, at most 1/{1 / limit['at most']:.0f}: {verdict}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--edits", type=int, default=8)
    parser.add_argument("--ai-lsp", type=Path, metavar="FOLDER", help="a checkout, which is measured, too")
    parser.add_argument("--folder", type=Path, default=Path("build/tokens"), help="for what is fetched")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    text = Path(tarfile.__file__).read_text(encoding="utf-8")
    folder = given.folder.resolve()
    checkout = given.ai_lsp and Checkout(given.ai_lsp.resolve())
    with Tokens(folder) as tokens:
        found = asyncio.run(measure(tokens, text, given.edits, checkout, folder))
    report(found)
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0 if all(each["kept"] for each in found["limits"].values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
