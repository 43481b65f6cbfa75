"""Asks git which lines of a working tree differ from a commit, in a repository that may be an enemy's.

How git is kept from running what the repository names, see ``kibitz.guard.git``. Attributes do not count
either: code is code, whether they call it binary or not. And a half answer is none: what was left out would
look as if nothing had changed there.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from kibitz.guard.git import Asking, is_plain, program, repository_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Lines = tuple[range, ...]
"""Line numbers from 1; lines end with a line feed, as git has it."""
WHOLE: Lines = (range(1, 1 << 62),)
SECONDS = 60.0
"""How long git may take in all."""
_MAX_REF = 256
_MAX_NEW = 1 << 26
"""Bytes of the list of files that git does not know."""
_MAX_LINE = 1 << 16
"""Bytes that are looked at of a line; paths are shorter."""
_REF = re.compile(r"[^\s\0-\x20\x7f-][^\0-\x1f\x7f]*")
_NAME = re.compile(r"(?:[^~^:@]|@(?!\{))+")
"""What stands before ``~3``, ``^2`` or ``@{1}``."""
_LOOKED_UP = ("{}", "refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD")
"""Where git looks for a name, in its order."""
_HASH = re.compile(rb"([0-9a-f]{40}(?:[0-9a-f]{24})?)\n")
_HUNK = re.compile(rb"@@ -\d+(?:,(\d{1,18}))? \+(\d{1,18})(?:,(\d{1,18}))? @@")
_ESCAPE = re.compile(rb'\\([0-7]{3}|[abtnvfr"\\])')
_ESCAPED = dict(zip(b'abtnvfr"\\', b'\a\b\t\n\v\f\r"\\', strict=True))
_DIFF = (
    *("diff-index", "--patch", "--unified=0", "--find-renames", "--text", "--no-color", "--no-ext-diff"),
    *("--no-textconv", "--no-relative", "--src-prefix=a/", "--dst-prefix=b/", "--ignore-submodules=all"),
    # Whether git changes line ends on the way is a matter of its configuration, which is not read.
    *("--ignore-cr-at-eol", "--inter-hunk-context=0"),
)


class DiffError(Exception):
    """It cannot be told what changed; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs from a commit."""

    top: Path
    """Of the working tree."""
    lines: Mapping[str, Lines]
    """By path, relative to ``top``, with ``/``. Where lines were only taken out, those around the gap.
    Files that are gone, or only moved, have none."""


def diff_since(folder: Path, ref: str, *, seconds: float = SECONDS) -> Diff:
    """The lines around ``folder`` that differ from the commit ``ref``: committed, staged, neither, or new.

    With ``ref`` as ``main...``, from the last commit that ``main`` and what is checked out have in common.
    Blocks for up to ``seconds``. Nothing that the repository names is run.

    Raises:
        DiffError: it cannot be told.
    """
    if len(ref) > _MAX_REF or not _REF.fullmatch(ref):
        raise DiffError("a commit's name is not empty, does not begin with - or a space, and has one line")
    repository = repository_of(folder)
    if repository is None:
        raise DiffError(f"{folder} is not in a git repository")
    if (git := program(repository.top)) is None:
        raise DiffError("git was not found; install it, or add its folder to PATH")
    try:
        with tempfile.TemporaryDirectory(prefix="kibitz-git-") as place:
            asking = Asking(git, repository, Path(place), time.monotonic() + seconds)
            asking.prepare()
            return _Diffing(asking, ref).diff()
    except OSError as error:
        raise DiffError(f"git cannot be asked: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class _Diffing:
    asking: Asking
    ref: str

    def diff(self) -> Diff:
        commit = self._commit()
        found: dict[str, list[range]] = {}
        with self._running(*_DIFF, commit, "--") as stream:
            for path, lines in _hunks(_lines(stream)):
                found.setdefault(path, []).append(lines)
        changed = {path: tuple(ranges) for path, ranges in found.items()}
        changed.update((path, WHOLE) for path in self._new())
        return Diff(self.asking.repository.top, changed)

    def _commit(self) -> str:
        """The hash that ``ref`` means."""
        name, since_fork = self.ref.removesuffix("..."), self.ref.endswith("...")
        self._lend(name)
        commit = self._hash("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if not commit:
            raise DiffError(f"{self._top} has no commit {name}{self._advice}")
        if not since_fork:
            return commit
        base = self._hash("merge-base", commit, "HEAD")
        if not base:
            raise DiffError(f"{name} and what is checked out have no commit in common{self._advice}")
        return base

    def _lend(self, name: str) -> None:
        """Let our repository know what git has to know to understand ``name``."""
        head, place = self.asking.repository.head, self.asking.place
        if head:
            (place / "HEAD").write_text(f"{head}\n", encoding="ascii")
        match = _NAME.match(name)
        for full in (form.format(match[0]) for form in _LOOKED_UP) if match else ():
            if full != "HEAD" and (commit := self._reference(full)):
                # FETCH_HEAD and its like are files beside others that are none of git's references.
                file = place / (full if full.startswith("refs/") else f"refs/heads/{full}")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"{commit}\n", encoding="ascii")
                return

    def _reference(self, full: str) -> str:
        if "/" in full and not full.startswith("refs/"):
            return ""
        return self.asking.repository.reference(full)

    def _new(self) -> Iterator[str]:
        """Files that git does not know."""
        with self._running("ls-files", "-z", "--others", "--exclude-standard") as stream:
            said = stream.read(_MAX_NEW + 1)
            if len(said) > _MAX_NEW:
                raise DiffError(f"{self._top} has too many files that git does not know; let git ignore them")
        return filter(is_plain, map(os.fsdecode, said.split(b"\0")[:-1]))

    def _hash(self, *arguments: str) -> str:
        with self.asking.running(*arguments) as process:
            assert process.stdout is not None  # noqa: S101 - for the type checker
            match = _HASH.fullmatch(process.stdout.read(_MAX_LINE))
        return match[1].decode("ascii") if match else ""

    @contextmanager
    def _running(self, *arguments: str) -> Iterator[IO[bytes]]:
        """What git says; it is an error if it does not come to its end."""
        with self.asking.running(*arguments) as process:
            assert process.stdout is not None  # noqa: S101 - for the type checker
            yield process.stdout
            code = process.wait()
        if code < 0:
            raise DiffError(f"git took too long to compare {self._top} with {self.ref}")
        if code:
            raise DiffError(
                f"git cannot compare {self._top} with {self.ref}: some of it is missing or damaged"
            )

    @property
    def _top(self) -> Path:
        return self.asking.repository.top

    @property
    def _advice(self) -> str:
        if self.asking.repository.shallow:
            return "; its history was cut off when it was cloned: fetch the rest (git fetch --unshallow)"
        return ""


def _hunks(lines: Iterable[bytes]) -> Iterator[tuple[str, range]]:
    """The new lines of each hunk of a patch without context."""
    path, left = "", 0
    for line in lines:
        if left:
            # What stands in a hunk is code, whatever it looks like.
            left -= line[:1] in {b"-", b"+"}
        elif match := _HUNK.match(line):
            old, start, new = int(match[1] or 1), int(match[2]), int(match[3] or 1)
            left = old + new
            if path:
                yield path, range(start, start + new) if new else range(max(start, 1), start + 2)
        elif line.startswith(b"diff --git "):
            path = ""
        elif line.startswith(b"+++ "):
            path = _path(line[4:])


def _path(said: bytes) -> str:
    """The path of a header; empty for none. Git ends it with a tab if it has spaces, or quotes it."""
    said = said.rstrip(b"\n").removesuffix(b"\t")
    if said.startswith(b'"'):
        said = _ESCAPE.sub(_unescaped, said[1:-1])
    path = os.fsdecode(said.removeprefix(b"b/"))
    return path if said.startswith(b"b/") and is_plain(path) else ""


def _unescaped(match: re.Match[bytes]) -> bytes:
    said = match[1]
    return bytes([_ESCAPED[said[0]] if len(said) == 1 else int(said, 8) & 0xFF])


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """The beginnings of the lines."""
    while line := stream.readline(_MAX_LINE):
        yield line
        while not line.endswith(b"\n") and (line := stream.readline(_MAX_LINE)):
            pass
