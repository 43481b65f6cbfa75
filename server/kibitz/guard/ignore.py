"""Which files must not be reviewed: because they hold secrets, or because someone said so.

Followed are git's ignore files and those of other AI tools: who hid a file from one of them hid it from all.
Each excludes for itself; only within its own kind can a line include again what another excluded.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kibitz.guard.denied import denied
from kibitz.guard.ignore_file import IgnoreFile, everything, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_FILE_BYTES = 1 << 18


class _Kind(NamedTuple):
    name: str
    nested: bool = False
    """Whether a file in a deeper folder overrules one further up, as git has it."""
    negation: bool = True
    empty_means_all: bool = False


_KINDS = (
    _Kind(".gitignore", nested=True),
    _Kind(".kibitzignore", nested=True),
    _Kind(".aiignore"),
    _Kind(".aiexclude", negation=False, empty_means_all=True),
    _Kind(".cursorignore"),
    _Kind(".copilotignore"),
    _Kind(".codeiumignore"),
)
_EXCLUDE_OF_GIT = _Kind(".git/info/exclude")


class Ignore:
    """What is excluded at and below ``root``, a folder.

    Ignore files count from the top of the repository that ``root`` is in. They are read when they are first
    needed, and again when they change on disk. ``exclude`` is the user's globs, in gitignore syntax,
    relative to ``root``.
    """

    def __init__(self, root: Path, *, exclude: Sequence[str] = ()) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - normalises `..` without following links
        self._top = _top_of(self.root)
        self._exclude = parse("the setting `exclude`", "\n".join(exclude))
        self._files: dict[str, tuple[tuple[int, ...], IgnoreFile]] = {}

    @property
    def problems(self) -> tuple[str, ...]:
        """Lines of the ignore files read so far that could not be followed literally; for the user."""
        found = [*self._exclude.problems]
        for path, (_, file) in self._files.items():
            found += [f"{os.path.dirname(path)}: {problem}" for problem in file.problems]  # noqa: PTH120
        return tuple(found)

    def reason(self, path: str | Path) -> str | None:
        """Why the file or folder must not be reviewed, for the user; None if it may.

        A relative path counts from ``root``. A link is judged by its own place and by what it names. Costs
        some dozens of ``stat`` calls.
        """
        for place in self._places(path):
            why = self._denied(place) or self._excluded(place)
            if why:
                return why
        return None

    def denied(self, path: str | Path) -> str | None:
        """Why the file must not leave the machine even if the user asks for it; None if it may."""
        return next((why for place in self._places(path) if (why := self._denied(place))), None)

    def _places(self, path: str | Path) -> Iterator[Path]:
        place = Path(os.path.abspath(self.root / path))  # noqa: PTH100 - see above
        yield place
        real = Path(os.path.realpath(place))
        if real != place:
            yield real

    def _denied(self, place: Path) -> str | None:
        """By the components below the top; by all of them, elsewhere."""
        parts = place.relative_to(self._top).parts if place.is_relative_to(self._top) else place.parts
        return denied(parts, folder=place.is_dir()) if parts else None

    def _excluded(self, place: Path) -> str | None:
        if place.is_relative_to(self.root):
            verdict = self._exclude.verdict(
                _slashed(place.relative_to(self.root).parts, folder=place.is_dir())
            )
            if verdict and verdict[0]:
                return "excluded by the setting `exclude`"
        if not place.is_relative_to(self._top):
            return None
        parts = place.relative_to(self._top).parts
        files = {
            (depth, kind): self._read(self._top.joinpath(*parts[:depth]), kind)
            for depth in range(len(parts))
            for kind in (_KINDS if depth else (*_KINDS, _EXCLUDE_OF_GIT))
        }
        # From the top: what is below an excluded folder cannot be included again.
        for depth in range(1, len(parts) + 1):
            why = _ignored(files, parts[:depth], folder=depth < len(parts) or place.is_dir())
            if why:
                return why
        return None

    def _read(self, folder: Path, kind: _Kind) -> IgnoreFile | None:
        path = f"{folder}/{kind.name}"
        try:
            status = os.stat(path)  # noqa: PTH116 - asked dozens of times per file; Path costs as much again
        except (FileNotFoundError, NotADirectoryError):
            self._files.pop(path, None)
            return None
        except OSError:
            return everything(kind.name, "cannot be read, so nothing below its folder is reviewed")
        signature = (status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode)
        known = self._files.get(path)
        if known is None or known[0] != signature:
            known = self._files[path] = (signature, _load(path, status, kind))
        return known[1]


_Files = Mapping[tuple[int, _Kind], IgnoreFile | None]
"""The ignore files on the way to a path: by how deep their folder is, and by kind."""


def _ignored(files: _Files, parts: tuple[str, ...], *, folder: bool) -> str | None:
    """Which ignore file excludes this one path, without regard to the folders above it."""
    for kind in _KINDS:
        for excluded, why in _verdicts(files, kind, parts, folder=folder):
            if excluded:
                return f"ignored by {why}"
            if kind.nested:
                break
    return None


def _verdicts(
    files: _Files, kind: _Kind, parts: tuple[str, ...], *, folder: bool
) -> Iterator[tuple[bool, str]]:
    """What the files of a kind say, the deepest first."""
    for depth in range(len(parts) - 1, -1, -1):
        path = _slashed(parts[depth:], folder=folder)
        for one in (kind, _EXCLUDE_OF_GIT) if depth == 0 and kind is _KINDS[0] else (kind,):
            file = files[depth, one]
            verdict = file.verdict(path) if file else None
            if verdict:
                yield verdict


def _load(path: str, status: os.stat_result, kind: _Kind) -> IgnoreFile:
    if not stat.S_ISREG(status.st_mode):
        # A pipe would block, a device never end. A folder of that name is no ignore file.
        return IgnoreFile(kind.name)
    if status.st_size > MAX_FILE_BYTES:
        return everything(kind.name, f"is larger than {MAX_FILE_BYTES} bytes, so all below it is left out")
    try:
        with open(path, encoding="utf-8", newline="") as file:  # noqa: PTH123 - see _read
            content = file.read(MAX_FILE_BYTES)
    except (OSError, UnicodeDecodeError):
        return everything(kind.name, "cannot be read as UTF-8, so nothing below its folder is reviewed")
    return parse(kind.name, content, negation=kind.negation, empty_means_all=kind.empty_means_all)


def _slashed(parts: tuple[str, ...], *, folder: bool) -> str:
    return "/".join(parts) + ("/" if folder else "")


def _top_of(root: Path) -> Path:
    """The folder that holds the repository's ``.git``, or ``root`` itself outside of any."""
    for folder in (root, *root.parents):
        if (folder / ".git").exists():
            return folder
    return root
