"""The first pass of a check: files that are known to be clean, byte by byte, need nothing but reading.

What takes time is opening and hashing them, so nothing else is done: no event loop, no parser, no client is
imported for it. All other files are left to the review proper.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.app.projects import Projects, trust_of_user
from kibitz.cache import rows
from kibitz.cli.files import shown_path
from kibitz.cli.selecting import candidates_of
from kibitz.guard.walk import language_in, machine_made
from kibitz.review.whole import FileKeys, decode
from kibitz.state.store import StateUnavailable
from kibitz.telemetry.cachecounts import TABLE, CacheCounts
from kibitz.telemetry.tables import local_day
from kibitz.text.languages import PLAIN

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

    from kibitz.cache.tier import Kept
    from kibitz.cli.selecting import Candidate, Target
    from kibitz.state.store import Store

_CHUNK = 512
"""Files whose records are looked up together."""
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_TIER = "disk"


@dataclass(frozen=True, slots=True)
class Brief:
    """What a sweep has to know of the settings."""

    exclude: tuple[str, ...]
    include: tuple[str, ...]
    max_bytes: int
    scope: str
    """Whose answers count; see ``Whose.scope``."""


@dataclass(slots=True)
class Swept:
    """What came of it."""

    files: int = 0
    """Files that are known to be clean."""
    clean: list[str] = field(default_factory=list)
    """These files' absolute paths."""
    units: int = 0
    dropped: int = 0
    rest: list[Target] = field(default_factory=list)
    """The others, in the order of the paths."""
    skipped: int = 0
    """What was left out below folders."""
    such_as: str = ""
    """The first of that, and why."""
    seconds: float = 0.0


def sweep(
    paths: Sequence[str],
    brief: Brief,
    store: Store,
    clock: Callable[[], float] = time.time,
    *,
    wanted: Callable[[str], bool] | None = None,
) -> Swept:
    """Look at all files that ``paths`` mean, and that are ``wanted``, a few hundred at a time. Blocks.

    Without a state database, or with one that holds nothing of them, all are left.
    """
    began = time.monotonic()
    run = _Sweep(brief, store, clock)
    found = candidates_of(paths, brief.exclude, brief.include, run.skip, wanted)
    while chunk := list(islice(found, _CHUNK)):
        run.take(chunk)
    run.end()
    run.swept.seconds = time.monotonic() - began
    return run.swept


class _Sweep:
    """One sweep under way."""

    def __init__(self, brief: Brief, store: Store, clock: Callable[[], float]) -> None:
        self.swept = Swept()
        self._max_bytes = brief.max_bytes
        self._store = store
        self._clock = clock
        self._keys = FileKeys(brief.scope)
        self._projects = Projects(trust_of_user())
        self._here = Path.cwd()
        self._usable = True
        self._worn: set[str] = set()
        self._input_tokens = 0
        self._output_tokens = 0
        self._usd: Decimal | None = None

    def skip(self, path: str, reason: str) -> None:
        """Note what is left out."""
        self.swept.skipped += 1
        self.swept.such_as = self.swept.such_as or f"{shown_path(Path(path), self._here)}: {reason}"

    def take(self, chunk: Sequence[Candidate]) -> None:
        """Read, hash and look up some files."""
        keyed = [(found, digest) for found in chunk if (digest := self._digest(found)) is not None]
        records = self._looked_up([digest for _, digest in keyed if digest])
        for found, digest in keyed:
            if self._is_clean(records.get(digest)):
                self.swept.clean.append(found.path)
            else:
                self.swept.rest.append(found.target(self._here))

    def end(self) -> None:
        """Write down what was used, and what that saved."""
        if not self.swept.files:
            return
        units = self.swept.units
        counts = CacheCounts(
            looked_up=units,
            hits=units,
            saved_input_tokens=self._input_tokens,
            saved_output_tokens=self._output_tokens,
            saved_usd=self._usd,
        )
        day = local_day().isoformat()

        def write(connection: sqlite3.Connection) -> None:
            TABLE.add(connection, {(day, _TIER): counts})
            if self._worn:
                rows.touch(connection, self._worn, self._clock())

        with suppress(StateUnavailable):
            self._store.transact(write, (rows.COMPONENT, TABLE.component), write=True)

    def _digest(self, found: Candidate) -> str | None:
        """What the file is known by; empty if only the review can tell, None if it is left out."""
        if found.refusal:
            return ""
        try:
            content = _content(found.path, self._max_bytes)
        except (OSError, _TooLargeError) as error:
            if not found.named:
                self.skip(found.path, _why(error))
            return "" if found.named else None
        if content is None:
            return ""
        name = found.path.rpartition(os.sep)[2]
        language = language_in(name, content)
        if not found.named:
            reason = machine_made(name, content) if language else ""
            if reason:
                self.skip(found.path, reason)
            if reason is not None:
                return None
        language = language or PLAIN
        return self._keys.of(language, content, self._projects.guidance(found.path, language))

    def _looked_up(self, digests: Sequence[str]) -> Mapping[str, Kept]:
        if not self._usable:
            return {}
        look_up = partial(rows.look_up, digests=digests, now=self._clock(), worn=self._worn)
        try:
            return self._store.transact(look_up, (rows.COMPONENT,), write=False)
        except StateUnavailable:
            self._usable = False
            return {}

    def _is_clean(self, kept: Kept | None) -> bool:
        """Whether that says that there is nothing in the file; then it is counted."""
        if kept is None or kept.fresh_s <= 0:
            return False
        record = decode(kept.value)
        if record is None or not record.is_clean:
            return False
        self.swept.files += 1
        self.swept.units += record.units
        self.swept.dropped += sum(record.dropped.values())
        paid = record.paid
        self._input_tokens += paid.input_tokens
        self._output_tokens += paid.output_tokens
        if paid.cost_usd is not None:
            self._usd = paid.cost_usd + (self._usd or 0)
        return True


class _TooLargeError(Exception):
    """A file is larger than the settings allow."""


def _why(error: OSError | _TooLargeError) -> str:
    """In words, for people."""
    return f"it cannot be read: {error.strerror or error}" if isinstance(error, OSError) else str(error)


def _content(path: str, max_bytes: int) -> bytes | None:
    """All of a regular file; None if it is none, or changes just now.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        status = os.fstat(descriptor)
        if status.st_size > max_bytes:
            raise _TooLargeError(f"it is larger than {max_bytes} bytes")
        if not stat.S_ISREG(status.st_mode):
            return None
        # One byte more than there is: so it is at its end, and a growing file shows. Much more, and Python
        # would take the memory for it first.
        content = os.read(descriptor, status.st_size + 1)
    finally:
        os.close(descriptor)
    return content if len(content) == status.st_size else None
