"""Reads files that somebody else may have put in place, and replaces such files."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from secrets import token_hex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


BOM = b"\xef\xbb\xbf"


class IrregularError(OSError):
    """It is a pipe, a device or a folder."""


def read_file(path: Path, most: int) -> bytes:
    """The first ``most`` bytes of the regular file at ``path``; never waits on a pipe or a device.

    Raises:
        IrregularError: it is no regular file.
        OSError: there is none, or it cannot be read.
    """
    if "\0" in str(path):
        raise FileNotFoundError("no file can have that name")
    # A path, not a descriptor: the opener keeps a pipe without a writer from blocking us for ever.
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise IrregularError("it is not a regular file")
        return file.read(most)


def replace_file(path: Path, content: bytes) -> None:
    """Put ``content`` in place of the file at ``path``, whole or not at all; its mode stays.

    Raises:
        OSError: it cannot be written.
    """
    beside = path.with_name(f".{path.name[:100]}.{token_hex(8)}")
    try:
        # Made by us alone, with the rights that the user gives new files.
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            beside.chmod(stat.S_IMODE(path.stat().st_mode))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
