"""Which files must not be reviewed: because they hold secrets, or because someone said so.

Followed are git's ignore files and those of other AI tools: who hid a file from one of them hid it from all.
Each excludes for itself; only within its own kind can a line include again what another excluded.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from kibitz.guard.denied import Above, denied
from kibitz.guard.ignore_file import IgnoreFile, everything, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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
IGNORE_FILES = tuple(kind.name for kind in _KINDS)
"""The names of the files that are followed, besides the one in git's own folder."""
_EXCLUDE_OF_GIT = _Kind(".git/info/exclude")


class Ignore:
    """What is excluded at and below ``root``, a folder.

    Ignore files count from the top of the repository that ``root`` is in. They are read when they are first
    needed, and again when they change on disk. ``exclude`` is the user's globs, in gitignore syntax,
    relative to ``root``; files below it that match none of ``include``, if there are any, are excluded, too.
    """

    def __init__(self, root: Path, *, exclude: Sequence[str] = (), include: Sequence[str] = ()) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - normalises `..` without following links
        self._top = _top_of(self.root)
        self._exclude = parse("the setting `exclude`", "\n".join(exclude))
        invited = "\n".join(include)
        self._include = parse("the setting `include`", invited, invites=True) if include else None
        self._files: dict[str, tuple[tuple[int, ...], IgnoreFile]] = {}

    @property
    def problems(self) -> tuple[str, ...]:
        """Lines of the ignore files read so far that could not be followed literally; for the user."""
        found = [*self._exclude.problems, *(self._include.problems if self._include else ())]
        for path, (_, file) in self._files.items():
            found += [f"{os.path.dirname(path)}: {problem}" for problem in file.problems]  # noqa: PTH120
        return tuple(found)

    def reason(self, path: str | Path) -> str | None:
        """Why the file or folder must not be reviewed, for the user; None if it may.

        A relative path counts from ``root``. A link is judged by its own place and by what it names. Costs
        some dozens of ``stat`` calls.
        """
        return self._first(path, lambda place: self._denied(place) or self._excluded(place))

    def denied(self, path: str | Path) -> str | None:
        """Why the file must not leave the machine even if the user asks for it; None if it may."""
        return self._first(path, self._denied)

    def _first(self, path: str | Path, judge: Callable[[Path], str | None]) -> str | None:
        try:
            return next((why for place in self._places(path) if (why := judge(place))), None)
        except (OSError, ValueError):
            # A name that is too long, or holds what no file's name can: a null, half a character.
            return "there can be no such file on this machine"

    def _places(self, path: str | Path) -> Iterator[Path]:
        place = Path(os.path.abspath(self.root / path))  # noqa: PTH100 - see above
        yield place
        real = Path(os.path.realpath(place))
        if real != place:
            yield real

    def within(self, folder: str | Path) -> Within:
        """The same for the entries of one folder, as the ignore files are now: each is read once."""
        return Within(tuple(self._way(place) for place in self._places(folder)))

    def _denied(self, place: Path) -> str | None:
        """By the components below the top; by all of them, elsewhere."""
        parts = place.relative_to(self._top).parts if place.is_relative_to(self._top) else place.parts
        return denied(parts, folder=place.is_dir()) if parts else None

    def _excluded(self, place: Path) -> str | None:
        if place == self._top:
            return self.by_setting("/") if place == self.root else None
        return self._way(place.parent).excluded(place.name, folder=place.is_dir())

    def by_setting(self, way: str) -> str | None:
        """Why the settings exclude what is at ``way`` below the root; None if they do not."""
        verdict = self._exclude.verdict(way)
        if verdict and verdict[0]:
            return "excluded by the setting `exclude`"
        # Of a folder only what is in it tells.
        if self._include is None or way.endswith("/"):
            return None
        verdict = self._include.verdict(way)
        return None if verdict and verdict[0] else "matched by nothing in the setting `include`"

    def _way(self, folder: Path) -> _Way:
        if not folder.is_relative_to(self._top):
            return _Way(self, str(folder), Above.of(folder.parts))
        way = _Way(
            self,
            str(self._top),
            Above(),
            "" if self._top == self.root else None,
            files=tuple((kind, self._at_top(kind)) for kind in _KINDS),
        )
        for name in folder.relative_to(self._top).parts:
            way = way.into(name)
        return way

    def _at_top(self, kind: _Kind) -> _Files:
        kinds = (kind, _EXCLUDE_OF_GIT) if kind is _KINDS[0] else (kind,)
        return tuple((file, "") for each in kinds if (file := self.read(str(self._top), each)) is not None)

    def read(self, folder: str, kind: _Kind) -> IgnoreFile | None:
        """The folder's ignore file of a kind; None if it has none."""
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


_Files: TypeAlias = "tuple[tuple[IgnoreFile, str], ...]"
"""Ignore files of one kind, the deepest first, each with the way from its folder to the one in question."""


@dataclass(frozen=True, slots=True)
class _Way:
    """The way from the top to a folder: all that decides about the folder's entries."""

    ignore: Ignore
    folder: str
    above: Above
    way: str | None = None
    """From the root to here, with ``/`` at its end; None outside of the root."""
    why: str | None = None
    """Why an ignore file excludes the folder, or one above it: then nothing in it can be included again."""
    files: tuple[tuple[_Kind, _Files], ...] = ()
    """By kind; empty outside of the top."""

    def into(self, name: str) -> _Way:
        """The way to the folder ``name`` in this one."""
        folder = os.path.join(self.folder, name)  # noqa: PTH118 - done for every folder
        way = None if self.way is None else f"{self.way}{name}/"
        if folder == str(self.ignore.root):
            way = ""
        return _Way(
            self.ignore,
            folder,
            self.above.into(name),
            way,
            self.why or self._ignored(name, folder=True),
            tuple((kind, self._below(folder, name, kind, files)) for kind, files in self.files),
        )

    def denied(self, name: str, *, folder: bool) -> str | None:
        """Why the entry must never leave the machine."""
        return self.above.denied(name, folder=folder)

    def excluded(self, name: str, *, folder: bool) -> str | None:
        """Who said that the entry is not to be reviewed."""
        if self.way is not None:
            why = self.ignore.by_setting(f"{self.way}{name}/" if folder else self.way + name)
            if why:
                return why
        return self.why or self._ignored(name, folder=folder)

    def _below(self, folder: str, name: str, kind: _Kind, files: _Files) -> _Files:
        above = tuple((file, f"{way}{name}/") for file, way in files)
        own = self.ignore.read(folder, kind)
        return above if own is None else ((own, ""), *above)

    def _ignored(self, name: str, *, folder: bool) -> str | None:
        """Which ignore file excludes this one entry, without regard to the folders above it."""
        slash = "/" if folder else ""
        for kind, files in self.files:
            for file, way in files:
                verdict = file.verdict(f"{way}{name}{slash}")
                if verdict and verdict[0]:
                    return f"ignored by {verdict[1]}"
                if verdict and kind.nested:
                    break
        return None


class Within:
    """What is excluded in one folder. For many names: nothing is asked of the disk again."""

    def __init__(self, ways: tuple[_Way, ...]) -> None:
        self._ways = ways

    def reason(self, name: str, *, folder: bool = False) -> str | None:
        """Why the entry ``name``, which is no link, must not be reviewed; None if it may."""
        for way in self._ways:
            why = way.denied(name, folder=folder) or way.excluded(name, folder=folder)
            if why:
                return why
        return None

    def into(self, name: str) -> Within:
        """The same for the folder ``name``, which is no link."""
        return Within(tuple(way.into(name) for way in self._ways))


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


def _top_of(root: Path) -> Path:
    """The folder that holds the repository's ``.git``, or ``root`` itself outside of any."""
    for folder in (root, *root.parents):
        if (folder / ".git").exists():
            return folder
    return root
