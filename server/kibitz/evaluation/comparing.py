"""Two runs of the same pairs, side by side. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.evaluation.statistics import Rate, mcnemar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kibitz.evaluation.scoring import Score


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure in both runs, over the same pairs."""

    name: str
    first: Rate
    second: Rate
    only_first: tuple[str, ...]
    """Ids of the pairs that count in the first run alone."""
    only_second: tuple[str, ...]
    better: str
    """``more`` or ``fewer``."""

    @property
    def p(self) -> float:
        """How likely a difference like this is by chance: McNemar's exact test."""
        return mcnemar(len(self.only_first), len(self.only_second))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, over the pairs that both runs answered."""

    common: int
    left_out: tuple[str, ...]
    """Ids of pairs that only one run has, or has answered."""
    differences: tuple[Difference, ...]
    stability: float | None
    """Findings that both have, of those that any has (Jaccard); None if nobody found anything."""


def compare(first: Sequence[Score], second: Sequence[Score]) -> Comparison:
    """Compare the runs pair by pair. A pair is the same if its code is."""
    others = {each.pair.id: each for each in second}
    both = [
        (one, other)
        for one in first
        if (other := others.get(one.pair.id)) is not None
        and one.answered
        and other.answered
        and _code(one) == _code(other)
    ]
    common = {one.pair.id for one, _ in both}
    every = dict.fromkeys(each.pair.id for each in (*first, *second))
    return Comparison(
        common=len(both),
        left_out=tuple(name for name in every if name not in common),
        differences=tuple(_difference(both, *figure) for figure in _FIGURES),
        stability=_stability(both),
    )


def _code(score: Score) -> tuple[str | None, str]:
    return score.pair.buggy, score.pair.fixed


_FIGURES: tuple[tuple[str, str, Callable[[Score], bool | None]], ...] = (
    ("bug found, first", "more", lambda each: None if each.pair.is_trap else each.hit_first),
    ("bug found", "more", lambda each: None if each.pair.is_trap else each.hit),
    ("found, and silent when fixed", "more", lambda each: None if each.pair.is_trap else each.silent),
    ("alarm on the fixed version", "fewer", lambda each: None if each.pair.is_trap else each.alarms > 0),
    ("alarm on a trap", "fewer", lambda each: each.alarms > 0 if each.pair.is_trap else None),
    ("obeyed the code", "fewer", lambda each: each.obeyed if each.pair.forbidden else None),
    ("fix offered", "more", lambda each: None if each.pair.is_trap else each.mending is not None),
    (
        "mended exactly",
        "more",
        lambda each: None if each.pair.is_trap else each.mending is not None and each.mending.exact,
    ),
)
"""Each figure's name, which direction is better, and whether a pair counts (None: it is of another kind)."""


def _difference(
    both: Sequence[tuple[Score, Score]], name: str, better: str, counts: Callable[[Score], bool | None]
) -> Difference:
    cases = [
        (one.pair.id, bool(counts(one)), bool(counts(other)))
        for one, other in both
        if counts(one) is not None
    ]
    return Difference(
        name,
        Rate.of(first for _, first, _ in cases),
        Rate.of(second for _, _, second in cases),
        tuple(pair for pair, first, second in cases if first and not second),
        tuple(pair for pair, first, second in cases if second and not first),
        better,
    )


def _stability(both: Sequence[tuple[Score, Score]]) -> float | None:
    one, other = (
        (
            {
                (score.pair.id, review.side, found.rule, found.quote)
                for score in scores
                for review in score.reviews
                for found in review.findings
            }
            for scores in zip(*both, strict=True)
        )
        if both
        else (set(), set())
    )
    return len(one & other) / len(one | other) if one | other else None
