"""A real history, reviewed change by change: what is sent with the cache, and what whole files would take.

    python benchmarks/replay.py [--repository .] [--commits 200] [--by edit|commit|check]

With ``--by edit`` the files that a commit changes are opened as they were before, and reviewed after every
edit that the commit is made of, as in an editor; with ``--by commit`` once. The machine starts anew every 20
commits, and after each of these sessions a second machine does the same. With ``--by check`` all files are
reviewed at each commit, by a new process with the disk of the last one, as in CI, and then by a second
machine. The provider is a fake on loopback; the engine and all tiers are the real ones. Without a cache,
whole files are asked about with the same prompt, one file a request, as often as they are reviewed (that they
are opened counts for nothing). Tokens are input as the provider reports it: a quarter of the bytes of a
request. Every request begins with the same instructions and schema, so what was sent beyond those is shown by
itself.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.fake_provider import FakeProvider
from tests.support.redis_server import RedisServer

from kibitz.app import App
from kibitz.config import Settings
from kibitz.guard.walk import language_in
from kibitz.provider.models import Piece, Usage
from kibitz.review.result import Source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SESSION = 20
"""Commits between two starts."""
TARGET = 20
MAX_BYTES = 512_000


@dataclass(frozen=True, slots=True)
class Step:
    """A state of a file that is reviewed."""

    source: Source
    opens: bool = False
    """Whether it is how the file was before, and not a change."""


@dataclass(slots=True)
class Spent:
    """What one way of reviewing took, by machine."""

    name: str
    machines: list[Usage] = field(default_factory=lambda: [Usage(), Usage()])

    @property
    def total(self) -> Usage:
        """Of both machines."""
        return self.machines[0] + self.machines[1]


class Repository:
    """A bare clone, read through one process."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._git = ["git", "-C", str(folder / "clone.git")]
        subprocess.run([*self._git[:1], "clone", "--quiet", "--bare", str(path), self._git[2]], check=True)
        self._sources: dict[str, Source | None] = {}
        self._objects = subprocess.Popen(
            [*self._git, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def close(self) -> None:
        """End the process."""
        assert self._objects.stdin
        assert self._objects.stdout
        self._objects.stdin.close()
        self._objects.stdout.close()
        self._objects.wait()

    def commits(self, count: int) -> list[str]:
        """The last ``count`` commits, oldest first."""
        return self._run("rev-list", "--first-parent", "--reverse", f"--max-count={count}", "HEAD").split()

    def changes(self, commit: str) -> Iterator[tuple[Source, str]]:
        """The files that a commit changed as they are then, and what they were before: maybe nothing."""
        names = self._run(
            *("diff-tree", "-r", "--root", "--no-commit-id", "--name-only", "--diff-filter=AMR", "-z", commit)
        )
        for name in filter(None, names.split("\0")):
            source = self._source(name, self._content(f"{commit}:{name}") or b"")
            if source is not None:
                yield source, _text(self._content(f"{commit}^:{name}") or b"")

    def files(self, commit: str) -> Iterator[Source]:
        """All files as they are at a commit."""
        for line in filter(None, self._run("ls-tree", "-r", "-z", commit).split("\0")):
            (_, kind, blob), name = line.partition("\t")[0].split(), line.partition("\t")[2]
            if kind == "blob" and blob not in self._sources:
                self._sources[blob] = self._source(name, self._content(blob) or b"")
            if (source := self._sources.get(blob)) is not None:
                yield source

    @staticmethod
    def _source(name: str, content: bytes) -> Source | None:
        language = language_in(os.path.basename(name), content[:8192])  # noqa: PTH119 - no path of ours
        fits = language is not None and len(content) <= MAX_BYTES
        return Source(_text(content), language, name) if language is not None and fits else None

    def _run(self, *arguments: str) -> str:
        return subprocess.run([*self._git, *arguments], check=True, capture_output=True, text=True).stdout

    def _content(self, name: str) -> bytes | None:
        assert self._objects.stdin
        assert self._objects.stdout
        self._objects.stdin.write(f"{name}\n".encode())
        self._objects.stdin.flush()
        header = self._objects.stdout.readline().split()
        if header[-1] == b"missing":
            return None
        content = self._objects.stdout.read(int(header[2]))
        self._objects.stdout.read(1)
        return content


def steps(before: str, after: Source, *, by_edit: bool) -> Iterator[Step]:
    """A file on its way, one edit after the other; a new file comes in one piece."""
    old, new = before.splitlines(keepends=True), after.text.splitlines(keepends=True)
    if old:
        yield Step(Source(before, after.language, after.name), opens=True)
    if old and by_edit:
        for kind, _, end, _, place in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if kind != "equal" and (end, place) != (len(old), len(new)):
                yield Step(Source("".join([*new[:place], *old[end:]]), after.language, after.name))
    yield Step(after)


def history(repository: Repository, count: int, by: str) -> list[list[Step]]:
    """What is reviewed, by commit."""
    commits = repository.commits(count)
    if by == "check":
        return [[Step(source) for source in repository.files(commit)] for commit in commits]
    return [
        [
            step
            for source, before in repository.changes(commit)
            for step in steps(before, source, by_edit=by == "edit")
        ]
        for commit in commits
    ]


@asynccontextmanager
async def app(fake: FakeProvider, state: Path, **settings: Any) -> AsyncIterator[App]:
    """Kibitz as it starts on a machine that has its state there."""
    os.environ["KIBITZ_STATE_DIR"] = str(state)
    opened = App.create(
        Settings(
            api_key=SecretStr("sk-benchmark"),
            base_url=fake.base_url,
            requests_per_minute=100_000,
            tokens_per_minute=100_000_000,
            share_limits="off",
            **settings,
        )
    )
    try:
        yield opened
    finally:
        await opened.aclose()


async def whole_files(fake: FakeProvider, commits: list[list[Step]], folder: Path) -> tuple[Spent, int]:
    """Every file as one piece at each change; and the tokens of a request about next to nothing."""
    spent, known = Spent("whole files"), dict[Source, Usage]()
    async with app(fake, folder / "whole", max_request_tokens=200_000, disk_cache=False) as opened:
        client = await opened.client()
        for source in (step.source for commit in commits for step in commit if not step.opens):
            # The same again takes the same.
            if source not in known:
                known[source] = (await client.process_pieces([Piece(source.text, source.language)])).usage
            spent.machines[0] += known[source]
        least = await client.process_pieces([Piece("x\n", "python")])
    # The second machine would ask the very same.
    spent.machines[1] = spent.machines[0]
    return spent, least.usage.input_tokens


async def cached(
    name: str,
    fake: FakeProvider,
    commits: list[list[Step]],
    folder: Path,
    *,
    session: int = SESSION,
    **settings: Any,
) -> Spent:
    """Unit by unit through the cache, so many commits a ``session``."""
    spent = Spent(name)
    together = "redis_url" in settings
    for start in range(0, len(commits), session):
        sources = [step.source for commit in commits[start : start + session] for step in commit]
        for machine in range(1 + together):
            async with app(fake, folder / f"{name} {machine}", **settings) as opened:
                spent.machines[machine] += await reviewed(opened, sources)
        print(f"{name}: {min(start + session, len(commits))} commits", file=sys.stderr)
    if not together:
        # As above: nothing that one of them knows gets to the other.
        spent.machines[1] = spent.machines[0]
    return spent


async def reviewed(app: App, sources: list[Source]) -> Usage:
    """What it takes to review all of them in turn."""
    reviewer, used = await app.reviewer(), Usage()
    for source in sources:
        review = await reviewer.review(source)
        if review.errors:
            raise review.errors[0]
        used += review.stats.usage
    return used


async def replay(commits: list[list[Step]], folder: Path, by: str) -> tuple[list[Spent], int]:
    """All ways to review, whole files first; and the tokens with which each request begins."""
    async with FakeProvider() as fake:
        whole, instructions = await whole_files(fake, commits, folder)
        results, session = [whole], 1 if by == "check" else SESSION
        if by != "check":
            results.append(await cached("memory", fake, commits, folder, disk_cache=False))
        results.append(await cached("+ disk", fake, commits, folder, session=session))
        if shutil.which("redis-server") is None:
            print("no redis-server here: the team's tier is left out", file=sys.stderr)
            return results, instructions
        with redirect_stdout(io.StringIO()), RedisServer(folder) as redis:
            url = SecretStr(redis.url)
            results.append(await cached("+ team", fake, commits, folder, session=session, redis_url=url))
        return results, instructions


def report(results: list[Spent], instructions: int) -> bool:
    """Print the table; whether the target is met."""
    most = results[0]
    columns = "".join(f"{name:>14}{'':>9}" for name in ("machine 1", "machine 2", "both", "both, code only"))
    print(f"{'input tokens':<14}{columns}{'requests':>10}")
    for spent in results:
        pairs = [
            *((used.input_tokens, all_of_it.input_tokens) for used, all_of_it in _pairs(spent, most)),
            tuple(each.total.input_tokens - instructions * each.total.requests for each in (spent, most)),
        ]
        cells = "".join(f"{used:>14,}{f'{times(all_of_it, used):.1f} x':>9}" for used, all_of_it in pairs)
        print(f"{spent.name:<14}{cells}{spent.total.requests:>10,}")
    print(f"each request begins with {instructions:,} tokens of instructions and schema")
    reached = times(most.total.input_tokens, results[-1].total.input_tokens)
    print(f"with all tiers {reached:.1f} times fewer tokens; the target is {TARGET}")
    return reached >= TARGET


def times(more: int, less: int) -> float:
    """How many times ``less`` goes into ``more``."""
    return more / less if less else float("inf")


def _pairs(spent: Spent, most: Spent) -> list[tuple[Usage, Usage]]:
    return list(zip((*spent.machines, spent.total), (*most.machines, most.total), strict=True))


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def main() -> int:
    """Replay, and say how it went."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repository", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--commits", type=int, default=200)
    parser.add_argument("--by", choices=("edit", "commit", "check"), default="edit")
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kibitz-bench-") as name:
        folder = Path(name)
        repository = Repository(given.repository, folder)
        try:
            commits = history(repository, given.commits, given.by)
        finally:
            repository.close()
        changes = sum(not step.opens for commit in commits for step in commit)
        print(f"{len(commits)} commits, {changes:,} reviews of files by {given.by}, on each of two machines")
        results, instructions = asyncio.run(replay(commits, folder, given.by))
    met = report(results, instructions)
    print(f"{time.monotonic() - began:.0f} s")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
