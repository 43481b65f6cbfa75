r"""Cuts a byte stream into LSP messages, and finds its way back after a wrong length.

A JSON text never holds a raw line break inside a string, so the bytes ``Content-Length: 12\r\n`` cannot be
part of a message: wherever they turn up, a header begins. That one fact lets the reader survive lengths that
are too small (the rest of the body is skipped), too large (the body is cut where the next header begins) and
absurd.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_BODY_BYTES = 16 * 1024 * 1024
"""A longer message is skipped, never held in memory."""
HEAD_BYTES = 4096
"""How much of a skipped message is kept, to see what it was about."""

_MAX_HEADER_BYTES = 4096
"""Without a line break in so many bytes it is no header."""
_WHOLE = re.compile(rb"Content-Length: ([0-9]{1,15})\r\n\r\n([^\n]+)")
"""A message as nearly all come: one header, and no line break behind it."""
_LENGTH = re.compile(rb"content-length[ \t]{0,8}:[ \t]{0,8}([0-9]{1,15})[ \t]{0,8}\r?\n", re.IGNORECASE)
_LONGEST_LENGTH_LINE = 64
"""Bytes to keep when scanning, so that a length line cut in two is still seen."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message's body, as it came: maybe not JSON, maybe cut short."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Oversize:
    """A message of ``length`` bytes that was skipped; ``head`` is how it began."""

    length: int
    head: bytes


class FrameReader:
    """Takes bytes as they arrive, in pieces of any size, and gives the messages they complete."""

    def __init__(self, max_body: int = MAX_BODY_BYTES) -> None:
        self._max_body = max_body
        self._buffer = bytearray()
        self._declared: int | None = None
        """The length of the body that is being read, or None while its headers are."""
        self._seen_length: int | None = None
        """The length that the headers read so far announced."""
        self._scanned = 0
        """So much of the body in the buffer holds no header."""
        self._skipped = 0
        """So many bytes of an oversize body are gone already."""
        self._head = b""

    def feed(self, data: bytes) -> list[Frame | Oversize]:
        """What ``data`` completes, in order."""
        if not self._buffer and self._declared is None and self._seen_length is None:
            whole = _WHOLE.fullmatch(data)
            if whole and int(whole[1]) == len(whole[2]) <= self._max_body:
                return [Frame(whole[2])]
        self._buffer += data
        frames: list[Frame | Oversize] = []
        while True:
            if self._declared is None:
                if not self._read_headers():
                    return frames
                continue
            frame = self._read_body(self._declared)
            if frame is None:
                return frames
            frames.append(frame)
            self._declared = self._seen_length = None
            self._scanned = self._skipped = 0
            self._head = b""

    def _read_headers(self) -> bool:
        """Consume header lines; whether a body is next (else the buffer is used up)."""
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[: end + 1])
            del self._buffer[: end + 1]
            if line.strip(b"\r\n"):
                # Searched, not matched: the rest of a body whose length was too small stands before it.
                matches = _LENGTH.findall(line)
                if matches:
                    self._seen_length = int(matches[-1])
            elif self._seen_length is not None:
                self._declared = self._seen_length
                return True
        if len(self._buffer) > _MAX_HEADER_BYTES:
            del self._buffer[:-_LONGEST_LENGTH_LINE]
        return False

    def _read_body(self, declared: int) -> Frame | Oversize | None:
        """The body, whole or cut where the next header begins; None if more bytes are needed."""
        missing = declared - self._skipped
        cut = self._next_header(missing)
        if cut is not None:
            missing = cut
        elif len(self._buffer) < missing:
            if self._skipped or len(self._buffer) > self._max_body:
                self._skip()
            return None
        frame: Frame | Oversize
        if self._skipped or missing > self._max_body:
            self._keep_head()
            frame = Oversize(self._skipped + missing, self._head)
        else:
            frame = Frame(bytes(self._buffer[:missing]))
        del self._buffer[:missing]
        return frame

    def _next_header(self, limit: int) -> int | None:
        """Where in the first ``limit`` bytes of the buffer a header begins, if one does."""
        start = max(self._scanned - _LONGEST_LENGTH_LINE, 0)
        # Looking past the limit: a length that is a little too large ends the body inside that header.
        end = min(len(self._buffer), limit + _LONGEST_LENGTH_LINE)
        if self._buffer.find(b"\n", start, end) >= 0:
            match = _LENGTH.search(self._buffer, start, end)
            if match and match.start() < limit:
                return match.start()
        self._scanned = end
        return None

    def _skip(self) -> None:
        """Forget an oversize body's bytes, but for a tail in which a header may begin."""
        self._keep_head()
        drop = len(self._buffer) - _LONGEST_LENGTH_LINE
        if drop > 0:
            del self._buffer[:drop]
            self._skipped += drop
            self._scanned = max(self._scanned - drop, 0)

    def _keep_head(self) -> None:
        if not self._skipped:
            self._head = bytes(self._buffer[:HEAD_BYTES])
