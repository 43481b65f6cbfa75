"""A file of JSON lines that several processes write to and nobody waits for.

Entries go through a bounded queue to a thread of the journal's own, which begins with the first of them.
There they are rendered, masked and appended, each batch in one write at the end of the file: lines of several
processes never mix. A file that grew to its size is moved aside by whoever notices, under a lock.

A disk that is full, or may not be written, costs entries and one warning; what is logged about goes on.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import queue
import stat
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from kibitz.state.places import private_folder
from kibitz.telemetry.masking import mask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

logger = logging.getLogger(__name__)

MAX_BYTES = 5 * 1024 * 1024
"""Of one file, before it is moved aside."""
KEPT = 3
"""So many older files stay."""
WAITING = 1000
"""So many entries wait for the disk; what comes then is lost."""
REST_S = 30.0
"""How long a file that could not be written is left alone."""
_OWNER_ONLY = 0o600
_BATCH = 100
_MAX_TEXT = 200
_FLAGS = (
    os.O_WRONLY
    | os.O_APPEND
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
)

Entry = dict[str, object]


class Journal:
    """The file at ``path``; see the module. Safe in threads; does no I/O until the first entry."""

    def __init__(
        self,
        path: Path,
        *,
        what: str,
        finish: Callable[[Entry], Entry] = lambda entry: entry,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare.

        Args:
            path: where lines go.
            what: what it is called in the warning that it cannot be written.
            finish: makes of an entry what is written, in the journal's thread.
            max_bytes: size at which the file is moved aside.
            clock: seconds that only go forward.
        """
        self.path = path
        self.lost = 0
        """Entries that could not be written."""
        self._what = what
        self._finish = finish
        self._max_bytes = max_bytes
        self._clock = clock
        self._queue: queue.Queue[Entry | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._rest_until = -float("inf")
        self._warned = False
        self._torn = False
        """Whether the last line may lack its end."""

    def write(self, entry: Mapping[str, object]) -> None:
        """Have one line written. Never blocks, and never fails."""
        try:
            self._queue.put_nowait(dict(entry))
        except queue.Full:
            self.lost += 1
            return
        if self._thread is None:
            self._begin()

    def close(self, seconds: float = 0.5) -> None:
        """Write what waits, in at most that time. Blocks; what comes later is written all the same."""
        with self._starting:
            thread, self._thread = self._thread, None
        if thread is not None:
            try:
                self._queue.put(None, timeout=seconds)
            except queue.Full:
                return
            thread.join(seconds)

    def _begin(self) -> None:
        with self._starting:
            if self._thread is None:
                # A daemon: a disk that hangs must not keep the process.
                self._thread = threading.Thread(target=self._work, name="kibitz-journal", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        last = False
        while not last:
            batch = [self._queue.get()]
            while len(batch) < _BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            last = None in batch
            self._append([entry for entry in batch if entry is not None])

    def _append(self, entries: list[Entry]) -> None:
        if not entries:
            return
        if self._clock() < self._rest_until:
            self.lost += len(entries)
            return
        try:
            self._put(b"".join(self._line(entry) for entry in entries))
        except OSError as error:
            self.lost += len(entries)
            self._rest_until = self._clock() + REST_S
            if not self._warned:
                self._warned = True
                why = error.strerror or type(error).__name__
                logger.warning(
                    "%s %s cannot be written (%s); nothing is noted there until that is mended",
                    self._what,
                    self.path,
                    why,
                )

    def _line(self, entry: Entry) -> bytes:
        told = {name: _bounded(value) for name, value in self._finish(entry).items() if value is not None}
        return mask(json.dumps(told, ensure_ascii=True, default=str)).encode("ascii", "replace") + b"\n"

    def _put(self, data: bytes) -> None:
        private_folder(self.path.parent)
        descriptor = os.open(self.path, _FLAGS, _OWNER_ONLY)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "it is no plain file")
            if os.name == "posix" and stat.S_IMODE(status.st_mode) != _OWNER_ONLY:
                os.fchmod(descriptor, _OWNER_ONLY)
            view = memoryview(b"\n" + data if self._torn else data)
            self._torn = True
            while view:
                view = view[os.write(descriptor, view) :]
            self._torn = False
        finally:
            os.close(descriptor)
        if status.st_size + len(data) >= self._max_bytes:
            self._rotate()

    def _rotate(self) -> None:
        """Move the file aside, unless another process does, or just did."""
        from filelock import FileLock  # noqa: PLC0415 - rarely needed

        # Another process moves it: Timeout is an OSError, and so is that it is gone by now.
        with suppress(OSError), FileLock(self.path.with_suffix(".lock"), timeout=0, mode=_OWNER_ONLY):
            if self.path.stat().st_size >= self._max_bytes:
                for number in range(KEPT, 0, -1):
                    older = self.numbered(number - 1)
                    if older.exists():
                        older.replace(self.numbered(number))

    def numbered(self, number: int) -> Path:
        """The file that was moved aside so many times; 0 is the one that is written."""
        return self.path.with_suffix(f".{number}{self.path.suffix}") if number else self.path


def _bounded(value: object) -> object:
    """Text that is no longer than a name or a number needs."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {str(name)[:_MAX_TEXT]: _bounded(inner) for name, inner in value.items()}
    return str(value)[:_MAX_TEXT]
