from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.support.findings import finding

from kibitz.findings.finding import Confidence, Severity
from kibitz.findings.fingerprint import LENGTH, fingerprint

TEXT = "def f(a):\n    return a / b\n"
FOUND = replace(finding(TEXT, "return a / b"), unit="1234")


def test_where_it_stands_and_how_it_is_worded_do_not_count() -> None:
    other = replace(
        FOUND.shift(70),
        title="Nobody knows b",
        trigger="f(2)",
        severity=Severity.INFO,
        confidence=Confidence.UNSURE,
    )
    assert fingerprint(other) == fingerprint(FOUND)
    assert len(fingerprint(FOUND)) == LENGTH


def test_indentation_and_line_ends_do_not_count() -> None:
    one = replace(FOUND, quote="if a:\n        return b")
    two = replace(FOUND, quote="if a:\r\n\treturn b")
    assert fingerprint(one) == fingerprint(two)


def test_the_rule_the_words_of_the_code_and_the_unit_count() -> None:
    others = [
        replace(FOUND, rule="off-by-one"),
        replace(FOUND, quote="return a / c"),
        replace(FOUND, quote="returna / b"),
        replace(FOUND, unit="1235"),
    ]
    assert len({fingerprint(each) for each in (FOUND, *others)}) == 5


@given(st.text(), st.text(), st.text())
def test_no_part_can_be_taken_for_another(rule: str, quote: str, unit: str) -> None:
    one = replace(FOUND, rule=rule, quote=quote, unit=unit)
    two = replace(FOUND, rule=rule + quote, quote="", unit=unit)
    same = (rule, quote.split(), unit) == (two.rule, two.quote.split(), two.unit)
    assert (fingerprint(one) == fingerprint(two)) is same
