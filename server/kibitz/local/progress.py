"""How far a download is, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """What is happening."""

    WAIT = "wait"
    """Another process is fetching the same model; its work will be used."""
    CONNECT = "connect"
    DOWNLOAD = "download"
    FALLBACK = "fallback"
    """The first source failed; ``detail`` says why, and the next one is tried."""
    VERIFY = "verify"
    """The whole file is being checked."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a pull."""

    phase: Phase
    done: int
    """Bytes of the model that are on the disk (while verifying: that are checked)."""
    total: int
    """Bytes of the whole model."""
    detail: str = ""
    """One plain line: which source, or why it failed."""


OnProgress = Callable[[Progress], None]


def ignore(_progress: Progress) -> None:
    """Shows nothing."""
