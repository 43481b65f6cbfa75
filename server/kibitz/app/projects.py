"""What the projects on this machine say about their code, as far as the user trusts them.

A project is the innermost folder around a file that has a folder ``.kibitz`` or is a repository. What it
says stands in ``.kibitz/rules/*.md`` and in ``.kibitz/context.md`` or, without that, ``AGENTS.md`` (see
``project_files``). Light to import: ``kibitz check`` asks about ten thousand files in half a second.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from kibitz.config.places import default_user_file
from kibitz.guard.trust import FILE_NAME, Decision, Trust

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kibitz.findings.guidance import Guidance
    from kibitz.findings.project import Project
    from kibitz.review.result import Source

HOLDS_S = 1.0
"""So long what was read of a project holds: one review of many files reads it once."""
_MARKS = (".kibitz", ".git")
_SAYS = (".kibitz", "AGENTS.md")
"""Where there is none of these, nothing has to be read."""
_MAX_DEPTH = 64


def trust_of_user() -> Trust:
    """What the user of this process trusts."""
    return Trust(default_user_file().with_name(FILE_NAME))


def root_of(folder: Path) -> Path | None:
    """The project that a folder is in, with all links resolved; None: it is in none. Blocks for a look."""
    return _around(Path(os.path.realpath(folder)))


def _around(real: Path) -> Path | None:
    around = islice((real, *real.parents), _MAX_DEPTH)
    return next((each for each in around if any(os.path.lexists(each / mark) for mark in _MARKS)), None)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a folder is, and when that was found out."""

    root: Path | None
    inside: Path
    """Relative to the root."""
    at: float


@dataclass(frozen=True, slots=True)
class _Read:
    """What a trusted project says, and when that was read."""

    project: Project | None
    at: float


class Projects:
    """What is known of all projects. Safe in threads."""

    def __init__(self, trust: Trust, *, timer: Callable[[], float] = time.monotonic) -> None:
        """Does no I/O. ``timer`` gives seconds that only go forward."""
        self.trust = trust
        self._timer = timer
        self._lock = Lock()
        self._places: dict[str, _Place] = {}
        """By folder."""
        self._read: dict[Path, _Read] = {}

    def of(self, source: Source) -> Guidance | None:
        """See ``review.result.Guiding``."""
        return self.guidance(source.path, source.language)

    def guidance(self, path: str, language: str) -> Guidance | None:
        """What the project of a file adds to questions about it; None: nothing, or it is not trusted."""
        if not path:
            return None
        folder, name = os.path.split(path)
        with self._lock:
            place = self._place(folder)
            project = self._project(place.root) if place.root is not None else None
        return project.guidance((place.inside / name).as_posix(), language) if project else None

    def where(self, path: str) -> tuple[Path | None, Path]:
        """The project of a file, and its path in there; in none, None and the whole path. Follows links."""
        folder, name = os.path.split(path)
        with self._lock:
            place = self._place(folder)
        if place.root is None:
            return None, Path(os.path.realpath(folder), name)
        return place.root, place.inside / name

    def undecided(self, folders: Iterable[Path]) -> tuple[Path, ...]:
        """The projects of ``folders`` that have something to say, and that nobody has decided about."""
        roots = dict.fromkeys(filter(None, map(root_of, folders)))
        return tuple(root for root in roots if self.trust.decision(root) is None and _load(root))

    def decide(self, root: Path, decision: Decision) -> None:
        """From now on, that is what the user says of a project.

        Raises:
            OSError: it is not there, or that cannot be kept.
        """
        self.trust.decide(root, decision)
        self.forget()

    def forget(self) -> None:
        """Read everything anew."""
        with self._lock:
            self._places.clear()
            self._read.clear()

    def _place(self, folder: str) -> _Place:
        place, now = self._places.get(folder), self._timer()
        if place is None or now - place.at > HOLDS_S:
            real = Path(os.path.realpath(folder))
            root = _around(real)
            place = self._places[folder] = _Place(root, real.relative_to(root or real), now)
        return place

    def _project(self, root: Path) -> Project | None:
        read, now = self._read.get(root), self._timer()
        if read is None or now - read.at > HOLDS_S:
            # Of a folder that is not trusted, nothing is even read.
            trusted = _says_something(root) and self.trust.decision(root) is Decision.TRUSTED
            read = self._read[root] = _Read(_load(root) if trusted else None, now)
        return read.project


def _says_something(root: Path) -> bool:
    """Whether it might be worth reading."""
    return any(os.path.lexists(root / name) for name in _SAYS)


def _load(root: Path) -> Project | None:
    if not _says_something(root):
        return None
    from kibitz.app.project_files import load  # noqa: PLC0415 - most folders say nothing

    return load(root)
