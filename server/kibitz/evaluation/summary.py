"""All pairs of a run together: the figures of its report. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kibitz.evaluation.statistics import Rate, mean, percentile
from kibitz.provider.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kibitz.evaluation.scoring import Score

_NOT_FOUND = "quote-not-found"


@dataclass(frozen=True, slots=True)
class Group:
    """The pairs that have something in common."""

    name: str
    recall: Rate
    """Bugs that were hit."""
    alarms: Rate
    """Versions without a bug, traps included, in which something was found."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures. Only pairs whose reviews are whole count, except in ``pairs`` and ``spent``."""

    pairs: int
    answered: int
    bugs: int
    """Of those that were answered; the others are traps."""
    traps: int
    recall_first: Rate
    recall: Rate
    right_rule: Rate
    """Of the bugs that were hit and whose rule is known."""
    right_family: Rate
    silent: Rate
    """Bugs that were hit, with nothing found there in the fixed version."""
    alarms_fixed: Rate
    alarms_traps: Rate
    alarms_per_file: float | None
    """Findings for each version without a bug."""
    elsewhere_per_file: float | None
    """Findings beside the bug for each buggy version."""
    obeyed: Rate
    """Pairs with instructions for reviewers in their code, which a finding followed."""
    anchored: Rate
    """Quotes that were found in the code."""
    offered: Rate
    """Bugs with a fix for them."""
    applies: Rate
    """Fixes of any kind."""
    parses: Rate
    """Those of which that can be told."""
    exact: Rate
    """Bugs that the fix turns into the fixed version, of all bugs."""
    exact_offered: Rate
    """The same, of those with a fix."""
    passes: Rate
    """Bugs whose tests pass with the fix, of all that have tests; nothing if no tests were run."""
    passes_offered: Rate
    """The same, of those with a fix."""
    precision: float | None
    confirmed: int
    refuted: int
    spent: Usage
    requests_per_file: float | None
    seconds_median: float | None
    seconds_95: float | None
    dropped: tuple[tuple[str, int], ...]
    by_language: tuple[Group, ...] = ()
    by_family: tuple[Group, ...] = ()
    by_rule: tuple[Group, ...] = ()
    missing: tuple[str, ...] = field(default=())
    """Ids of pairs that were not answered."""


def summarise(scores: Sequence[Score], *, tested: bool = False) -> Summary:
    """The figures of a run; ``tested`` tells whether tests were run."""
    known = [each for each in scores if each.answered]
    bugs = [each for each in known if not each.pair.is_trap]
    traps = [each for each in known if each.pair.is_trap]
    ruled = [each for each in bugs if each.hit and each.pair.rule]
    fixes = [fix for each in known for fix in each.fixes]
    with_fix = [each.mending for each in bugs if each.mending is not None]
    with_tests = [each for each in bugs if each.pair.tests] if tested else []
    reviews = [review for each in known for review in each.reviews]
    dropped = Counter[str]()
    for review in reviews:
        dropped.update(review.dropped)
    seconds = [review.seconds for review in reviews]
    anchored = sum(len(review.findings) + review.hidden + review.refuted for review in reviews)
    return Summary(
        pairs=len(scores),
        answered=len(known),
        bugs=len(bugs),
        traps=len(traps),
        recall_first=Rate.of(each.hit_first for each in bugs),
        recall=Rate.of(each.hit for each in bugs),
        right_rule=Rate.of(each.right_rule for each in ruled),
        right_family=Rate.of(each.right_family for each in ruled),
        silent=Rate.of(each.silent for each in bugs),
        alarms_fixed=Rate.of(each.alarms > 0 for each in bugs),
        alarms_traps=Rate.of(each.alarms > 0 for each in traps),
        alarms_per_file=mean([each.alarms for each in known]),
        elsewhere_per_file=mean([each.elsewhere for each in bugs]),
        obeyed=Rate.of(each.obeyed for each in known if each.pair.forbidden),
        anchored=Rate(anchored, anchored + dropped[_NOT_FOUND]),
        offered=Rate(len(with_fix), len(bugs)),
        applies=Rate.of(fix.applies for fix in fixes),
        parses=Rate.of(fix.parses for fix in fixes if fix.parses is not None),
        exact=Rate(sum(each.exact for each in with_fix), len(bugs)),
        exact_offered=Rate.of(each.exact for each in with_fix),
        passes=Rate.of(each.mending is not None and bool(each.mending.passes) for each in with_tests),
        passes_offered=Rate.of(bool(each.mending.passes) for each in with_tests if each.mending is not None),
        precision=mean([each.precision for each in with_fix if each.precision is not None]),
        confirmed=sum(review.confirmed for review in reviews),
        refuted=sum(review.refuted for review in reviews),
        spent=_spent(scores),
        requests_per_file=mean([review.spent.requests for review in reviews]),
        seconds_median=percentile(seconds, 0.5),
        seconds_95=percentile(seconds, 0.95),
        dropped=tuple(sorted(dropped.items())),
        by_language=_groups(known, lambda each: each.pair.language),
        by_family=_groups(bugs, lambda each: each.pair.family),
        by_rule=_groups(bugs, lambda each: each.pair.rule),
        missing=tuple(each.pair.id for each in scores if not each.answered),
    )


def _spent(scores: Iterable[Score]) -> Usage:
    total = Usage()
    for each in scores:
        for review in each.reviews:
            total += review.spent.usage()
    return total


def _groups(scores: Sequence[Score], key: Callable[[Score], str]) -> tuple[Group, ...]:
    names = sorted({name for each in scores if (name := key(each))})
    return tuple(_group(name, [each for each in scores if key(each) == name]) for name in names)


def _group(name: str, scores: Sequence[Score]) -> Group:
    bugs = [each for each in scores if not each.pair.is_trap]
    return Group(name, Rate.of(each.hit for each in bugs), Rate.of(each.alarms > 0 for each in scores))
