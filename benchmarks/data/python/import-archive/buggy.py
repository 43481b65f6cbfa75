"""Reads the header of an archive."""

from collections.abc import Callable
from typing import BinaryIO

MAGIC = b"KARC"


class BadArchiveError(Exception):
    """The file is no archive."""


def read_version(path: str, opener: Callable[[str], BinaryIO]) -> int:
    """The version of an archive's format; the file is closed in any case."""
    file = opener(path)
    if file.read(4) != MAGIC:
        raise BadArchiveError(path)
    version = int.from_bytes(file.read(2), "big")
    file.close()
    return version


def is_current(path: str, opener: Callable[[str], BinaryIO]) -> bool:
    """Whether an archive can be read by this version; False for what is no archive."""
    try:
        return read_version(path, opener) == 2
    except BadArchiveError:
        return False
