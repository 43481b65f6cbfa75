"""Two editors' servers and a ``kibitz check`` that write one state database, and somebody who kills them.

Everybody works all the time: into each editor something new is typed as soon as the last edit was asked
about, and the files that are checked change before every run. ``Crowd.strike`` kills one of them (SIGKILL),
looks at the database, and starts another in its place.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sqlite3
import sys
import time
from abc import ABC, abstractmethod
from collections import Counter
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, Prompt, Reply, reviewer
from tests.support.lsp_process import Buffer, ServerProcess, clean_environment

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path
    from random import Random

_MARK = re.compile(r"MARK_\d+")
_FUNCTION = "def f(values):\n    {mark} = 0\n    return sum(values) / len(value)\n\n\n"
_FIRST = {"start": {"line": 0, "character": 0}, "end": {"line": 5, "character": 0}}
_FILES = 8
"""That a run of ``check`` reviews."""
_LATENCY_S = 0.02
_PACE_S = 0.01
"""Between the requests of an editor."""
_TYPING_S = 0.1
"""Between its edits: a newer one would abort the request of the one before."""
_MOMENTS_S = 0.5
"""Answers are written some 0.2 s after they came: a moment in this time is anywhere in a worker's round."""
_PATIENCE_S = 60.0


@dataclass
class Found:
    """What the strikes came to."""

    kills: Counter[str] = field(default_factory=Counter)
    """By who was killed."""
    damaged: list[str] = field(default_factory=list)
    """What ``PRAGMA integrity_check`` said when it was not ``ok``."""
    lost: set[str] = field(default_factory=set)
    """Digests that were there before a kill, and were not, or said something else, after it."""
    entries: int = 0
    """That were there after the last kill."""
    waits: list[float] = field(default_factory=list)
    """How long each request of an editor took, in seconds."""
    waits_apart: list[float] = field(default_factory=list)
    """The same for an editor that shares no database and is never killed: what the machine alone does."""
    shown: list[str] = field(default_factory=list)
    """Messages on a user's screen."""
    logged: list[str] = field(default_factory=list)
    """Lines that they wrote to standard error."""


class Crowd:
    """See the module. ``random`` decides who is killed, and when; ``apart``: one more to compare with."""

    def __init__(self, home: Path, random: Random, *, apart: bool = False) -> None:
        self.home = home
        self.found = Found()
        self.environment = {
            "OPENAI_API_KEY": canary.KEY,
            "KIBITZ_STATE_DIR": str(home / "state"),
            "KIBITZ_DEBOUNCE_MS": "0",
            "KIBITZ_REQUESTS_PER_MINUTE": "100000",
            "KIBITZ_TOKENS_PER_MINUTE": "100000000",
        }
        self._random = random
        self._database = home / "state" / "state.db"
        self._fake = FakeProvider(self._answer, latency=_LATENCY_S)
        self._review = reviewer(Bug("len(value)", "len(values)"))
        self._numbers = itertools.count()
        self._expected: dict[str, asyncio.Event] = {}
        editors = [_Editor(name, self, self.found.waits, home / "state") for name in ("one", "two")]
        self._workers: list[_Worker] = [*editors, _Check("check", self)]
        self._apart = [_Editor("apart", self, self.found.waits_apart, home / "apart")] if apart else []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._fake)
        self.environment["OPENAI_BASE_URL"] = self._fake.base_url
        for worker in (*self._workers, *self._apart):
            self._stack.push_async_callback(worker.kill)
            await worker.begin()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def strike(self) -> None:
        """Kill somebody at some moment, see what that did, and start another in his place."""
        self._fake.requests.clear()
        for worker in self._workers:
            await worker.works()
        victim = self._random.choice(self._workers)
        before = await asyncio.to_thread(self._rows)
        if self._random.random() < 1 / 2:
            await self._until_written()
        else:
            await asyncio.sleep(self._random.uniform(0, _MOMENTS_S))
        await victim.kill()
        self.found.kills[victim.name] += 1
        self.found.damaged += await asyncio.to_thread(self._complaints)
        after = await asyncio.to_thread(self._rows)
        self.found.lost |= {digest for digest, value in before.items() if after.get(digest) != value}
        self.found.entries = len(after)
        await victim.begin()

    def expect(self) -> tuple[str, asyncio.Event]:
        """A function that was not there before, and what is set when somebody asks about it."""
        mark = f"MARK_{next(self._numbers)}"
        event = self._expected[mark] = asyncio.Event()
        return _FUNCTION.format(mark=mark), event

    def _answer(self, prompt: Prompt) -> Reply:
        for mark in _MARK.findall(prompt.text):
            if event := self._expected.pop(mark, None):
                event.set()
        return self._review(prompt)

    async def _until_written(self) -> None:
        log = self._database.with_name("state.db-wal")
        first = log.stat().st_mtime_ns
        async with asyncio.timeout(_PATIENCE_S):
            while log.stat().st_mtime_ns == first:  # noqa: ASYNC110 - no event tells of another's writing
                await asyncio.sleep(0)

    def _rows(self) -> dict[str, str]:
        return dict(self._query("SELECT digest, value FROM answers_kept"))

    def _complaints(self) -> list[str]:
        return [str(said) for (said,) in self._query("PRAGMA integrity_check") if said != "ok"]

    def _query(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self._database)) as connection:
            return connection.execute(sql).fetchall()


class _Worker(ABC):
    """Somebody who works until he is killed, and then begins anew."""

    def __init__(self, name: str, crowd: Crowd) -> None:
        self.name = name
        self._crowd = crowd
        self._tasks: list[asyncio.Task[None]] = []
        self._asked = asyncio.Event()

    @abstractmethod
    async def begin(self) -> None:
        """Start the process, and what makes it work."""

    async def works(self) -> None:
        """Wait until its process has asked about something."""
        asked = asyncio.create_task(self._asked.wait())
        await asyncio.wait([asked, *self._tasks], timeout=_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        for task in self._tasks:
            if task.done():
                task.result()
        assert self._asked.is_set(), f"{self.name} does nothing"

    async def kill(self) -> None:
        """Kill the process, and stop what makes it work."""
        self._asked.clear()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _do(self, *work: Coroutine[object, object, None]) -> None:
        self._tasks = [asyncio.create_task(each) for each in work]


class _Editor(_Worker):
    """Somebody types without a pause, while his editor asks for code actions without a pause."""

    def __init__(self, name: str, crowd: Crowd, waits: list[float], state: Path) -> None:
        super().__init__(name, crowd)
        self._waits = waits
        self._state = state

    async def begin(self) -> None:
        environment = self._crowd.environment | {"KIBITZ_STATE_DIR": str(self._state)}
        self._server = ServerProcess(self._crowd.home, **environment)
        await self._server.__aenter__()
        await self._server.initialize()
        uri = f"file://{self._crowd.home}/{self.name}.py"
        self._buffer = Buffer(self._server, uri, self._crowd.expect()[0], Encoding.UTF16)
        self._buffer.open()
        self._do(self._type(), self._look())

    async def kill(self) -> None:
        # First the process: what else is to be stopped would take time in which it goes on.
        self._server.process.kill()
        await super().kill()
        await self._server.__aexit__()
        self._crowd.found.shown += self._server.messages
        self._crowd.found.logged += self._server.stderr.decode().splitlines()

    async def _type(self) -> None:
        while True:
            text, asked = self._crowd.expect()
            self._buffer.replace(_FIRST, text)
            await asked.wait()
            self._asked.set()
            await asyncio.sleep(_TYPING_S)

    async def _look(self) -> None:
        while True:
            began = time.monotonic()
            await self._buffer.actions(_FIRST)
            self._waits.append(time.monotonic() - began)
            self._crowd.found.shown += self._server.messages
            self._server.received.clear()
            await asyncio.sleep(_PACE_S)


class _Check(_Worker):
    """Checks a folder whose files are always new."""

    async def begin(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._do(self._check())

    async def kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
        await super().kill()
        if self._process is not None:
            await self._process.communicate()

    async def _check(self) -> None:
        folder = self._crowd.home / "checked"
        folder.mkdir(exist_ok=True)
        while True:
            for number in range(_FILES):
                text, asked = self._crowd.expect()
                (folder / f"{number}.py").write_text(text)
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "kibitz.cli", "check", "--format=json", str(folder)),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=clean_environment(self._crowd.home, self._crowd.environment),
            )
            await asked.wait()
            self._asked.set()
            _, said = await self._process.communicate()
            assert self._process.returncode == 1, f"check did not end well: {said.decode()}"
            self._crowd.found.logged += said.decode().splitlines()
