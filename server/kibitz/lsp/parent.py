"""Ends the server when the editor that started it is gone without saying so."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.lsp.clock import Clock, Timer

POLL_SECONDS = 3.0


def alive(process_id: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # It is there, and not ours.
    return True


class ParentWatch:
    """Calls ``on_gone`` once, when the process that should be there is not any more."""

    def __init__(
        self,
        clock: Clock,
        on_gone: Callable[[], None],
        *,
        is_alive: Callable[[int], bool] = alive,
        parent: Callable[[], int] = os.getppid,
    ) -> None:
        self._clock = clock
        self._on_gone = on_gone
        self._is_alive = is_alive
        self._parent = parent
        self._first_parent = parent()
        self._process_id: int | None = None
        self._timer: Timer | None = None

    def start(self, process_id: int | None) -> None:
        """Watch the client's process, or our own parent where that cannot be seen."""
        if sys.platform == "win32":
            return  # Signal 0 would end the process there; a closed pipe is noticed all the same.
        # A client in another container has a number that means nothing here.
        if process_id is not None and self._is_alive(process_id):
            self._process_id = process_id
        self._timer = self._clock.call_later(POLL_SECONDS, self._look)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        if self._process_id is not None:
            gone = not self._is_alive(self._process_id)
        else:
            gone = self._parent() != self._first_parent
        if gone:
            self.stop()
            self._on_gone()
        else:
            self._timer = self._clock.call_later(POLL_SECONDS, self._look)
