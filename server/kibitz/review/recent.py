"""Which source files changed lately: what somebody works on now, and will open next.

Git knows best: it tells what a person changed from what a checkout wrote. Where it does not know, the files
that were written last.
"""

from __future__ import annotations

import heapq
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.guard.files import BOM, read_file
from kibitz.guard.git import changes, top_of
from kibitz.guard.walk import FOREIGN, generated
from kibitz.review.result import Source
from kibitz.text.languages import language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kibitz.guard.git import Changes

MOST_SEEN = 20_000
"""So many files and folders are looked at where git does not know."""
_MOST_JUDGED = 512
"""So many files are asked about before it is given up that enough of them may be reviewed."""


def recent_files(
    folders: Iterable[Path], most: int, *, refusal: Callable[[str], str | None] = lambda _: None
) -> list[Path]:
    """The ``most`` source files below ``folders`` that changed last, the newest first.

    Runs git and reads folders, for seconds where they are large: call it in a thread. A file is there, is
    really below its folder, and is named like source code; nothing more is known of it.

    Args:
        folders: where to look.
        most: how many files there is use for.
        refusal: tells why a file must not be reviewed; None: it may.
    """
    times: dict[Path, float] = {}
    for folder in folders:
        times |= _below(folder)
    found: list[Path] = []
    for path in heapq.nlargest(_MOST_JUDGED, times, key=lambda path: times[path]):
        if len(found) >= most:
            break
        if refusal(str(path)) is None:
            found.append(path)
    return found


def newest_first(paths: Iterable[Path]) -> list[Path]:
    """``paths``, which may be anywhere, by when they changed last. Runs git: call it in a thread.

    Last are those that git knows, and knows no recent change of, by when they were written.
    """
    ages = _Ages()
    return sorted(paths, key=ages.of)


def source_at(path: Path, max_bytes: int) -> Source | None:
    """What there is to review in a file; None if nobody would want a review of it, or it cannot be read.

    Left out are, as in ``kibitz check FOLDER``, files larger than ``max_bytes``, binary, generated and
    minified ones, and those in no known language or not in UTF-8.
    """
    try:
        raw = read_file(path, max_bytes + 1)
        text = raw.removeprefix(BOM).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    language = language_of(path, text[:200].partition("\n")[0])
    if len(raw) > max_bytes or language is None or "\0" in text or ".min." in path.name or generated(text):
        return None
    return Source(text, language, path.name, str(path))


def _below(folder: Path) -> dict[Path, float]:
    """Files that may be of interest, and when each changed, in seconds since 1970."""
    found = changes(folder, without=FOREIGN)
    if found is None or not (found.pending or found.committed):
        return dict(_written(folder))
    inside = os.path.realpath(folder)
    times: dict[Path, float] = {}
    for name in found.pending | found.committed.keys():
        path = found.top / name
        if not path.is_relative_to(folder) or not _is_source(path.relative_to(folder)):
            continue
        written = _written_at(path)
        # A folder on the way may be a link to somewhere else by now.
        if written is not None and Path(os.path.realpath(path)).is_relative_to(inside):
            times[path] = written if name in found.pending else found.committed[name]
    return times


def _written(folder: Path) -> Iterator[tuple[Path, float]]:
    """The same by when files were written; those near the top are seen first."""
    folders, left = [folder], MOST_SEEN
    for each in folders:
        try:
            with os.scandir(each) as listing:
                for entry in listing:
                    left -= 1
                    if left < 0:
                        return
                    path = each / entry.name
                    if entry.is_dir(follow_symlinks=False) and entry.name not in FOREIGN:
                        folders.append(path)
                    elif entry.is_file(follow_symlinks=False) and _is_source(Path(entry.name)):
                        yield path, entry.stat(follow_symlinks=False).st_mtime
        except OSError:
            continue  # gone meanwhile, or not ours to read


def _is_source(path: Path) -> bool:
    """Whether the name is one of source code, and none of the folders holds other people's."""
    return language_of(path) is not None and FOREIGN.isdisjoint(path.parts)


def _written_at(path: Path) -> float | None:
    """When the file was written; None if it is not there, or is no regular file."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_mtime if stat.S_ISREG(status.st_mode) else None


class _Ages:
    """Sorts files; asks once about each repository."""

    def __init__(self) -> None:
        self._tops: dict[Path, Path | None] = {}
        """By folder."""
        self._changes: dict[Path, Changes | None] = {}
        """By top."""

    def of(self, path: Path) -> tuple[bool, float]:
        """Smaller for what changed later."""
        written = _written_at(path) or 0.0
        found = self._around(path.parent)
        if found is None:
            return (False, -written)
        name = path.relative_to(found.top).as_posix()
        when = written if name in found.pending else found.committed.get(name)
        return (True, -written) if when is None else (False, -when)

    def _around(self, folder: Path) -> Changes | None:
        if folder not in self._tops:
            self._tops[folder] = top_of(folder)
        top = self._tops[folder]
        if top is not None and top not in self._changes:
            self._changes[top] = changes(top, without=FOREIGN)
        return None if top is None else self._changes[top]
