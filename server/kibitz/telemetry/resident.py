"""How much memory this process takes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATM = Path("/proc/self/statm")


def resident_bytes() -> Iterator[tuple[tuple[str, ...], float]]:
    """For a gauge: memory now on Linux, the most so far on other POSIX systems, nothing elsewhere."""
    try:
        pages = int(_STATM.read_bytes().split()[1])
    except OSError:
        if sys.platform == "win32":
            return
        import resource  # noqa: PLC0415 - there is none on Windows

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        yield (), float(most if sys.platform == "darwin" else most * 1024)
    else:
        yield (), float(pages * os.sysconf("SC_PAGE_SIZE"))
