"""A lock file that tells others that a run is under way."""

import os
from contextlib import suppress
from pathlib import Path


class BusyError(Exception):
    """Another run is under way."""


def take(path: Path) -> None:
    """Take the lock.

    Raises:
        BusyError: somebody has it.
    """
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise BusyError(str(path)) from None
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")


def release(path: Path) -> None:
    """Give the lock back. It may be gone: an operator may remove it by hand."""
    with suppress(FileNotFoundError):
        path.unlink()
