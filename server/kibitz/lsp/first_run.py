"""Whether this user was told that nothing is configured: once, until it is news again."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from kibitz.state.places import private_folder, state_dir

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_NAME = "told-nothing-set"


class FirstRun:
    """A mark in the user's state folder, for all windows."""

    def __init__(self, folder: Callable[[], Path] = state_dir) -> None:
        self._folder = folder

    async def is_first(self) -> bool:
        """Whether the user was not told yet; from now on they were."""
        return await asyncio.to_thread(self._mark)

    async def over(self) -> None:
        """Something is configured: that it is not any more would be news."""
        await asyncio.to_thread(self._unmark)

    def _mark(self) -> bool:
        try:
            folder = self._folder()
            private_folder(folder)
            os.close(os.open(folder / _NAME, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return False
        except OSError:
            return True  # Told once too often is better than never.
        return True

    def _unmark(self) -> None:
        try:
            (self._folder() / _NAME).unlink(missing_ok=True)
        except OSError:
            return  # Then they are not told again; the status says it all the same.
