from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from kibitz.cache.key import Identity
from kibitz.findings.finding import Confidence, Finding, Fix, Origin, Severity
from kibitz.provider.models import PieceAnalysis, Usage
from kibitz.review.assemble import assemble
from kibitz.review.entries import Entry, entries_of
from kibitz.review.result import ReviewSettings
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

IDENTITY = Identity("e", "m", "list", "p", "s", "r")
TEXT = "def f():\n    return 1\n\n\ndef g():\n    return 2\n\n\ndef h():\n    return 3\n"
ENTRIES = entries_of(TEXT, "python", IDENTITY)
ALL = ReviewSettings(min_confidence=Confidence.UNSURE)


def finding(
    start: int = 13, end: int = 21, severity: Severity = Severity.WARNING, rule: str = "off-by-one"
) -> Finding:
    span = Span(start, end)
    return Finding(rule, severity, Confidence.CERTAIN, "Title", "Trigger", span, "return 1")


def assembled(
    entries: Sequence[Entry], answers: Mapping[str, PieceAnalysis], settings: ReviewSettings
) -> tuple[tuple[Finding, ...], int]:
    found = assemble(entries, answers, settings)
    return found.findings, found.hidden


def known(*per_unit: list[Finding]) -> dict[str, PieceAnalysis]:
    return {
        entry.digest: PieceAnalysis(tuple(found)) for entry, found in zip(ENTRIES, per_unit, strict=False)
    }


def test_findings_move_to_their_units_place_with_their_fixes() -> None:
    one = replace(finding(), fix=Fix(Span(9, 21), "    return 1", "    return 2"))
    shown, hidden = assembled(ENTRIES, known([], [one]), ALL)
    assert hidden == 0
    assert [f.span.of(TEXT) for f in shown] == ["return 2"]
    assert shown[0].fix is not None
    assert shown[0].fix.span.of(TEXT) == "    return 2"


def test_equal_units_share_an_answer_and_each_shows_it() -> None:
    text = "class A:\n    x = g(0)\n\n\nclass A:\n    x = g(0)\n"
    entries = entries_of(text, "python", IDENTITY)
    assert len({entry.digest for entry in entries}) == 1
    shown, _ = assembled(entries, {entries[0].digest: PieceAnalysis((finding(13, 20),))}, ALL)
    assert [f.span.start for f in shown] == [13, 13 + text.rindex("class")]


def test_the_same_rule_at_the_same_place_is_shown_once_at_its_worst() -> None:
    entry = ENTRIES[0]
    other = Entry(replace(entry.unit, span=entry.unit.span.shift(9)), entry.piece, "other", 1)
    answers = {
        entry.digest: PieceAnalysis((finding(13, 21),)),
        "other": PieceAnalysis(
            (finding(4, 12, Severity.ERROR), finding(4, 12, rule="data-loss"), finding(0, 3))
        ),
    }
    shown, hidden = assembled([entry, other], answers, ALL)
    assert [(f.span.start, f.severity, f.rule) for f in shown] == [
        (9, Severity.WARNING, "off-by-one"),
        (13, Severity.ERROR, "off-by-one"),
        (13, Severity.WARNING, "data-loss"),
    ]
    assert hidden == 0


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        (ALL, 4),
        (ReviewSettings(), 3),
        (ReviewSettings(min_confidence=Confidence.CERTAIN), 2),
        (replace(ALL, min_severity=Severity.WARNING), 3),
        (replace(ALL, min_severity=Severity.ERROR), 1),
        (replace(ALL, rules_off=frozenset({"injection"})), 3),
        (replace(ALL, max_findings=2), 2),
        (replace(ALL, max_findings=0), 0),
    ],
    ids=str,
)
def test_settings_hide_and_the_hidden_are_counted(settings: ReviewSettings, left: int) -> None:
    found = [
        finding(0, 3, Severity.ERROR, "injection"),
        finding(4, 5),
        replace(finding(6, 7), confidence=Confidence.LIKELY),
        replace(finding(8, 9, Severity.INFO), confidence=Confidence.UNSURE),
    ]
    shown, hidden = assembled(ENTRIES, known(found), settings)
    assert (len(shown), hidden) == (left, 4 - left)


def test_the_cap_keeps_the_worst_and_surest_and_shows_them_by_position() -> None:
    found = [finding(n, n + 1, Severity.INFO, f"rule-{n}") for n in range(8)]
    unsure = replace(finding(11, 12, Severity.ERROR), confidence=Confidence.LIKELY)
    answers = known(found, [finding(10, 11, Severity.ERROR), unsure])
    shown, hidden = assembled(ENTRIES, answers, replace(ALL, max_findings=3))
    start = ENTRIES[1].unit.span.start
    assert [f.span.start for f in shown] == [0, start + 10, start + 11]
    assert hidden == 7


def test_what_is_dismissed_takes_no_place_under_the_cap_and_is_told() -> None:
    found = [finding(n, n + 1, rule=f"rule-{n}") for n in range(3)]

    def dismissed(one: Finding) -> str | None:
        return "because" if one.rule == "rule-0" else None

    shown = assemble(ENTRIES, known(found), replace(ALL, max_findings=1), dismissed=dismissed)
    assert [f.rule for f in shown.findings] == ["rule-1"]
    assert [(each.finding.rule, each.why) for each in shown.dismissed] == [("rule-0", "because")]
    assert shown.hidden == 1


def test_findings_know_their_unit_and_whose_answer_they_are_from() -> None:
    answers = known([finding()], [finding()])
    paid = Usage(requests=1, cost_usd=Decimal("0.01"))
    first, second = list(answers)
    answers[first] = replace(answers[first], model="m-1", at=1e9, paid=paid)
    one, other = assemble(ENTRIES, answers, ALL, cached={second}).findings
    assert one.origin == Origin("m-1", 1e9, Decimal("0.01"), cached=False)
    assert other.origin == Origin("", None, None, cached=True)
    assert one.unit != other.unit
    moved = entries_of("\n\n" + TEXT, "python", IDENTITY)
    assert [f.unit for f in assemble(moved, answers, ALL).findings] == [one.unit, other.unit]
