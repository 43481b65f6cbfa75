"""The two streams: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def say(message: str) -> None:
    """One line for the user on stderr."""
    sys.stderr.write(f"kibitz: {message}\n")
    sys.stderr.flush()


def console(*, stderr: bool = False) -> Console:
    """A console that adds nothing of its own: no markup, no emoji codes, no guessed highlights, no wrapping.

    Colour only on a terminal and without NO_COLOR; rich looks at both.
    """
    from rich.console import Console  # noqa: PLC0415 - 0.1 s that `serve` and `--version` do not need

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, legacy_windows=False)
