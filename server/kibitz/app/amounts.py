"""Amounts of what is kept, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kibitz.cache.disk import DiskStats

_MEGABYTE = 1_000_000


def size(count: int) -> str:
    """A number of bytes."""
    return f"{count / _MEGABYTE:,.1f} MB" if count >= _MEGABYTE else f"{count / 1000:,.0f} kB"


def entries(count: int) -> str:
    """``1 entry``, ``2,000 entries``."""
    return f"{count:,} {'entry' if count == 1 else 'entries'}"


def amount(disk: DiskStats) -> str:
    """How much there is."""
    return f"{entries(disk.entries)}, {size(disk.bytes)}"
