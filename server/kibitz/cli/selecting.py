"""Which files the paths of a command line mean."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.cli.files import shown_path
from kibitz.cli.reviewing import Target
from kibitz.guard.ignore import Ignore
from kibitz.guard.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kibitz.config import Settings


@dataclass(slots=True)
class Selection:
    """What to review, each file once, in the order of the paths; and what was left out below folders."""

    targets: list[Target] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    """Path and reason."""


def select(paths: Iterable[Path], settings: Settings) -> Selection:
    """Find the files that ``paths`` mean.

    Below a folder: source code that nothing excludes. A file that is named is taken whatever excludes it,
    unless it may hold secrets: then its target says so.
    """
    selection, seen = Selection(), set[Path]()
    here = Path.cwd()
    ignores: dict[Path, Ignore] = {}

    def add(path: Path, refusal: str = "") -> None:
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
        if absolute not in seen:
            seen.add(absolute)
            selection.targets.append(Target(absolute, shown_path(path, here), refusal))

    for path in paths:
        folder = path if path.is_dir() else path.parent
        root = here if Path(os.path.abspath(folder)).is_relative_to(here) else folder  # noqa: PTH100 - as above
        ignore = ignores.setdefault(root, Ignore(root, exclude=settings.exclude))
        absolute = here / path
        if not path.is_dir():
            add(path, _refusal(absolute, ignore))
            continue
        for file in walk(
            absolute,
            ignore,
            max_bytes=settings.max_file_bytes,
            on_skip=lambda left, reason: selection.skipped.append((shown_path(left, here), reason)),
        ):
            add(file)
    return selection


def _refusal(path: Path, ignore: Ignore) -> str:
    if why := ignore.denied(path):
        return f"{why}, so it is never sent"
    # Known now, so that a slip of the pen does not wait for a model to load.
    return "" if os.path.lexists(path) else "there is no such file"
