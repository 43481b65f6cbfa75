"""Where kibitz keeps what it remembers: a folder of the user's own that nobody else can read."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "KIBITZ_STATE_DIR"
_OWNER_ONLY = 0o700
_OTHERS_WRITE = 0o022


def state_dir(environ: Mapping[str, str] | None = None) -> Path:
    """The folder: what ``KIBITZ_STATE_DIR`` names, else the platform's place for state. Makes nothing.

    It should be on a disk of this machine: SQLite's way of sharing needs shared memory, which a network
    file system does not give to several machines.
    """
    named = (os.environ if environ is None else environ).get(VARIABLE)
    if named:
        return Path(named).absolute()
    import platformdirs  # noqa: PLC0415 - 20 ms that are not needed where the folder is named

    return platformdirs.user_state_path("kibitz", appauthor=False)


def database_path(environ: Mapping[str, str] | None = None) -> Path:
    """The state database's file, for ``kibitz.state.database.Database``."""
    return state_dir(environ) / "state.db"


def private_folder(path: Path) -> None:
    """Make the folder, for its owner only; one that is there is left as it is. Blocks: for a thread.

    Raises:
        OSError: it cannot be made, or others may write to it.
    """
    path.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    if os.name != "posix":
        return
    status = path.stat()
    if status.st_uid not in {os.geteuid(), 0} or status.st_mode & _OTHERS_WRITE:
        # Whoever may write there could put a file of theirs in the place of ours.
        raise PermissionError(errno.EPERM, "other users may write to its folder", str(path))
