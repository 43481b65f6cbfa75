"""Which files the paths of a command line mean. Light to import."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kibitz.cli.files import shown_path
from kibitz.guard.ignore import Ignore
from kibitz.guard.walk import candidates, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kibitz.config import Settings


@dataclass(frozen=True, slots=True)
class Target:
    """A file that was asked for."""

    path: Path
    shown: str
    refusal: str = ""
    """Why it must not be reviewed; empty if it may."""


class Candidate(NamedTuple):
    """A file that the paths mean, if its content is what it should be."""

    path: str
    """Absolute."""
    named: bool
    """Whether it is itself one of the paths: then it is taken whatever it holds."""
    refusal: str = ""
    """Why it must not be reviewed all the same."""

    def target(self, here: Path) -> Target:
        """The same, with its name for people who are ``here``."""
        path = Path(self.path)
        return Target(path, shown_path(path, here), self.refusal)


@dataclass(slots=True)
class Selection:
    """What to review, each file once, in the order of the paths; and what was left out below folders."""

    targets: list[Target] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    """Path and reason."""


def select(
    paths: Iterable[Path], settings: Settings, wanted: Callable[[str], bool] | None = None
) -> Selection:
    """Find the files that ``paths`` mean.

    Below a folder: source code that nothing excludes. A file that is named is taken whatever excludes it,
    unless it may hold secrets: then its target says so. What is not ``wanted`` is not even read.
    """
    selection = Selection()
    here = Path.cwd()

    def skip(path: str, reason: str) -> None:
        selection.skipped.append((shown_path(Path(path), here), reason))

    names = [str(path) for path in paths]
    for found in candidates_of(names, settings.exclude, settings.include, skip, wanted):
        reason = None if found.named else reason_of(found.path, settings.max_file_bytes)
        if reason is None:
            selection.targets.append(found.target(here))
        elif reason:
            skip(found.path, reason)
    return selection


def candidates_of(
    paths: Sequence[str],
    exclude: Sequence[str],
    include: Sequence[str],
    on_skip: Callable[[str, str], None],
    wanted: Callable[[str], bool] | None = None,
) -> Iterator[Candidate]:
    """The files that ``paths`` mean as far as their names and the ignore files tell, each once, in order.

    A file that is not ``wanted`` is left out, unless it is named and must not be reviewed: that is told.
    """
    here = Path.cwd()
    seen: set[str] | None = set() if len(paths) > 1 else None
    ignores: dict[Path, Ignore] = {}
    for given in paths:
        path = Path(os.path.abspath(given))  # noqa: PTH100 - resolve() would follow links
        is_folder = path.is_dir()
        folder = path if is_folder else path.parent
        root = here if folder.is_relative_to(here) else folder
        if root not in ignores:
            ignores[root] = Ignore(root, exclude=exclude, include=include)
        found = (
            (Candidate(each, named=False) for each in candidates(path, ignores[root], on_skip))
            if is_folder
            else iter([Candidate(str(path), named=True, refusal=_refusal(path, ignores[root]))])
        )
        for candidate in found:
            if seen is not None:
                if candidate.path in seen:
                    continue
                seen.add(candidate.path)
            if wanted is None or candidate.refusal or wanted(candidate.path):
                yield candidate


def _refusal(path: Path, ignore: Ignore) -> str:
    if why := ignore.denied(path):
        return f"{why}, so it is never sent"
    # Known now, so that a slip of the pen does not wait for a model to load.
    return "" if os.path.lexists(path) else "there is no such file"
