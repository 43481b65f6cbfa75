"""The files that dismissals are kept in: the user's own, and the one that a team keeps in its project.

Everything here blocks. What was read holds until the file is another one, so that a look costs one ``stat``.
Whoever writes holds the lock of all files, reads anew, and replaces the file whole.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from threading import Lock
from typing import TYPE_CHECKING

from kibitz.guard import private
from kibitz.guard.files import read_file, replace_file
from kibitz.review.dismissal_lines import MAX_BYTES, Lines, bounded, parse, render
from kibitz.state.places import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kibitz.review.dismissal import Dismissal

FILE_NAME = "dismissals.jsonl"
TEAM_FILE = f".kibitz/{FILE_NAME}"
"""In a project."""
LOCK_S = 5.0
"""How long to wait for another process that writes. It takes milliseconds."""


class CannotKeepError(Exception):
    """A file of dismissals cannot be changed; the message says why, and what to do."""


class DismissalFile(ABC):
    """One file of dismissals, as it is now. Safe in threads."""

    def __init__(self, path: Path, state: Path) -> None:
        """Does no I/O. ``state`` is the folder where the lock is."""
        self.path = path
        self.lines = Lines()
        """What the last look found."""
        self.problem = ""
        """Why nothing of it is used, with what to do; empty if it is, or if there is no such file."""
        self._state = state
        self._lock = Lock()
        self._seen: tuple[int, ...] | None = None

    def look(self) -> Lines:
        """What it holds; nothing, where it cannot be used."""
        with self._lock:
            self._look()
        return self.lines

    def change(self, how: Callable[[Lines], Lines]) -> None:
        """Write what ``how`` makes of what it holds.

        Raises:
            CannotKeepError: that cannot be written.
        """
        with self._lock:
            try:
                private_folder(self._state)
                self._change_locked(how)
            except OSError as error:
                why = error.strerror or str(error)
                raise CannotKeepError(
                    f"{self.path} cannot be written: {why}. Check its permissions and the free space"
                ) from error

    def _change_locked(self, how: Callable[[Lines], Lines]) -> None:
        from filelock import FileLock, Timeout  # noqa: PLC0415 - few write

        try:
            with FileLock(self._state / f"{FILE_NAME}.lock", timeout=LOCK_S, mode=0o600):
                self._seen = None
                self._look()
                if self.problem:
                    raise CannotKeepError(f"{self.path} is not written to: {self.problem}")
                lines = how(self.lines)
                if lines != self.lines:
                    self._write(lines)
                    self.lines, self._seen = lines, None
        except private.NotPrivateError as error:
            raise CannotKeepError(f"{self.path} is not written to: {error}") from error
        except Timeout as error:
            raise CannotKeepError(
                f"{self.path} is not written to: another process holds {error.lock_file}. Try again"
            ) from error

    def _look(self) -> None:
        seen = _signature(self.path)
        if seen == self._seen and seen is not None:
            return
        self.problem, lines = "", Lines()
        if seen:
            try:
                lines = parse(self._content(), self._accepts)
            except FileNotFoundError:
                seen = ()
            except private.NotPrivateError as error:
                self.problem = str(error)
            except OSError as error:
                self.problem = f"it cannot be read: {error.strerror or error}"
        self.lines, self._seen = lines, seen

    @abstractmethod
    def _content(self) -> bytes:
        """Raises OSError, or NotPrivateError."""

    @abstractmethod
    def _write(self, lines: Lines) -> None:
        """Raises OSError, NotPrivateError, or CannotKeepError."""

    @abstractmethod
    def _accepts(self, dismissal: Dismissal) -> bool:
        """Whether that may stand in such a file."""


class UserFile(DismissalFile):
    """What this user dismissed, in a file that nobody else can read or write."""

    def __init__(self, state: Path) -> None:
        super().__init__(state / FILE_NAME, state)

    def _content(self) -> bytes:
        return private.read(self.path, limit=MAX_BYTES, secret=False)[0]

    def _write(self, lines: Lines) -> None:
        private.write(self.path, render(bounded(lines)))

    def _accepts(self, dismissal: Dismissal) -> bool:
        return bool(dismissal.root or dismissal.fingerprint)


class TeamFile(DismissalFile):
    """What a team dismissed in its project. Anybody may have written it: it hides findings, and no more."""

    def __init__(self, root: Path, state: Path) -> None:
        super().__init__(root / TEAM_FILE, state)
        self._root = root

    def _content(self) -> bytes:
        # One byte more than is used tells that there is more.
        return read_file(self._inside(), MAX_BYTES + 1)

    def _write(self, lines: Lines) -> None:
        content = render(lines)
        if not lines.is_whole or len(content) > MAX_BYTES:
            raise CannotKeepError(f"{self.path} is not written to: it is too long. Remove old lines from it")
        self._inside()
        self.path.parent.mkdir(exist_ok=True)
        replace_file(self._inside(), content)

    def _accepts(self, dismissal: Dismissal) -> bool:
        return not dismissal.root

    def _inside(self) -> Path:
        """Where the file really is. Raises NotPrivateError if that is elsewhere."""
        real = self._root / os.path.realpath(self.path)
        if not real.is_relative_to(os.path.realpath(self._root)):
            raise private.NotPrivateError("it is a link out of the project. Put a file there")
        return real


def _signature(path: Path) -> tuple[int, ...]:
    """What tells whether a file is what it was; empty: there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - for each file of a check
    except (OSError, ValueError):
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
