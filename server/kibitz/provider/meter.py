"""What a request took on the wire, for whoever sent it: counted where the bytes pass by."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Meter:
    """Of one request; None where nothing is known."""

    status: int | None = None
    """HTTP's."""
    sent: int | None = None
    """Bytes of its body."""
    received: int | None = None
    """Bytes of the answer's body, as they came."""


_meter: ContextVar[Meter | None] = ContextVar("_meter", default=None)


@contextmanager
def metered() -> Iterator[Meter]:
    """What this task sends in the block is counted."""
    meter = Meter()
    token = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(token)


def meter() -> Meter:
    """Where to count what this task sends; nobody looks, if nobody asked."""
    return _meter.get() or Meter()
