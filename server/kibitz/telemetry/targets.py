"""Where the servers of this machine can be scraped: a file for each, in the words of Prometheus.

Editors start as many servers as they have windows, each on a port of its own. Prometheus looks into the
folder by itself (``file_sd_configs``), and so does ``kibitz doctor``. All of it blocks: for a thread.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.state.places import private_folder, state_dir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Target:
    """A server that says that it can be scraped."""

    path: Path
    """The file that says so."""
    address: str
    """Host and port."""
    pid: int

    @property
    def lives(self) -> bool:
        """Whether there is such a process, as far as can be known."""
        if os.name != "posix":
            return True  # Signal 0 would end the process there.
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except (OSError, OverflowError):
            return True  # It is there, and not ours.
        return True


def folder() -> Path:
    """Where the files are; it may not be there."""
    return state_dir() / "metrics"


def announce(address: str, port: int) -> Path:
    """Say that this process can be scraped there; whoever said so of the port before is gone.

    Raises:
        OSError: it cannot be written down.
    """
    for each in (folder().parent, folder()):  # Each for its owner only, whoever makes it first.
        private_folder(each)
    for target in targets():
        if not target.lives:
            withdraw(target.path)
    path = folder() / f"{port}.json"
    told = [{"targets": [f"{address}:{port}"], "labels": {"pid": str(os.getpid())}}]
    # Prometheus ignores other names than those that it is told to read; a half-written file never has one.
    beside = path.with_suffix(f".{os.getpid()}")
    beside.write_text(json.dumps(told), encoding="ascii")
    beside.replace(path)
    return path


def withdraw(path: Path) -> None:
    """It can be scraped no more."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def targets() -> Iterator[Target]:
    """All that say so, those that ended without a word too."""
    for path in sorted(folder().glob("*.json")):
        try:
            (group,) = json.loads(path.read_text(encoding="ascii"))
            (address,), pid = group["targets"], int(group["labels"]["pid"])
        except (OSError, ValueError, TypeError, KeyError):
            continue
        yield Target(path, str(address), pid)
