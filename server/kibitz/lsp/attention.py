"""Which document the user looks at, as far as a language server can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.lsp.clock import Clock, Timer

SETTLE_SECONDS = 0.2
"""Attention that moves on sooner does not count: an editor that opens a hundred files looks at the last."""


class Attention:
    """Follows what the editor does; ``on_focus`` is told each document that comes into focus and stays."""

    def __init__(self, clock: Clock, on_focus: Callable[[str], None]) -> None:
        self.focus: str | None = None
        """The document that the user looks at."""
        self.on_turn: Callable[[], None] = lambda: None
        """Is told each time that the user does something."""
        self._clock = clock
        self._on_focus = on_focus
        self._latest: str | None = None
        self._timer: Timer | None = None

    def turn(self, uri: str) -> None:
        """The user did something in that document: opened, edited or saved it, or asked about it."""
        self.on_turn()
        if uri == self._latest:
            return
        self._latest = uri
        self._rest()
        self._timer = self._clock.call_later(SETTLE_SECONDS, self._settle)

    def lose(self, uri: str) -> None:
        """That document is not there any more."""
        if uri == self._latest:
            self._latest = None
            self._rest()
        if uri == self.focus:
            self.focus = None

    def _settle(self) -> None:
        self._timer, self.focus = None, self._latest
        if self.focus is not None:
            self._on_focus(self.focus)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
