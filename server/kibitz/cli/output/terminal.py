"""Consoles that print what they are given. Importing this costs rich: 0.1 s."""

from __future__ import annotations

from typing import NoReturn

from rich.console import Console


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        # rich would end the process with 1, which here means findings.
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """A console that adds nothing of its own: no markup, no emoji codes, no guessed highlights.

    Colour only on a terminal and without NO_COLOR; rich looks at both.
    """
    return _Console(stderr=stderr, markup=False, emoji=False, highlight=False, legacy_windows=False)
