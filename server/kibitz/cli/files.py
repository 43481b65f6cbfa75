"""Reads and rewrites source files without losing a byte that nobody asked to change."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from kibitz.guard.files import BOM, IrregularError, read_file

_SNIFFED = 8192


class FileError(Exception):
    """A file cannot be reviewed, or cannot be written; the message says why, for the user."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file's text as it was read. Line ends are the file's own."""

    raw: bytes
    text: str
    """Without the byte order mark."""


def read(path: Path, max_bytes: int) -> Content:
    """The text of the regular file at ``path``, UTF-8 with or without a byte order mark.

    Raises ``FileError`` for everything else; never waits on a pipe or a device.
    """
    try:
        raw = read_file(path, max_bytes + 1)
    except FileNotFoundError:
        raise FileError("there is no such file") from None
    except IrregularError as error:
        raise FileError(str(error)) from None
    except OSError as error:
        raise FileError(f"it cannot be read: {error.strerror or error}") from error
    if len(raw) > max_bytes:
        raise FileError(f"it is larger than {max_bytes} bytes; allow more with --max-file-bytes")
    if b"\0" in raw[:_SNIFFED]:
        raise FileError("it is a binary file")
    body = raw.removeprefix(BOM)
    try:
        return Content(raw, body.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise FileError(f"it is not valid UTF-8 (line {line}); convert it, and try again") from error


def write(path: Path, before: Content, text: str) -> None:
    """Replace the file at ``path`` by ``text``, all or nothing; its mode and byte order mark stay.

    A symbolic link stays one: the file that it names is replaced. Raises ``FileError`` if the file is not
    what ``before`` says any more, or cannot be written; then it is as it was.
    """
    import tempfile  # noqa: PLC0415 - 10 ms that reading does not need

    target = Path(os.path.realpath(path))
    encoded = (BOM if before.raw.startswith(BOM) else b"") + text.encode("utf-8")
    temporary = None
    try:
        status = target.stat()
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor has no Path
            file.write(encoded)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).chmod(stat.S_IMODE(status.st_mode))
        # As late as can be: what is replaced must be exactly what was reviewed.
        if target.read_bytes() != before.raw:
            raise FileError("it has changed since it was reviewed, so nothing was written; run it again")
        Path(temporary).replace(target)
        temporary = None
    except OSError as error:
        raise FileError(f"it cannot be written: {error.strerror or error}") from error
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()


def shown_path(path: Path, root: Path) -> str:
    """``path`` for people and reports: relative to ``root`` where it lies inside, always with ``/``."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    with contextlib.suppress(ValueError):
        return absolute.relative_to(root).as_posix()
    return absolute.as_posix()
