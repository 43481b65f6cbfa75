"""The archive: for its owner only, and never in place of another file."""

from __future__ import annotations

import os
import time
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kibitz.app.bugreport.contents import Part

_OWNER_ONLY = 0o600
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


def default_name(now: float | None = None) -> str:
    """What a report is called that was made now."""
    return time.strftime("kibitz-bugreport-%Y%m%d-%H%M%S.zip", time.localtime(now))


def write(parts: Sequence[Part], path: Path) -> Path:
    """Write the archive at ``path``, or in that folder under a name of its own; where it is. Blocks.

    Raises:
        FileExistsError: there is something by that name, which is left as it is.
        OSError: it cannot be written; nothing is left of it.
    """
    if path.is_dir():
        path /= default_name()
    # Whoever put something there first, a link too, gets an error instead of our words in it.
    descriptor = os.open(path, _FLAGS, _OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in parts:
                entry = zipfile.ZipInfo(f"{path.stem}/{part.name}", time.localtime()[:6])
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = _OWNER_ONLY << 16
                archive.writestr(entry, part.text)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    return path
