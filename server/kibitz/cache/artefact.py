"""What was kept, as a file to carry to another machine: from CI to editors, or the other way.

JSON lines: the first says what this is and when it was written (UTC), each of the others is one entry with
the seconds it had left by then, so that its age counts on arrival. Both ways are streamed; at most a batch of
entries is in memory.

Whoever reads one takes it to be written by an enemy: lines that are not entries are counted and skipped,
nothing lives longer than it would have here, and what an entry says is checked once more when it is used.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

from kibitz.cache.tier import Kept
from kibitz.guard.sanitize import Rejected, decode_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FORMAT = 1
MAX_LINE_BYTES = 1 << 20
"""A longer line is not an entry; none is written."""
MAX_ENTRIES = 1_000_000
"""So many lines are read of one file, entries or not."""
BATCH = 256
"""Entries that are handed on together."""
_MAX_LIFE_S = 1_000_000_000
_SAME_S = 60.0
"""Entries whose lives end so close together are the same one: what differs is when it was looked at."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_KIND = "cache"


class NotAnArtefact(ValueError):  # noqa: N818 - says what was handed over
    """A file that is something else; the message says what is wrong, for people, and quotes nothing."""


class _Broken(ValueError):  # noqa: N818 - as above
    """A line that is no entry."""


@dataclass(frozen=True, slots=True)
class Lives:
    """How long entries may be kept here at most, in seconds."""

    fresh_s: float
    left_s: float

    def bound(self, kept: Kept) -> Kept:
        """The same value, for no longer than it may be."""
        left = min(kept.left_s, self.left_s)
        return Kept(kept.value, min(kept.fresh_s, self.fresh_s, left), left)


def header(now: float) -> bytes:
    """The first line of a file that is written ``now`` (seconds since 1970)."""
    written = datetime.fromtimestamp(int(now), UTC).isoformat().replace("+00:00", "Z")
    return _line({"kibitz": _KIND, "format": FORMAT, "written": written})


def entry(digest: str, kept: Kept) -> bytes | None:
    """The line of one entry; None if it is too long to be read again, or has less than a second left."""
    if kept.left_s < 1:
        return None
    fresh = max(0, int(kept.fresh_s))
    line = _line({"digest": digest, "fresh_s": fresh, "left_s": int(kept.left_s), "value": kept.value})
    return line if len(line) <= MAX_LINE_BYTES else None


def longer_lived(arrived: Mapping[str, Kept], there: Mapping[str, Kept]) -> dict[str, Kept]:
    """Those of ``arrived`` that are not there yet, or are newer than what is."""
    return {
        digest: kept
        for digest, kept in arrived.items()
        if digest not in there or kept.left_s > there[digest].left_s + _SAME_S
    }


class Reader:
    """The entries of one file, in batches; and, after them, what was wrong with the others."""

    def __init__(
        self,
        stream: BinaryIO,
        *,
        lives: Lives,
        check: Callable[[str, str], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Read the first line. ``check`` tells of a digest and a value whether that could be used.

        Raises:
            NotAnArtefact: it is something else, or of another version of kibitz.
        """
        self.expired = 0
        """Entries whose life is over."""
        self.broken = 0
        """Lines that are no entries."""
        self.is_cut = False
        """Whether there is more than is read of one file."""
        self._stream = stream
        self._written = _written(_next_line(stream))
        self._lives = lives
        self._check = check
        self._clock = clock

    def batches(self) -> Iterator[dict[str, Kept]]:
        """Entries by digest, as good as they still are. Takes CPU, and waits for the stream."""
        batch: dict[str, Kept] = {}
        for line in self._lines():
            try:
                digest, kept = _parsed(line, max(0.0, self._clock() - self._written))
            except _Broken:
                self.broken += 1
                continue
            if kept.left_s <= 0:
                self.expired += 1
            elif not self._check(digest, kept.value):
                self.broken += 1
            else:
                batch[digest] = self._lives.bound(kept)
            if len(batch) == BATCH:
                yield batch
                batch = {}
        if batch:
            yield batch

    def _lines(self) -> Iterator[bytes]:
        for _ in range(MAX_ENTRIES):
            line = _next_line(self._stream)
            if line == b"":
                return
            yield line or b""
        self.is_cut = _next_line(self._stream) != b""


def _next_line(stream: BinaryIO) -> bytes | None:
    """The next line with its end; empty at the end of the file; None in place of one that is too long."""
    line = stream.readline(MAX_LINE_BYTES + 1)
    if len(line) <= MAX_LINE_BYTES:
        return line
    while line and not line.endswith(b"\n"):
        line = stream.readline(MAX_LINE_BYTES)
    return None


def _written(line: bytes | None) -> float:
    """When the file was written, by its first line; seconds since 1970."""
    try:
        fields = _object(line or b"")
    except _Broken:
        fields = {}
    if fields.get("kibitz") != _KIND:
        raise NotAnArtefact("it was not written by `kibitz cache export`")
    if fields.get("format") != FORMAT or isinstance(fields["format"], bool):
        raise NotAnArtefact(
            f"it is in another format than {FORMAT}, which this version of kibitz reads; export and import "
            "with the same version"
        )
    try:
        written = datetime.fromisoformat(str(fields.get("written")))
    except ValueError:
        written = None
    if written is None or written.tzinfo is None:
        raise NotAnArtefact("its first line does not say when it was written")
    return written.timestamp()


def _parsed(line: bytes, age_s: float) -> tuple[str, Kept]:
    """The entry of a line, ``age_s`` seconds after it was written; with nothing left if that is too long."""
    fields = _object(line)
    if fields.keys() != {"digest", "fresh_s", "left_s", "value"}:
        raise _Broken
    digest, value = fields["digest"], fields["value"]
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise _Broken
    # All that we keep is JSON in ASCII. Other text may be half a character, which no database takes.
    if not isinstance(value, str) or not value.isascii():
        raise _Broken
    fresh, left = (_seconds(fields[name]) for name in ("fresh_s", "left_s"))
    if fresh > left:
        raise _Broken
    return digest, Kept(value, fresh - age_s, left - age_s)


def _object(line: bytes) -> dict[str, object]:
    try:
        value = decode_json(line.decode("utf-8"))
    except (Rejected, UnicodeDecodeError):
        raise _Broken from None
    if not isinstance(value, dict):
        raise _Broken
    return value


def _seconds(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MAX_LIFE_S:
        raise _Broken
    return value


def _line(fields: Mapping[str, object]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode("ascii") + b"\n"
