"""Reads ignore files (gitignore syntax) that come with a repository, and may be hostile or broken.

Python's regular expressions try every way to share a name out among several wildcards: one line with a dozen
can take minutes. So a line with many is read as a simpler one that excludes at least as much.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

MAX_LINES = 2000
MAX_LINE = 4096
"""Characters; no path is longer."""
_MAX_STARS = 3
"""``*`` in the one segment that may have several: 3 take 50 ms for the longest name, in the worst case."""
_MAX_COSTLY_LINES = 20
"""Lines of a file that may have such a segment."""
_MAX_DEEP = 3
"""``**`` in a line."""
_STARS = re.compile(r"\*+")
_RUN = re.compile(r"(\\.)|\*{2,}")


@dataclass(frozen=True, slots=True)
class IgnoreFile:
    """The patterns of one ignore file, to be asked about paths below its folder."""

    name: str
    everything: str = ""
    """Why it excludes its whole folder; empty if it does not."""
    spec: GitIgnoreSpec | None = None
    numbers: tuple[int, ...] = ()
    """The line of each pattern, from 1."""
    problems: tuple[str, ...] = ()
    """Lines that were not, or not literally, followed; for the user."""

    def verdict(self, path: str) -> tuple[bool, str] | None:
        """Whether ``path`` is excluded or expressly included, and by which line; None if no line says.

        ``path`` is relative to the file's folder, with ``/`` between its parts and, for a folder, at its end.
        """
        if self.everything:
            return True, self.everything
        if self.spec is None:
            return None
        result = self.spec.check_file(path)
        if result.include is None:
            return None
        number = self.numbers[result.index] if result.index is not None else 0
        return result.include, f"{self.name} line {number}"


def parse(
    name: str, content: str, *, negation: bool = True, empty_means_all: bool = False, invites: bool = False
) -> IgnoreFile:
    """Read the ignore file called ``name``; it never raises.

    Without ``negation`` lines that start with ``!`` are skipped. With ``empty_means_all`` a file without a
    single pattern excludes everything. If it ``invites``, its patterns say what is reviewed, not what is
    left out: then a line that cannot be followed literally is skipped.
    """
    lines = re.split(r"\r\n|\n|\r", content.removeprefix("\ufeff"))
    if len(lines) > MAX_LINES:
        why = f"has more than {MAX_LINES} lines, so nothing below its folder is reviewed"
        return IgnoreFile(name, problems=(f"{name} {why}",)) if invites else everything(name, why)
    reader = _Reader(name, negation=negation, invites=invites)
    for number, line in enumerate(lines, start=1):
        reader.read(number, line)
    if not reader.patterns and empty_means_all:
        return IgnoreFile(name, f"{name}, which is empty", problems=tuple(reader.problems))
    if not reader.patterns:
        return IgnoreFile(name, problems=tuple(reader.problems))
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - 40 ms that only patterns need

    spec = GitIgnoreSpec(reader.patterns, backend="simple")
    return IgnoreFile(name, "", spec, tuple(reader.numbers), tuple(reader.problems))


def everything(name: str, why: str) -> IgnoreFile:
    """Stands for a file that cannot be followed: to be safe, all is excluded."""
    return IgnoreFile(name, f"{name}, which {why}", problems=(f"{name} {why}",))


class _Reader:
    def __init__(self, name: str, *, negation: bool, invites: bool) -> None:
        self.name = name
        self.patterns: list[GitIgnoreSpecPattern] = []
        self.numbers: list[int] = []
        self.problems: list[str] = []
        self._negation = negation
        self._invites = invites
        self._costly_lines = 0

    def read(self, number: int, line: str) -> None:
        """Add the pattern of a line, if it has one."""
        if not line.strip() or line.startswith("#"):
            return
        if len(line) > MAX_LINE:
            self._complain(number, "is longer than any path, so it is skipped")
            return
        if line.startswith("!") and not self._negation:
            self._complain(number, "re-includes, which this file cannot, so it is skipped")
            return
        line = _collapsed(line)
        costly, simple = _simplified(line)
        self._costly_lines += costly
        if simple != line or self._costly_lines > _MAX_COSTLY_LINES:
            if line.startswith("!") != self._invites:
                self._complain(number, "has too many wildcards, so it is skipped")
                return
            line = _simplified(line, allow_costly=False)[1]
            self._complain(number, "has too many wildcards; a simpler pattern that leaves out more is used")
        self._compile(number, line)

    def _compile(self, number: int, line: str) -> None:
        from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern  # noqa: PLC0415 - see parse

        try:
            with warnings.catch_warnings():
                # Such as "possible nested set", which is for the writers of the expression.
                warnings.simplefilter("ignore")
                pattern = GitIgnoreSpecPattern(line)
        except (ValueError, re.error):
            self._complain(number, "is not a valid pattern, so it is skipped")
            return
        if pattern.include is not None:
            self.patterns.append(pattern)
            self.numbers.append(number)

    def _complain(self, number: int, what: str) -> None:
        self.problems.append(f"{self.name} line {number} {what}")


def _collapsed(line: str) -> str:
    """The same with no more stars in a row than mean something, which pathspec would try in all ways."""
    sign = "!" if line.startswith("!") else ""
    rest = line.removeprefix("!")
    bare = rest.rstrip()
    segments = (rest if bare.endswith("\\") else bare).split("/")
    # As Git has it: by themselves two and more stand for any folders.
    return sign + "/".join(
        _RUN.sub(lambda run: run[1] or "*", segment) if segment.strip("*") else segment[:2]
        for segment in segments
    )


def _simplified(line: str, *, allow_costly: bool = True) -> tuple[bool, str]:
    """Whether the line is costly, and one that is not too costly and excludes at least as much."""
    segments = line.split("/")
    stars = [0 if segment.strip("*") == "" else len(_STARS.findall(segment)) for segment in segments]
    costly = [at for at, count in enumerate(stars) if count > 1]
    deep = [at for at, segment in enumerate(segments) if segment.startswith("**") and not segment.strip("*")]
    few = len(costly) <= 1 and max(stars, default=0) <= _MAX_STARS and allow_costly
    for at in [] if few else costly:
        segments[at] = _outer(segments[at])
    if len(deep) > _MAX_DEEP:
        segments = segments[: deep[0] + 1]
    return bool(costly), "/".join(segments)


def _outer(segment: str) -> str:
    """What stands before the first and behind the last star, and one star between."""
    if "[" in segment or "\\" in segment:
        return "*"
    return segment[: segment.index("*")] + "*" + segment[segment.rindex("*") + 1 :]
