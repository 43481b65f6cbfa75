"""A long day at once: 500 open documents, 10 edits a second, a provider that is slow and often fails.

    python benchmarks/soak.py [--minutes 30] [--documents 500] [--edits 10]
        [--cache-bytes 262144] [--report soak.txt]

The real server in a process of its own, over its pipe; a real HTTP server as the provider, which takes 50 ms
to 30 s for an answer and fails one request in ten. The memory for kept answers is small, so that it is full
soon and only what leaks can grow (0: as large as users have it, which takes hours to fill). Measured are

- the time for requests that are answered at once (code actions), in ms: the 99th percentile is under 50;
- memory, threads and descriptors of the server: flat after the first tenth, or first five minutes;
- what is shown in the end, when the provider is well again and nobody types: every finding that should be.

Ends with exit code 1 if one of these does not hold. Needs Linux (/proc).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.process import Taken, descriptors
from tests.support.fake_faults import garbage, reset, status
from tests.support.fake_provider import Bug, FakeProvider, Prompt, reviewer
from tests.support.lsp_process import Buffer, ServerProcess

from kibitz.lsp.framing import Frame
from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from tests.support.fake_provider import Answer

MAX_P99_MS = 50.0
MAX_GROWTH_MB = 15.0
MAX_MORE_THREADS = 8
MAX_MORE_FILES = 16
FAULTS = 0.1
SECONDS_TO_SETTLE = 600
_BUG = Bug("total -= value", "total += value")


class Provider:
    """Answers slowly, and one time in ten not at all as it should; well, once ``well``."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._answers = reviewer(_BUG)
        self.well = False
        self.fake: FakeProvider | None = None

    def __call__(self, prompt: Prompt) -> Answer:
        assert self.fake is not None
        # Most answers take a second or two; some take half a minute.
        self.fake.latency = 0.05 if self.well else min(0.05 + self._chance.expovariate(0.7), 30.0)
        if not self.well and self._chance.random() < 0.01:
            self.fake.latency = 30.0
        if not self.well and self._chance.random() < FAULTS:
            return self._chance.choice((status(500), status(503), garbage(), reset()))
        return self._answers(prompt)


def text_of(number: int, *, wrong: bool) -> str:
    sign = "-" if wrong else "+"
    return (
        f"def total_{number}(values):\n    total = 0\n    for value in values:\n"
        f"        total {sign}= value\n    return total\n"
    )


class Editor(ServerProcess):
    """Keeps of what it hears only what is shown now, and what was not answered yet."""

    def __init__(self, home: Path, **environment: str) -> None:
        super().__init__(home, **environment)
        self.shown: dict[str, int] = {}
        """How many diagnostics each document has."""

    async def _listen(self) -> None:
        assert self.process.stdout
        while data := await self.process.stdout.read(65_536):
            for frame in self._reader.feed(data):
                assert isinstance(frame, Frame)
                message = json.loads(frame.body)
                if message.get("method") == "textDocument/publishDiagnostics":
                    self.shown[message["params"]["uri"]] = len(message["params"]["diagnostics"])
                elif "method" not in message:
                    self.received[:] = [message]
            self._changed.set()
        self._changed.set()


class Document:
    """A buffer, and whether it is wrong now."""

    def __init__(self, editor: Editor, home: Path, number: int, *, wrong: bool) -> None:
        self.editor = editor
        self.wrong = wrong
        self.buffer = Buffer(
            editor, f"file://{home}/file_{number}.py", text_of(number, wrong=wrong), Encoding.UTF16
        )

    def edit(self, chance: random.Random) -> None:
        """Make right what is wrong, or wrong what is right, or type something harmless."""
        if chance.random() < 0.4:
            self.wrong = not self.wrong
            where = {"start": {"line": 3, "character": 14}, "end": {"line": 3, "character": 15}}
            self.buffer.replace(where, "-" if self.wrong else "+")
        else:
            where = {"start": {"line": 1, "character": 12}, "end": {"line": 1, "character": 13}}
            self.buffer.replace(where, str(chance.randrange(10)))

    @property
    def shown(self) -> bool:
        return self.editor.shown.get(self.buffer.uri, 0) > 0

    def save(self) -> None:
        self.editor.notify("textDocument/didSave", {"textDocument": {"uri": self.buffer.uri}})


def measured(pid: int) -> tuple[float, int, int]:
    """Memory in MB (10**6 bytes), threads, and open descriptors."""
    taken = Taken.by(pid)
    return taken.resident_mb, taken.threads, descriptors(pid)


class Soak:
    """One run."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.seconds = given.minutes * 60
        self.documents = given.documents
        self.per_second = given.edits
        self.cache_bytes: int = given.cache_bytes
        self.report: Path | None = given.report
        self.chance = random.Random(1)  # noqa: S311 - a run that can be repeated
        self.lookups: list[float] = []
        self.samples: list[tuple[float, int, int]] = []

    def tell(self, line: str) -> None:
        print(line, flush=True)
        if self.report is not None:
            with self.report.open("a") as file:
                file.write(line + "\n")

    async def run(self) -> bool:
        home = Path(tempfile.mkdtemp(prefix="kibitz-soak-"))
        provider = Provider(self.chance)
        async with FakeProvider(provider) as fake, self._server(home, fake) as editor:
            provider.fake = fake
            await editor.initialize()
            documents = [
                Document(editor, home, number, wrong=number % 3 == 0) for number in range(self.documents)
            ]
            for document in documents:
                document.buffer.open()
                await asyncio.sleep(0.01)
            await self._type(editor, documents)
            provider.well = True
            missing = await self._settle(documents)
            self.tell(f"{len(fake.requests):,} requests in all")
            good = self._judge(missing)
            good &= await editor.leave() == 0
            good &= b"Traceback" not in editor.stderr
        return good

    def _server(self, home: Path, fake: FakeProvider) -> Editor:
        cache = {"KIBITZ_CACHE_MAX_BYTES": str(self.cache_bytes)} if self.cache_bytes else {}
        return Editor(
            home,
            **cache,
            OPENAI_BASE_URL=fake.base_url,
            OPENAI_API_KEY="sk-benchmark",
            KIBITZ_REQUESTS_PER_MINUTE="100000",
            KIBITZ_TOKENS_PER_MINUTE="100000000",
            KIBITZ_MAX_CONCURRENCY="8",
            KIBITZ_TIMEOUT_MS="40000",
            # Nobody is there to say that so many requests are meant.
            KIBITZ_UNUSUAL_USAGE="off",
        )

    async def _type(self, editor: Editor, documents: list[Document]) -> None:
        began = told = time.monotonic()
        edits = 0
        while (now := time.monotonic()) - began < self.seconds:
            self.chance.choice(documents).edit(self.chance)
            edits += 1
            if edits % self.per_second == 0:
                await self._look(editor, self.chance.choice(documents))
                self.samples.append(measured(editor.process.pid))
            if now - told >= 30:
                told = now
                memory, threads, files = self.samples[-1]
                self.tell(
                    f"{now - began:6.0f} s  {edits:6,} edits  p99 {self._p99():5.1f} ms  {memory:6.1f} MB  "
                    f"{threads} threads  {files} descriptors"
                )
            await asyncio.sleep(max(began + edits / self.per_second - time.monotonic(), 0))

    async def _look(self, editor: Editor, document: Document) -> None:
        where = {"start": {"line": 3, "character": 0}, "end": {"line": 3, "character": 9}}
        asked = {"textDocument": {"uri": document.buffer.uri}, "range": where, "context": {"diagnostics": []}}
        began = time.perf_counter()
        await editor.request("textDocument/codeAction", asked)
        self.lookups.append((time.perf_counter() - began) * 1000)

    async def _settle(self, documents: list[Document]) -> list[str]:
        """Wait until all is shown that should be, and nothing else; what is not."""
        until = time.monotonic() + SECONDS_TO_SETTLE
        # What failed is asked again when its document is saved.
        for document in documents:
            document.save()
        while wrong := [each.buffer.uri for each in documents if each.wrong != each.shown]:
            if time.monotonic() > until:
                return wrong
            await asyncio.sleep(1)
        return []

    def _p99(self) -> float:
        return statistics.quantiles(self.lookups, n=100)[98] if len(self.lookups) > 1 else 0.0

    def _judge(self, missing: list[str]) -> bool:
        warm = min(len(self.samples) // 3, 300)
        before, after = self.samples[warm : warm + 30], self.samples[-30:]
        grown = [
            statistics.median(sample[at] for sample in after) - statistics.median(s[at] for s in before)
            for at in range(3)
        ]
        self.tell(
            f"{len(self.lookups):,} code actions: median {statistics.median(self.lookups):.1f} ms, "
            f"p99 {self._p99():.1f} ms, longest {max(self.lookups):.1f} ms"
        )
        self.tell(
            f"grew by {grown[0]:.1f} MB to {max(s[0] for s in self.samples):.1f} MB at most, by "
            f"{grown[1]:.0f} threads, by {grown[2]:.0f} descriptors"
        )
        self.tell(f"{len(missing)} documents do not show what they should: {missing[:5]}")
        return (
            self._p99() < MAX_P99_MS
            and grown[0] < MAX_GROWTH_MB
            and grown[1] < MAX_MORE_THREADS
            and grown[2] < MAX_MORE_FILES
            and not missing
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--documents", type=int, default=500)
    parser.add_argument("--edits", type=int, default=10, help="in a second")
    parser.add_argument("--cache-bytes", type=int, default=262_144, help="of kept answers in memory")
    parser.add_argument("--report", type=Path, help="append what is printed to this file")
    good = asyncio.run(Soak(parser.parse_args()).run())
    print("all holds" if good else "something does not hold")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
