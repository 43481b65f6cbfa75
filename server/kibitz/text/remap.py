"""Carries spans across edits, so that what was found before a keystroke still points at its code after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Replacement:
    """An edit, as far as positions are concerned.

    ``span`` is what was replaced, in offsets of the text before the edit; ``new_length`` is how many code
    points stand there now.
    """

    span: Span
    new_length: int

    @property
    def growth(self) -> int:
        """By how many code points the text grew (negative if it shrank)."""
        return self.new_length - len(self.span)


def remap(span: Span, replacement: Replacement) -> Span | None:
    """Where ``span`` is after the edit, or None if the edit touched what it covers.

    An edit that only borders on the span leaves it: before it, it moves; behind it, it stays. So typing at
    the end of a flagged line keeps the flag, and typing inside it removes it.
    """
    if replacement.span.end <= span.start:
        return span.shift(replacement.growth)
    if span.end <= replacement.span.start:
        return span
    if not replacement.span and not replacement.new_length:
        return span
    return None


def remap_all(spans: Iterable[Span], replacements: Iterable[Replacement]) -> tuple[Span | None, ...]:
    """Each span after all the edits, which are applied in order, or None where one of them touched it."""
    carried: list[Span | None] = list(spans)
    for replacement in replacements:
        carried = [None if span is None else remap(span, replacement) for span in carried]
    return tuple(carried)


def difference(old: str, new: str) -> Replacement:
    """The smallest single replacement that makes ``new`` of ``old``, by common prefix and suffix."""
    shorter = min(len(old), len(new))
    prefix = _common_prefix(old, new, shorter)
    suffix = _common_suffix(old, new, shorter - prefix)
    return Replacement(Span(prefix, len(old) - suffix), len(new) - suffix - prefix)


def _common_prefix(old: str, new: str, limit: int) -> int:
    """How many leading code points agree; halving, so that slices are compared at C speed, once each."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_suffix(old: str, new: str, limit: int) -> int:
    """How many of the last ``limit`` code points agree, counted from the end."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if old[len(old) - middle : len(old) - low] == new[len(new) - middle : len(new) - low]:
            low = middle
        else:
            high = middle - 1
    return low
