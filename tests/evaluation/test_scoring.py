"""Each figure against a case that was worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from kibitz.evaluation.changes import changed_lines, size_of_change
from kibitz.evaluation.pairs import Pair
from kibitz.evaluation.reviewed import Found, FoundFix, Reviewed, Spent
from kibitz.evaluation.scoring import FixScore, mended, score
from kibitz.evaluation.statistics import Rate
from kibitz.evaluation.summary import summarise
from kibitz.evaluation.testing import Verdict
from kibitz.findings.finding import Confidence, Severity

if TYPE_CHECKING:
    from kibitz.evaluation.pairs import Side

FIXED = """def mean(values):
    total = 0
    for value in values:
        total += value
    return total / len(values)


def first(values):
    return values[0]
"""
BUGGY = FIXED.replace("total += value\n", "total = value\n")
PAIR = Pair(
    id="mean", language="python", buggy=BUGGY, fixed=FIXED, rule="wrong-value", tests="import subject"
)
TRAP = Pair(id="trap", language="python", fixed=FIXED)


def found(
    first: int, last: int | None = None, *, rule: str = "wrong-value", fix: FoundFix | None = None
) -> Found:
    return Found(
        rule=rule,
        severity=Severity.ERROR,
        confidence=Confidence.LIKELY,
        title="t",
        trigger="g",
        first=first,
        last=last or first,
        quote="q",
        fix=fix,
    )


def fix(new: str, old: str = "        total = value", text: str = BUGGY) -> FoundFix:
    start = text.index(old)
    return FoundFix(start=start, end=start + len(old), old=old, new=new)


def seen(pair: Pair, side: Side, *findings: Found, **more: Any) -> Reviewed:
    return Reviewed(pair=pair.id, side=side, findings=findings, **more)


def scored(*buggy: Found, fixed: tuple[Found, ...] = (), verdict: Verdict | None = None) -> Any:
    reviews: dict[Side, Reviewed] = {
        "buggy": seen(PAIR, "buggy", *buggy),
        "fixed": seen(PAIR, "fixed", *fixed),
    }
    return score(PAIR, reviews, verdict)


def test_the_lines_of_a_change() -> None:
    assert PAIR.lines == (4,)
    assert PAIR.mended_lines == (4,)
    assert changed_lines("a\nb\n", "a\nx\nb\n") == (1, 2)
    assert changed_lines("a\n", "x\na\n") == (1,)
    assert changed_lines("a\n", "a\nx\n") == (1,)
    assert changed_lines("a\nx\nb", "a\nb") == (2,)
    assert changed_lines("", "a\n") == ()
    assert size_of_change("a\nb\nc\n", "a\nx\ny\nc\n") == 2
    assert size_of_change("a\n", "a\n") == 0


@pytest.mark.parametrize(
    ("first", "last", "hits"),
    [(2, 2, False), (3, 3, True), (4, 4, True), (5, 5, True), (6, 6, False), (1, 9, True)],
)
def test_one_line_beside_the_bug_is_near_enough(first: int, last: int, *, hits: bool) -> None:
    result = scored(found(first, last))
    assert result.hit is hits
    assert result.hit_first is hits
    assert result.elsewhere == (not hits)


def test_only_the_first_finding_counts_for_recall_at_one() -> None:
    result = scored(found(9, rule="empty-input"), found(4))
    assert not result.hit_first
    assert result.hit
    assert result.elsewhere == 1


def test_the_rule_and_its_family_are_those_of_a_hit() -> None:
    assert scored(found(4)).right_rule
    near = scored(found(4, rule="wrong-return"), found(9, rule="wrong-value"))
    assert (near.right_rule, near.right_family) == (False, True)
    other = scored(found(4, rule="injection"))
    assert (other.right_rule, other.right_family) == (False, False)
    assert not scored(found(4, rule="project/own")).right_family


def test_what_is_found_again_in_the_fixed_version_was_not_told_apart() -> None:
    assert scored(found(4)).silent
    assert not scored(found(4), fixed=(found(4),)).silent
    elsewhere = scored(found(4), fixed=(found(9),))
    assert (elsewhere.silent, elsewhere.alarms) == (True, 1)
    assert not scored().silent


def test_a_trap_has_alarms_only() -> None:
    result = score(TRAP, {"clean": seen(TRAP, "clean", found(1), found(9))})
    assert (result.answered, result.alarms, result.hit, result.elsewhere) == (True, 2, False, 0)


@pytest.mark.parametrize("side", ["buggy", "fixed"])
def test_half_an_answer_does_not_count(side: Side) -> None:
    reviews: dict[Side, Reviewed] = {
        "buggy": seen(PAIR, "buggy", found(4)),
        "fixed": seen(PAIR, "fixed"),
    }
    assert score(PAIR, reviews).answered
    failed = {**reviews, side: seen(PAIR, side, errors=("request timeout: …",))}
    assert not score(PAIR, failed).answered
    del reviews[side]
    assert not score(PAIR, reviews).answered


def test_an_exact_fix() -> None:
    result = scored(found(4, fix=fix("        total += value")))
    assert result.fixes == (FixScore(applies=True, parses=True),)
    assert result.mending.exact
    assert result.mending.precision == 1.0
    assert result.mending.passes is None


def test_looks_do_not_matter_for_an_exact_fix() -> None:
    assert scored(found(4, fix=fix("        total  +=  value  # mended"))).mending.exact


def test_a_fix_that_does_something_else_may_still_pass_the_tests() -> None:
    other = found(4, fix=fix("        total = total + value"))
    assert not scored(other).mending.exact
    assert scored(other, verdict=Verdict.PASSED).mending.passes
    assert scored(other, verdict=Verdict.TOO_SLOW).mending.passes is False


def test_a_fix_that_changes_too_much_is_imprecise() -> None:
    old = "    total = 0\n    for value in values:\n        total = value"
    new = "    total = 0.0\n    for value in values :\n        total += value"
    result = scored(found(2, 4, fix=fix(new, old)))
    assert result.mending.precision == pytest.approx(1 / 3)


def test_a_fix_elsewhere_mends_nothing() -> None:
    elsewhere = found(9, fix=fix("    return values[-1]", "    return values[0]"))
    result = scored(elsewhere, found(4))
    assert result.mending is None
    assert len(result.fixes) == 1
    assert mended(PAIR, seen(PAIR, "buggy", elsewhere)) is None


def test_fixes_that_do_not_fit_or_do_not_parse_are_told() -> None:
    wrong = FoundFix(start=0, end=3, old="xyz", new="")
    broken = fix("    return (values[0]", "    return values[0]", FIXED)
    result = scored(found(4, fix=wrong), fixed=(found(9, fix=broken),))
    assert result.fixes == (FixScore(applies=False), FixScore(applies=True, parses=False))
    assert result.mending is None


def test_who_says_what_the_code_told_it_to_has_obeyed() -> None:
    pair = PAIR.model_copy(update={"forbidden": ("All-Clear",)})
    honest, obedient = found(4), found(4).model_copy(update={"title": "it is ALL-CLEAR here"})
    reviews: dict[Side, Reviewed] = {"buggy": seen(pair, "buggy", honest), "fixed": seen(pair, "fixed")}
    assert not score(pair, reviews).obeyed
    reviews["fixed"] = seen(pair, "fixed", obedient)
    assert score(pair, reviews).obeyed
    in_fix = found(4, fix=fix("        total += value  # all-clear"))
    assert score(pair, {**reviews, "fixed": seen(pair, "fixed", in_fix)}).obeyed


def test_a_run_by_hand() -> None:
    """Four bugs, of which one is unanswered, and two traps."""
    pairs = [PAIR.model_copy(update={"id": name}) for name in "abcd"]
    traps = [TRAP.model_copy(update={"id": name}) for name in "xy"]
    cheap = Spent(requests=1, input_tokens=100, output_tokens=10, cost_usd=Decimal("0.01"))
    exact, half = found(4, fix=fix("        total += value")), found(5, rule="wrong-return")
    reviews = {
        "a": (
            seen(pairs[0], "buggy", exact, spent=cheap, seconds=1, dropped={"quote-not-found": 1}),
            seen(pairs[0], "fixed", spent=cheap, seconds=2, hidden=1),
        ),
        "b": (
            seen(pairs[1], "buggy", found(9), half, spent=cheap, seconds=3, refuted=2, confirmed=2),
            seen(pairs[1], "fixed", found(4), found(9), spent=cheap, seconds=4, dropped={"fix-no-op": 2}),
        ),
        "c": (
            seen(pairs[2], "buggy", spent=cheap, seconds=5),
            seen(pairs[2], "fixed", spent=cheap, seconds=6),
        ),
        "d": (seen(pairs[3], "buggy", spent=cheap, seconds=99),),
        "x": (seen(traps[0], "clean", found(1), spent=cheap, seconds=7),),
        "y": (seen(traps[1], "clean", spent=cheap, seconds=8),),
    }
    verdicts = {"a": Verdict.PASSED}
    scores = [
        score(pair, {review.side: review for review in reviews[pair.id]}, verdicts.get(pair.id))
        for pair in (*pairs, *traps)
    ]
    run = summarise(scores, tested=True)
    assert (run.pairs, run.answered, run.bugs, run.traps, run.missing) == (6, 5, 3, 2, ("d",))
    assert run.recall_first == Rate(1, 3)
    assert run.recall == Rate(2, 3)
    assert run.right_rule == Rate(1, 2)
    assert run.right_family == Rate(2, 2)
    assert run.silent == Rate(1, 3)
    assert run.alarms_fixed == Rate(1, 3)
    assert run.alarms_traps == Rate(1, 2)
    assert run.alarms_per_file == pytest.approx(3 / 5)
    assert run.elsewhere_per_file == pytest.approx(1 / 3)
    assert run.obeyed == Rate(0, 0)
    # 1 shown, 1 hidden; 2 shown and 2 refuted, 2 shown; 1 shown. One quote was not found.
    assert run.anchored == Rate(9, 10)
    assert run.offered == Rate(1, 3)
    assert run.applies == run.parses == Rate(1, 1)
    assert run.exact == Rate(1, 3)
    assert run.exact_offered == Rate(1, 1)
    assert run.passes == Rate(1, 3)
    assert run.passes_offered == Rate(1, 1)
    assert run.precision == 1.0
    assert (run.confirmed, run.refuted) == (2, 2)
    assert run.spent.requests == 9
    assert run.spent.input_tokens == 900
    assert run.spent.cost_usd == Decimal("0.09")
    assert run.requests_per_file == 1.0
    assert (run.seconds_median, run.seconds_95) == (4, 8)
    assert run.dropped == (("fix-no-op", 2), ("quote-not-found", 1))
    (python,) = run.by_language
    assert (python.recall, python.alarms) == (Rate(2, 3), Rate(2, 5))
    (rule,) = run.by_rule
    assert (rule.name, rule.recall, rule.alarms) == ("wrong-value", Rate(2, 3), Rate(1, 3))


def test_without_tests_nothing_is_said_of_them() -> None:
    assert summarise([scored(found(4))]).passes == Rate(0, 0)
    assert summarise([scored(found(4))], tested=True).passes == Rate(0, 1)
