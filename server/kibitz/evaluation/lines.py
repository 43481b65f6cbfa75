"""A file to which lines of JSON are added, and which survives that its writer is killed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class LinesError(Exception):
    """The file is not what it should be; the message says why, for the user."""


class Lines:
    """See the module."""

    def __init__(self, path: Path) -> None:
        """Do no I/O."""
        self.path = path

    def read(self) -> Iterator[tuple[int, Any]]:
        """Each line's number, from 1, and value. A last line without its end was never written in full.

        Raises:
            LinesError: it cannot be read, or holds something else than lines of JSON.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise LinesError(f"{self.path} cannot be read: {error.strerror or error}") from error
        *whole, _ = content.split(b"\n")
        for number, line in enumerate(whole, start=1):
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError):
                raise LinesError(f"{self.path}: line {number} is not JSON") from None

    def add(self, value: Mapping[str, Any]) -> None:
        """Write one more line; what a killed writer left of one goes."""
        with self.path.open("a+b") as file:
            file.truncate(self._whole_bytes())
            # ASCII, because a model may answer with half a character, which no UTF-8 can carry.
            file.write(json.dumps(value, ensure_ascii=True).encode("ascii") + b"\n")

    def _whole_bytes(self) -> int:
        """How many bytes the file has up to the end of its last whole line."""
        with self.path.open("rb") as file:
            size = file.seek(0, 2)
            while size > 0:
                start = max(0, size - 4096)
                file.seek(start)
                last = file.read(size - start).rfind(b"\n")
                if last >= 0:
                    return start + last + 1
                size = start
        return 0
