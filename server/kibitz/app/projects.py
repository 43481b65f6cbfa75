"""What the projects on this machine say about their code, as far as the user trusts them.

A project is the innermost folder around a file that has a folder ``.kibitz`` or is a repository. What it
says stands in ``.kibitz/rules/*.md`` and in ``.kibitz/context.md`` or, without that, ``AGENTS.md``. Light to
import: ``kibitz check`` asks about ten thousand files in half a second.
"""

from __future__ import annotations

import os
import time
from codecs import getincrementaldecoder
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from kibitz.config.places import default_user_file
from kibitz.findings.guidance import PREFIX
from kibitz.findings.project import (
    MAX_ALL_RULES,
    MAX_CONTEXT,
    MAX_RULES,
    Project,
    Unusable,
    context_of,
    rule_of,
    within_bounds,
)
from kibitz.guard.files import read_file
from kibitz.guard.trust import FILE_NAME, Decision, Trust

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kibitz.findings.guidance import Guidance, ProjectRule
    from kibitz.review.result import Source

RULES_FOLDER = ".kibitz/rules"
CONTEXT_FILES = (".kibitz/context.md", "AGENTS.md")
"""The first that there is counts."""
HOLDS_S = 1.0
"""So long what was read of a project holds: one review of many files reads it once."""
_MARKS = (".kibitz", ".git")
_MAX_DEPTH = 64
_MAX_LISTED = 1_000
_MAX_BYTES = 65_536


def trust_of_user() -> Trust:
    """What the user of this process trusts."""
    return Trust(default_user_file().with_name(FILE_NAME))


def root_of(folder: Path) -> Path | None:
    """The project that a folder is in, with all links resolved; None: it is in none. Blocks for a look."""
    real = Path(os.path.realpath(folder))
    around = islice((real, *real.parents), _MAX_DEPTH)
    return next((each for each in around if any(os.path.lexists(each / mark) for mark in _MARKS)), None)


def load(root: Path) -> Project:
    """What a project says, trusted or not; its problems say what is not used. Blocks, and never raises."""
    problems: list[str] = []
    rules, left_out = within_bounds([*_rules(root, problems)])
    if left_out:
        names = ", ".join(rule.code.removeprefix(PREFIX) for rule in left_out)
        problems.append(
            f"rules left out: {names}; {MAX_RULES} rules and {MAX_ALL_RULES:,} characters are used in all"
        )
    context, name = _context(root, problems)
    return Project(rules, context, name, tuple(problems))


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of a project, and when."""

    project: Project
    trusted: bool
    at: float


class Projects:
    """What is known of all projects. Safe in threads."""

    def __init__(self, trust: Trust, *, timer: Callable[[], float] = time.monotonic) -> None:
        """Does no I/O. ``timer`` gives seconds that only go forward."""
        self.trust = trust
        self._timer = timer
        self._lock = Lock()
        self._roots: dict[str, tuple[Path | None, float]] = {}
        """By folder, and when that was found out."""
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
            root = self._root(folder)
            if root is None:
                return None
            read = self._project(root)
        if not read.trusted or not read.project:
            return None
        inside = Path(os.path.realpath(folder)).relative_to(root)
        return read.project.guidance((inside / name).as_posix(), language)

    def undecided(self, folders: Iterable[Path]) -> tuple[Path, ...]:
        """The projects of ``folders`` that have something to say, and that nobody has decided about."""
        roots = dict.fromkeys(filter(None, map(root_of, folders)))
        return tuple(root for root in roots if self.trust.decision(root) is None and load(root))

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
            self._roots.clear()
            self._read.clear()

    def _root(self, folder: str) -> Path | None:
        known = self._roots.get(folder)
        now = self._timer()
        if known is None or now - known[1] > HOLDS_S:
            known = self._roots[folder] = root_of(Path(folder)), now
        return known[0]

    def _project(self, root: Path) -> _Read:
        read, now = self._read.get(root), self._timer()
        if read is None or now - read.at > HOLDS_S:
            trusted = self.trust.decision(root) is Decision.TRUSTED
            # Of a folder that is not trusted, nothing is even read.
            read = self._read[root] = _Read(load(root) if trusted else Project(), trusted, now)
        return read


def _rules(root: Path, problems: list[str]) -> Iterator[ProjectRule]:
    """The rules of a project by name; why others are not used goes to ``problems``."""
    try:
        with os.scandir(_inside(root, RULES_FOLDER)) as listing:
            names = sorted(entry.name for entry in islice(listing, _MAX_LISTED) if entry.name.endswith(".md"))
    except (OSError, Unusable):
        return
    for name in names:
        try:
            yield rule_of(name.removesuffix(".md"), _text(root, f"{RULES_FOLDER}/{name}"))
        except Unusable as error:
            problems.append(f"{RULES_FOLDER}/{name} {error}")


def _context(root: Path, problems: list[str]) -> tuple[str, str]:
    """The context of a project, and the file that it is from."""
    for name in CONTEXT_FILES:
        if not os.path.lexists(root / name):
            continue
        try:
            context, is_whole = context_of(_text(root, name))
        except Unusable as error:
            problems.append(f"{name} {error}")
            return "", ""
        if not is_whole:
            problems.append(f"{name} is longer than {MAX_CONTEXT:,} characters; the rest of it is not used")
        return context, name if context else ""
    return "", ""


def _text(root: Path, name: str) -> str:
    """Raises ``Unusable``."""
    try:
        raw = read_file(_inside(root, name), _MAX_BYTES)
        # Of a longer file, the last character may be there in part.
        return getincrementaldecoder("utf-8")().decode(raw, final=len(raw) < _MAX_BYTES)
    except UnicodeDecodeError:
        raise Unusable("is not in UTF-8") from None
    except OSError as error:
        raise Unusable(f"cannot be read: {error.strerror or error}") from None


def _inside(root: Path, name: str) -> Path:
    """Where a file of a project really is. Raises ``Unusable`` if that is elsewhere."""
    real = Path(os.path.realpath(root / name))
    if not real.is_relative_to(os.path.realpath(root)):
        raise Unusable("is a link out of the project")
    return real
