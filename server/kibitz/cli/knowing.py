"""Tells what a baseline knows from what is new, and writes baselines."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.cli import baseline
from kibitz.cli.baseline import MAX_COUNT, MAX_TITLE, BaselineError, Known, name_of
from kibitz.findings.fingerprint import fingerprint
from kibitz.guard.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kibitz.findings.finding import Finding


class Baseline:
    """A baseline in use: each of its entries stands for as many findings as it says, and no more."""

    def __init__(self, file: Path) -> None:
        """Raises ``BaselineError`` for what is no baseline."""
        self._folder = Path(os.path.realpath(file.parent))
        self._left: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for known in baseline.read(file):
            self._left[known.path][known.fingerprint] += known.count
        self._looked_at: set[str] = set()

    def new(self, path: Path, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """Those that it does not know of that file, or of one that is gone: it may have moved from there."""
        own = name_of(path, self._folder)
        return tuple(each for each in findings if not self._takes(own, fingerprint(each)))

    def looked_at(self, path: Path | str) -> None:
        """All that is in that file has been looked at."""
        self._looked_at.add(name_of(path, self._folder))

    def gone(self) -> int:
        """How many of the findings that it knows were not there any more."""
        files = self._looked_at | {path for paths in self._moved.values() for path in paths}
        return sum(self._left[path].total() for path in files if path in self._left)

    def _takes(self, own: str, known_by: str) -> bool:
        for path in (own, *self._moved.get(known_by, ())):
            if path in self._left and self._left[path][known_by] > 0:
                self._left[path][known_by] -= 1
                return True
        return False

    @cached_property
    def _moved(self) -> Mapping[str, list[str]]:
        """The files that are gone, by what was in them."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for path, known in sorted(self._left.items()):
            if _is_gone(self._folder, path):
                for known_by in known:
                    found[known_by].append(path)
        return found


class Recording:
    """A baseline in the making."""

    def __init__(self, file: Path, paths: Iterable[str]) -> None:
        """Raises ``BaselineError`` where it cannot replace what is there.

        Args:
            file: where it will be.
            paths: what is reviewed. Of other files, what the file says already is kept.
        """
        self.name = file.name
        self._file = Path(os.path.realpath(file))
        self._folder = Path(os.path.realpath(file.parent))
        self._below = tuple(map(os.path.realpath, paths))
        self._found: dict[str, list[Known]] = {}
        if not self._folder.is_dir():
            raise BaselineError(f"there is no folder {self._folder}")
        self._existing()

    def note(self, path: Path | str, findings: Iterable[Finding] = ()) -> None:
        """All that is in a file."""
        own = name_of(path, self._folder)
        counts: Counter[str] = Counter()
        first: dict[str, Finding] = {}
        for finding in findings:
            counts[known_by := fingerprint(finding)] += 1
            first.setdefault(known_by, finding)
        self._found[own] = [
            Known(own, each.rule, known_by, min(counts[known_by], MAX_COUNT), each.title[:MAX_TITLE])
            for known_by, each in first.items()
        ]

    def write(self) -> int:
        """Put it in place, whole or not at all; returns how many findings it holds.

        Raises:
            BaselineError: it cannot be written.
        """
        kept = [known for known in self._existing() if not self._is_replaced(known.path)]
        every = [*kept, *(known for found in self._found.values() for known in found)]
        content = baseline.encode(every)
        # What cannot be read again must not take the place of what can.
        baseline.decode(content)
        try:
            replace_file(self._file, content)
        except OSError as error:
            raise BaselineError(f"it cannot be written: {error.strerror or error}") from error
        return sum(known.count for known in every)

    def _existing(self) -> tuple[Known, ...]:
        return baseline.read(self._file) if os.path.lexists(self._file) else ()

    def _is_replaced(self, path: str) -> bool:
        if path in self._found:
            return True
        if not _is_gone(self._folder, path):
            return False
        place = Path(os.path.realpath(self._folder / path))
        return any(place.is_relative_to(folder) for folder in self._below)


def _is_gone(folder: Path, path: str) -> bool:
    return not os.path.lexists(folder / path)
