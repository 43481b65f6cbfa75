"""Which folders the user trusts: what their files say may become part of what a model is asked.

Kept beside the user's settings, and never in the folder itself: whoever writes a repository does not decide
whether it is trusted. Trust belongs to one folder as it is: not to those inside it, and not to another one
that comes to stand in its place.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING

from kibitz.guard import private
from kibitz.telemetry import security

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE_NAME = "trust.json"
_VERSION = 1
_MAX_BYTES = 1_048_576


class Decision(StrEnum):
    """What the user said of a folder."""

    TRUSTED = "trusted"
    REFUSED = "refused"
    ASKED = "asked"
    """Nothing, when asked: it is not trusted, and the question does not come again."""


@dataclass(frozen=True, slots=True, order=True)
class Folder:
    """A folder, and what the user said of it."""

    path: str
    """With all links resolved."""
    inode: int
    """Tells it from another folder that is put in its place."""
    decision: Decision


class Trust:
    """What the user decided, in a file. Safe in threads.

    A file that other users may write, or that cannot be read, trusts nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._stamp: private.Stamp | None = None
        self._folders: frozenset[Folder] = frozenset()

    def decision(self, folder: Path) -> Decision | None:
        """What the user said of a folder; None: nothing yet. Blocks for a look at the folder and the file."""
        try:
            path, inode = _identity(folder)
        except OSError:
            return None
        with self._lock:
            known = (each for each in self._current() if (each.path, each.inode) == (path, inode))
            return next((each.decision for each in known), None)

    def decide(self, folder: Path, decision: Decision) -> None:
        """From now on, that is what the user says of a folder. Blocks for a write to disk.

        Raises:
            OSError: there is no such folder, or the file cannot be written.
        """
        path, inode = _identity(folder)
        with self._lock:
            others = {each for each in self._current() if each.path != path}
            self._write({*others, Folder(path, inode, decision)})
        security.note(security.Event.FOLDER_DECIDED, decision=decision.value)

    def all(self) -> tuple[Folder, ...]:
        """All that was decided, in order. Blocks for a look at the file."""
        with self._lock:
            return tuple(sorted(self._current()))

    def _current(self) -> frozenset[Folder]:
        try:
            stamp = private.Stamp.of(self.path.stat())
            if stamp != self._stamp:
                content, self._stamp = private.read(self.path, limit=_MAX_BYTES, secret=False)
                self._folders = _parsed(content)
        except (OSError, private.NotPrivateError):
            self._stamp, self._folders = None, frozenset()
        return self._folders

    def _write(self, folders: Iterable[Folder]) -> None:
        content = {"version": _VERSION, "folders": [asdict(folder) for folder in sorted(folders)]}
        private.write(self.path, json.dumps(content, indent=1).encode("ascii"))
        self._stamp = None


def _identity(folder: Path) -> tuple[str, int]:
    """Raises OSError if there is no such folder."""
    path = os.path.realpath(folder, strict=True)
    return path, os.stat(path).st_ino  # noqa: PTH116 - a string at hand


def _parsed(content: bytes) -> frozenset[Folder]:
    """What a file says; nothing, if it is not one of ours."""
    try:
        return frozenset(
            Folder(str(entry["path"]), int(entry["inode"]), Decision(entry["decision"]))
            for entry in json.loads(content)["folders"]
        )
    except (ValueError, RecursionError, TypeError, KeyError, OverflowError):
        return frozenset()
