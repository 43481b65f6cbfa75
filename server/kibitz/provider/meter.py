"""What a request took on the wire, for whoever sent it: counted where the bytes pass by."""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(slots=True)
class Meter:
    """Of one request; None where nothing is known."""

    status: int | None = None
    """HTTP's."""
    sent: int | None = None
    """Bytes of its body."""
    received: int | None = None
    """Bytes of the answer's body, as they came."""
    streams: bool = False
    """Whether the answer is sent while it is written."""
    clock: Callable[[], float] = time.monotonic
    first_at: float | None = None
    """When the first of them came, on ``clock``."""

    def came(self, count: int) -> None:
        """So many more bytes of the answer."""
        if self.first_at is None:
            self.first_at = self.clock()
        self.received = (self.received or 0) + count


_meter: ContextVar[Meter | None] = ContextVar("_meter", default=None)


@contextmanager
def metered(clock: Callable[[], float] = time.monotonic) -> Iterator[Meter]:
    """What this task sends in the block is counted."""
    meter = Meter(clock=clock)
    token = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(token)


def meter() -> Meter:
    """Where to count what this task sends; nobody looks, if nobody asked."""
    return _meter.get() or Meter()
