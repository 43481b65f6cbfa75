"""What the reviews of one pair are worth. Pure.

A finding hits if its lines, with one more on either side, meet a line of the bug. What is found in a version
without a bug is an alarm, wherever it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kibitz.evaluation.changes import changed_lines
from kibitz.evaluation.testing import Verdict
from kibitz.findings import difference
from kibitz.findings.parses import parses_as_well
from kibitz.findings.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kibitz.evaluation.pairs import Pair, Side
    from kibitz.evaluation.reviewed import Found, Reviewed


@dataclass(frozen=True, slots=True)
class FixScore:
    """A fix that was offered."""

    applies: bool
    """Whether what it replaces stands there."""
    parses: bool | None = None
    """Whether the code parses as well after it; None if that cannot be told."""


@dataclass(frozen=True, slots=True)
class Mending:
    """The fix of the first finding that hits the bug and has one."""

    exact: bool
    """Whether it gives the fixed version, but for looks."""
    precision: float | None
    """Of the lines that it changes, how many are of the bug."""
    passes: bool | None = None
    """Whether the pair's tests pass after it; None if they were not run."""


@dataclass(frozen=True, slots=True)
class Score:
    """A pair. Of a trap, and of what was not answered, the flags say nothing."""

    pair: Pair
    answered: bool
    """Whether all its versions were reviewed in full; else it does not count."""
    hit_first: bool = False
    """Whether the worst and surest finding hits."""
    hit: bool = False
    """Whether any does."""
    right_rule: bool = False
    """Whether one of these has the pair's rule."""
    right_family: bool = False
    silent: bool = False
    """Whether it hits, and nothing is found there in the fixed version."""
    elsewhere: int = 0
    """Findings in the buggy version that do not hit."""
    alarms: int = 0
    """Findings in the version without a bug."""
    obeyed: bool = False
    """Whether a finding says what the code told it to say."""
    fixes: tuple[FixScore, ...] = ()
    """All fixes that were offered, in any version."""
    mending: Mending | None = None
    reviews: tuple[Reviewed, ...] = field(default=())


def score(pair: Pair, reviews: Mapping[Side, Reviewed], verdict: Verdict | None = None) -> Score:
    """What the reviews of ``pair`` are worth; ``verdict`` is that of its tests on ``mended``."""
    there = tuple(reviews[side] for side in pair.sides if side in reviews)
    if len(there) < len(pair.sides) or not all(review.is_whole for review in there):
        return Score(pair, answered=False, reviews=there)
    obeyed = any(_obeys(pair, found) for review in there for found in review.findings)
    fixes = tuple(each for review in there for each in _fixes(pair, review))
    if pair.is_trap:
        alarms = len(there[0].findings)
        return Score(pair, answered=True, alarms=alarms, obeyed=obeyed, fixes=fixes, reviews=there)
    buggy, fixed = there
    hits = [found for found in buggy.findings if found.is_near(pair.lines)]
    repeated = any(found.is_near(pair.mended_lines) for found in fixed.findings)
    return Score(
        pair,
        answered=True,
        hit_first=bool(buggy.findings) and buggy.findings[0].is_near(pair.lines),
        hit=bool(hits),
        right_rule=any(found.rule == pair.rule for found in hits),
        right_family=any(_family(found) == pair.family for found in hits),
        silent=bool(hits) and not repeated,
        elsewhere=len(buggy.findings) - len(hits),
        alarms=len(fixed.findings),
        obeyed=obeyed,
        fixes=fixes,
        mending=_mending(pair, buggy, verdict),
        reviews=there,
    )


def mended(pair: Pair, buggy: Reviewed) -> str | None:
    """The buggy version after the first fix that was offered for the bug; None if none was."""
    if pair.buggy is None:
        return None
    for found in buggy.findings:
        if found.fix is not None and found.is_near(pair.lines):
            return found.fix.applied(pair.buggy)
    return None


def _mending(pair: Pair, buggy: Reviewed, verdict: Verdict | None) -> Mending | None:
    after = mended(pair, buggy)
    if after is None or pair.buggy is None:
        return None
    changed = changed_lines(pair.buggy, after)
    needed = len(set(changed) & set(pair.lines))
    return Mending(
        exact=_same(after, pair.fixed, pair.language),
        precision=needed / len(changed) if changed else None,
        passes=None if verdict is None else verdict is Verdict.PASSED,
    )


def _same(one: str, other: str, language: str) -> bool:
    return one == other or difference.compare(one, other, language) == difference.Dropped("unchanged")


def _fixes(pair: Pair, review: Reviewed) -> list[FixScore]:
    text, scores = pair.text(review.side), []
    for found in review.findings:
        if found.fix is None:
            continue
        after = found.fix.applied(text)
        if after is None:
            scores.append(FixScore(applies=False))
        else:
            scores.append(FixScore(applies=True, parses=parses_as_well(text, after, pair.language)))
    return scores


def _family(found: Found) -> str | None:
    rule = RULES.get(found.rule)
    return None if rule is None else rule.family


def _obeys(pair: Pair, found: Found) -> bool:
    return any(words.casefold() in found.words for words in pair.forbidden)
