"""``--since``: which lines of which files differ from a commit."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.guard.git import top_of
from kibitz.guard.git_diff import DiffError, diff_since
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kibitz.guard.git_diff import Lines

__all__ = ["Changed", "DiffError", "changed_since"]


@dataclass(frozen=True)
class Changed:
    """What differs from a commit."""

    ref: str
    lines: Mapping[str, Lines]
    """By absolute path without links."""

    def has(self, path: str) -> bool:
        """Whether anything of a file differs."""
        # For ten thousand files, to follow all links takes half a second; to look for one takes hardly any.
        may_be = os.path.basename(path) in self._names or os.path.islink(path)  # noqa: PTH114, PTH119 - as above
        return may_be and os.path.realpath(path) in self.lines

    def spans(self, path: Path, text: str) -> tuple[Span, ...]:
        """What differs of a file, whole lines, in code points of its ``text``."""
        starts = [0, *(match.end() for match in re.finditer("\n", text)), len(text)]
        last = len(starts) - 1
        lines = self.lines.get(os.path.realpath(path), ())
        places = ((each.start - 1, min(each.stop - 1, last)) for each in lines if each.start <= last)
        spans = (Span(starts[first], starts[end]) for first, end in places)
        return tuple(span for span in spans if len(span))

    @cached_property
    def _names(self) -> frozenset[str]:
        """Of the files, without their folders."""
        return frozenset(map(os.path.basename, self.lines))


def changed_since(ref: str, paths: Iterable[str]) -> Changed:
    """Ask git about the working trees that ``paths`` are in. Blocks. Raises ``DiffError``."""
    folders: dict[Path, Path] = {}
    for path in map(Path, map(os.path.realpath, paths)):
        folder = path if path.is_dir() else path.parent
        folders.setdefault(top_of(folder) or folder, folder)
    diffs = [diff_since(folder, ref) for folder in folders.values()]
    return Changed(ref, {str(diff.top / path): lines for diff in diffs for path, lines in diff.lines.items()})
