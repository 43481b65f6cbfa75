"""Reads files that nobody but the user can have written, and writes such files."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_OTHERS = 0o077
"""What other users may do: nothing."""
_OTHERS_WRITE = 0o022


class NotPrivateError(Exception):
    """The file is not to be trusted, or no file at all; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Tells one state of a file from another; equal as long as nothing was written or replaced."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """The stamp of a file with that status. A change of owner or mode is a change, too."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def read(path: Path, *, limit: int, secret: bool) -> tuple[bytes, Stamp]:
    """The content of a file, and the stamp of that very content. Blocks.

    Args:
        path: may be a symbolic link, but only to a file in or below its own folder.
        limit: bytes it may have.
        secret: whether others must not even read it.

    Raises:
        NotPrivateError: it is not a plain file of the user's own, or was written to meanwhile.
        OSError: it is not there, or cannot be read.
    """
    # Path.resolve raises RuntimeError for a link to itself.
    real = Path(os.path.realpath(path, strict=True))
    if not real.is_relative_to(path.parent.resolve()):
        raise NotPrivateError("it is a link to another folder; name the file itself")
    # Without O_NONBLOCK, opening a pipe would wait for its other end.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(real, flags | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        if why := _untrusted(before, path, secret=secret):
            raise NotPrivateError(why)
        content = file.read(limit + 1)
        if len(content) > limit:
            raise NotPrivateError(f"it is larger than {limit} bytes")
        stamp = Stamp.of(before)
        if Stamp.of(os.fstat(descriptor)) != stamp:
            raise NotPrivateError("it is being written")
    return content, stamp


def write(path: Path, content: bytes) -> None:
    """Put ``content`` in place of the file at ``path``, whole or not at all, for its owner only. Blocks.

    Raises:
        OSError: it cannot be written.
    """
    import tempfile  # noqa: PLC0415 - few write

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp's files are for their owner only (0600).
    descriptor, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _untrusted(status: os.stat_result, path: Path, *, secret: bool) -> str:
    if not stat.S_ISREG(status.st_mode):
        return "it is not a plain file"
    if os.name != "posix":
        return ""
    if status.st_uid not in {os.geteuid(), 0}:
        return "it belongs to another user"
    if status.st_mode & (_OTHERS if secret else _OTHERS_WRITE):
        what = "read" if secret else "write to"
        mode = stat.S_IMODE(status.st_mode)
        return f"other users of this machine may {what} it (mode {mode:o}); run: chmod 600 {path}"
    return ""
