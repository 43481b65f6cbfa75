"""A report from a language server: it goes where only the user looks, and not into a folder that is open."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kibitz.app.bugreport.archive import write
from kibitz.app.bugreport.contents import gather
from kibitz.app.bugreport.scrub import Scrubber
from kibitz.state.places import private_folder, state_dir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kibitz.app.bugreport.contents import Part
    from kibitz.config import Loaded

FOLDER = "reports"
"""In the state folder."""


async def make(
    loaded: Loaded, server: Mapping[str, object], folders: Sequence[Path]
) -> tuple[Path, tuple[Part, ...]]:
    """Write a report; where it is, and what is in it. ``folders`` are open: their paths are not shown.

    Raises:
        OSError: it cannot be written.
    """
    scrubber = await asyncio.to_thread(Scrubber.of_user, loaded.settings, folders)
    parts = await gather(loaded, scrubber, server=server)
    return await asyncio.to_thread(_write, parts), parts


def _write(parts: Sequence[Part]) -> Path:
    folder = state_dir() / FOLDER
    private_folder(folder)
    return write(parts, folder)
