"""The environment as this process was started with it, though keys were taken out of it since.

``os.environ`` is what child processes inherit and what ``/proc`` shows, so keys do not stay there (see
``kibitz.guard.process``). They are kept here, in memory, because settings are read again while the server
runs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_taken: dict[str, str] = {}


def environment() -> dict[str, str]:
    """All variables: those of ``os.environ`` now, and those that were taken out of it."""
    return {**_taken, **os.environ}


def take(names: Iterable[str]) -> None:
    """Move these variables out of ``os.environ``; only ``environment`` still has them."""
    for name in names:
        if (value := os.environ.pop(name, None)) is not None:
            _taken[name] = value
