"""The state database: what several kibitz processes on this machine share, in one SQLite file.

Each part of kibitz that keeps something has a ``Component``, registers it, and works on its own tables::

    database.register(COMPONENT)
    total = await database.run(lambda connection: add(connection, 3))

All work is done in one thread of its own, which opens the file when it is first needed. What cannot be kept
is no reason to stop: ``StateUnavailable`` says so, and whoever gets it goes on with what is in memory.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from kibitz.state.store import Component, StateUnavailable, Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Component", "Database", "StateUnavailable"]

T = TypeVar("T")
logger = logging.getLogger(__name__)

BUSY_S = 1.0
"""How long to wait for another process's transaction. They take milliseconds."""
REST_S = 30.0
"""How long a database that could not be used is left alone."""


class Database:
    """The file at ``path``; see the module. Belongs to one event loop; opens nothing until it is needed."""

    def __init__(
        self, path: Path, *, busy_s: float = BUSY_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.path = path
        self.problem = ""
        """Why it cannot be used, in words for people; empty while it can."""
        self._clock = clock
        self._store = Store(path, busy_s)
        self._components: tuple[Component, ...] = ()
        self._executor: ThreadPoolExecutor | None = None
        self._rest_until = {True: -float("inf"), False: -float("inf")}
        """By whether it is for writing."""
        self._reported = False
        self._closed = False

    def register(self, component: Component) -> None:
        """Have the component's tables made before the next transaction. No I/O; twice is as good as once."""
        if component not in self._components:
            self._components = (*self._components, component)

    async def run(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Do ``job`` in a transaction that may write: all of it or nothing, one process at a time.

        ``job`` runs in the database's thread, may run twice (the first time undone), and must not commit.

        Raises:
            StateUnavailable: the database cannot be used; nothing was kept.
        """
        return await self._do(job, write=True)

    async def read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """The same for a job that only reads: it waits for nobody, and works where writing does not."""
        return await self._do(job, write=False)

    async def check(self) -> bool:
        """Look through the whole file, for seconds if it is large. Whether there was no damage.

        A damaged file is set aside, and a new one begun.

        Raises:
            StateUnavailable: the database cannot be used.
        """
        return await self._in_thread(self._store.check, write=False)

    async def shrink(self) -> None:
        """Give the space that the file does not use back to the disk, unless somebody is in the way.

        Raises:
            StateUnavailable: the database cannot be used.
        """
        await self._in_thread(self._store.shrink, write=True)

    async def aclose(self) -> None:
        """Finish what is under way and close the file. From then on it is unavailable."""
        self._closed = True
        executor, self._executor = self._executor, None
        if executor is not None:
            await asyncio.get_running_loop().run_in_executor(executor, self._store.close)
            executor.shutdown(wait=False)

    async def _do(self, job: Callable[[sqlite3.Connection], T], *, write: bool) -> T:
        components = self._components
        return await self._in_thread(lambda: self._store.transact(job, components, write=write), write=write)

    async def _in_thread(self, action: Callable[[], T], *, write: bool) -> T:
        if self._closed:
            raise StateUnavailable("kibitz's state database is closed: this process is ending", lasting="all")
        if self._clock() < self._rest_until[write]:
            raise StateUnavailable(self.problem, lasting="all")
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="kibitz-state")
        loop = asyncio.get_running_loop()
        try:
            result = await loop.run_in_executor(self._executor, action)
        except StateUnavailable as error:
            self._rest(error)
            raise
        if write:
            self.problem = ""
        return result

    def _rest(self, error: StateUnavailable) -> None:
        if error.lasting == "no":
            return
        until = self._clock() + REST_S
        self._rest_until[True] = until
        if error.lasting == "all":
            self._rest_until[False] = until
        self.problem = str(error)
        if not self._reported:
            self._reported = True
            logger.warning("%s", error)
