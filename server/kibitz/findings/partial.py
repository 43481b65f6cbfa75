"""The findings of an answer that is still being written, one by one as each is complete.

Only for showing early: what counts is the whole answer, which is read again and strictly when it is there.
So this reads the one layout that was asked for, ``{"findings": [{...}, ...``, bare or as a code block (which
models write where no schema holds them), and falls silent at anything else, for good. It never raises, and
never holds more than one finding.
"""

from __future__ import annotations

import json
import re

from kibitz.guard.sanitize import Rejected, decode_json

MAX_ITEM = 1 << 16
"""Code points of one finding; an honest one has a few hundred."""

_BLANK = " \t\n\r"
_FENCE = re.compile(r"```[a-zA-Z]{0,20}[ \t]{0,8}\n")
_FENCE_CHARS = 32
_IN_STRING = re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL)
_OUTSIDE = re.compile(r'[^"{}]*+')


class PartialList:
    """Reads a JSON object whose only key ``key`` holds a list of objects, of which the first few count."""

    def __init__(self, key: str, max_items: int) -> None:
        self._max_items = max_items
        self._buffer = ""
        """What was not understood yet; in a finding, all of it so far."""
        self._ahead = ["{", json.dumps(key), ":", "["]
        self._may_follow = "{]"
        self._items = 0
        self._depth = 0
        """Open braces; 0 between findings."""
        self._at = 0
        """How much of the buffer was looked at; only in a finding."""
        self._in_string = False
        self._silent = False

    def feed(self, text: str) -> list[dict[str, object]]:
        """The findings that ``text`` completes, decoded; the answer goes on with ``text``."""
        found: list[dict[str, object]] = []
        self._buffer += text
        while self._advance():
            if self._at and not self._depth:
                self._take(found)
        if self._silent:
            self._buffer = ""
        return found

    def _advance(self) -> bool:
        """Go one step through the buffer. False where it ends before the step does."""
        if self._silent:
            return False
        if self._depth:
            return self._inside()
        self._buffer = self._buffer.lstrip(_BLANK)
        if self._ahead:
            return self._expected(self._ahead[0])
        return self._between()

    def _expected(self, mark: str) -> bool:
        if mark == "{" and self._buffer.startswith("`"):
            return self._fence()
        if self._buffer.startswith(mark):
            self._buffer = self._buffer[len(mark) :]
            self._ahead.pop(0)
            return True
        self._silent = not mark.startswith(self._buffer)
        return False

    def _fence(self) -> bool:
        fence = _FENCE.match(self._buffer)
        if fence is None:
            self._silent = len(self._buffer) >= _FENCE_CHARS
            return False
        self._buffer = self._buffer[fence.end() :]
        return True

    def _between(self) -> bool:
        """At a brace that opens a finding, at a comma, or at the end of the list."""
        if not self._buffer:
            return False
        mark = self._buffer[0]
        if mark not in self._may_follow or mark == "]":
            self._silent = True
        elif mark == ",":
            self._buffer, self._may_follow = self._buffer[1:], "{"
        else:
            self._at = self._depth = 1
        return True

    def _inside(self) -> bool:
        """Up to the next quotation mark or brace of a finding."""
        pattern = _IN_STRING if self._in_string else _OUTSIDE
        match = pattern.match(self._buffer, self._at)
        self._at = self._at if match is None else match.end()
        if self._at > MAX_ITEM:
            self._silent = True
            return False
        mark = self._buffer[self._at : self._at + 1]
        if mark in {"", "\\"}:
            # The end; an escape whose second half is still to come stays unread.
            return False
        self._at += 1
        if mark == '"':
            self._in_string = not self._in_string
        else:
            self._depth += 1 if mark == "{" else -1
        return True

    def _take(self, found: list[dict[str, object]]) -> None:
        raw, self._buffer = self._buffer[: self._at], self._buffer[self._at :]
        self._at, self._may_follow = 0, ",]"
        self._items += 1
        try:
            item = decode_json(raw)
        except Rejected:
            # Then the whole answer will be refused as well.
            self._silent = True
            return
        if isinstance(item, dict):
            found.append(item)
        self._silent = self._items >= self._max_items
