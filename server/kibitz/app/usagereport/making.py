"""A report from a language server: it goes where only the user looks.

It is made in a process of its own (``worker``): in a thread of ours, drawing would take the interpreter from
the event loop for longer than an answer to a key may take, and keep the memory.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.app.spending import caps_of
from kibitz.guard.process import clean_environment

if TYPE_CHECKING:
    from kibitz.config import Settings

SECONDS = 60.0
"""A year takes three on a busy machine."""


async def make(settings: Settings, days: int) -> Path:
    """Write a report of so many days, of which the last is today; where it is.

    Raises:
        OSError: the books cannot be read, or the page not be written.
    """
    caps = [] if settings.ignore_budget else [(cap.kind, cap.period, cap.most) for cap in caps_of(settings)]
    # -P: the working directory is the user's workspace, and nothing in it may pose as a module of ours.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", f"{__package__}.worker"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=clean_environment(keep={"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}),
    )
    try:
        order = json.dumps({"days": days, "caps": caps}).encode()
        said, _ = await asyncio.wait_for(process.communicate(order), SECONDS)
    except TimeoutError:
        raise OSError(f"it was not done in {SECONDS:.0f} seconds") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    answer = json.loads(said) if said else {}
    if "path" not in answer:
        raise OSError(answer.get("error", f"its process ended with {process.returncode}"))
    return Path(answer["path"])
