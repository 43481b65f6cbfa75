"""Compares two lists of followers, each of up to a million names."""

from collections.abc import Sequence


def added(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """Who follows now and did not before, in the order of ``now``."""
    return [name for name in now if name not in before]


def removed(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """Who followed before and does not now, in the order of ``before``."""
    return added(now, before)


def report(before: Sequence[str], now: Sequence[str]) -> str:
    """One line for people."""
    return f"{len(added(before, now))} new, {len(removed(before, now))} gone"
