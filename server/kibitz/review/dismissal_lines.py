"""What a file of dismissals holds, a line each. Pure; lines that are not understood are kept as they are."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from kibitz.review.dismissal import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kibitz.review.dismissal import Dismissal

MAX_BYTES = 2_097_152
MAX_DISMISSALS = 10_000


@dataclass(frozen=True)
class Lines:
    """The lines of one file."""

    every: tuple[Dismissal, ...] = ()
    """In the order of the file, one for each key."""
    unknown: tuple[bytes, ...] = ()
    """Lines that say something that is no dismissal to this version."""
    numbers: tuple[int, ...] = field(default=(), compare=False)
    """Where these were, counted from 1."""
    is_whole: bool = True
    """Whether all that the file holds is here."""

    @cached_property
    def by_key(self) -> Mapping[tuple[str, ...], Dismissal]:
        """The same by what they dismiss."""
        return {each.key: each for each in self.every}

    def with_(self, *more: Dismissal) -> Lines:
        """These, too; what dismisses the same goes."""
        return replace(self, every=tuple({**self.by_key, **{each.key: each for each in more}}.values()))

    def without(self, keys: Iterable[tuple[str, ...]]) -> Lines:
        """Those with other keys."""
        gone = frozenset(keys)
        return replace(self, every=tuple(each for each in self.every if each.key not in gone))


def parse(content: bytes, accepts: Callable[[Dismissal], bool]) -> Lines:
    """Read a file, as far as it can be: a line that is damaged costs that line only."""
    is_whole = len(content) <= MAX_BYTES
    every: dict[tuple[str, ...], Dismissal] = {}
    unknown, numbers = [], []
    for number, raw in enumerate(content[:MAX_BYTES].split(b"\n"), start=1):
        line = raw.strip()
        if not line:
            continue
        dismissal = _decoded(line)
        if dismissal is None or not accepts(dismissal):
            unknown.append(line)
            numbers.append(number)
        elif len(every) < MAX_DISMISSALS:
            every.setdefault(dismissal.key, dismissal)
        else:
            is_whole = False
    return Lines(tuple(every.values()), tuple(unknown), tuple(numbers), is_whole)


def render(lines: Lines) -> bytes:
    """The file: what is not understood, then the dismissals in the order of their keys.

    So two people who add one each change different lines, mostly, and git merges them by itself.
    """
    known = (encode(each).encode("ascii") for each in sorted(lines.every, key=lambda each: each.key))
    return b"".join(line + b"\n" for line in (*lines.unknown, *known))


def bounded(lines: Lines, most: int = MAX_DISMISSALS, most_bytes: int = MAX_BYTES) -> Lines:
    """What fits into a file: of more, the oldest go, after what is not understood."""
    newest = sorted(lines.every, key=lambda each: each.at, reverse=True)[:most]
    sizes = list(accumulate(len(encode(each)) + 1 for each in newest))
    fitting = newest[: bisect_right(sizes, most_bytes)]
    left = most_bytes - (sizes[len(fitting) - 1] if fitting else 0)
    unknown = lines.unknown if sum(len(line) + 1 for line in lines.unknown) <= left else ()
    return replace(lines, every=tuple(fitting), unknown=unknown)


def _decoded(line: bytes) -> Dismissal | None:
    try:
        return decode(line.decode("utf-8"))
    except UnicodeDecodeError:
        return None
