from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.texts import texts

from kibitz.findings.finding import Confidence, Finding, Fix, Severity
from kibitz.findings.fix import Rejection
from kibitz.guard.redact import Refused
from kibitz.provider.shield import Shielded, hidden, shield
from kibitz.text.spans import Span

KEY = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
OTHER = "ghp_9876543210abcdefghijABCDEFGHIJ012345"
CODE = f"a = '\u202e'; key = '{KEY}'\nb = 'x\u200by'  # ok\n"


def whole_line(shielded: Shielded, number: int) -> Span:
    return Span(shielded.lines.line_start(number), shielded.lines.line_end(number))


def fix(shielded: Shielded, number: int, old: str, new: str) -> Fix | Rejection:
    span = whole_line(shielded, number)
    line = span.of(shielded.text)
    assert old in line
    return shielded.reveal_fix(Fix(span, line, line.replace(old, new)))


def test_secrets_are_hidden_and_the_invisible_is_shown() -> None:
    shielded = shield(CODE)
    assert KEY not in shielded.text
    assert shielded.lines.line_text(0).startswith("a = '⟦U+202E⟧'; key = 'REDACTED_SECRET_1_XXX")
    assert shielded.lines.line_text(1) == "b = 'x⟦U+200B⟧y'  # ok"
    assert [hit.span.of(CODE) for hit in shielded.hits] == [KEY]
    assert shielded.secrets == 1


def test_a_fix_beside_what_is_hidden_is_one_of_the_original() -> None:
    shielded = shield(CODE, "# context \u202e")
    revealed = fix(shielded, 0, "a =", "c =")
    assert isinstance(revealed, Fix)
    assert revealed.span.of(CODE) == revealed.old_text == CODE.split("\n", maxsplit=1)[0]
    assert revealed.new_text == revealed.old_text.replace("a =", "c =")
    second = fix(shielded, 1, "# ok", "")
    assert isinstance(second, Fix)
    assert (second.old_text, second.new_text) == ("b = 'x\u200by'  # ok", "b = 'x\u200by'  ")


@pytest.mark.parametrize(
    ("number", "old", "new", "reason"),
    [
        (0, "REDACTED_SECRET_1_", "REDACTED_SECRET_2_", "touches-secret"),
        (0, "REDACTED_SECRET_1_X", "REDACTED_SECRET_1_", "touches-secret"),
        (1, "y'", "REDACTED_SECRET_1_XXXXXXXXXXXXXXXXXXXXXX'", "touches-secret"),
        (1, "⟦U+200B⟧", "⟦U+202E⟧", "touches-invisible"),
        (1, "⟦U+200B⟧", "⟦U+200B⟧⟦U+200B⟧", "touches-invisible"),
        (1, "⟦U+200B⟧", "⟦U+200B", "touches-invisible"),
        (1, "y'", "y\u200b'", "touches-invisible"),
    ],
)
def test_a_fix_that_tampers_is_dropped(number: int, old: str, new: str, reason: str) -> None:
    assert fix(shield(CODE), number, old, new) == Rejection(reason)


def test_a_fix_that_cuts_a_secret_is_dropped() -> None:
    shielded = shield(CODE)
    at = shielded.text.index("REDACTED")
    assert shielded.reveal_fix(Fix(Span(at, at + 9), "REDACTED_", "x")) == Rejection("touches-secret")


def test_a_fix_may_remove_a_whole_secret_or_character() -> None:
    shielded = shield(CODE)
    span = whole_line(shielded, 0)
    gone = shielded.reveal_fix(Fix(span, span.of(shielded.text), "a = load()"))
    assert isinstance(gone, Fix)
    assert gone.old_text == CODE.split("\n", maxsplit=1)[0]


def test_a_finding_is_quoted_from_the_original() -> None:
    shielded = shield(CODE)
    span = whole_line(shielded, 1)
    found = Finding(
        "off-by-one", Severity.ERROR, Confidence.CERTAIN, "t", "t", span, span.of(shielded.text), None
    )
    revealed, lost = shielded.reveal(found)
    assert lost is None
    assert revealed.quote == revealed.span.of(CODE) == "b = 'x\u200by'  # ok"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = 1\n" * 20_000, "too-many-lines"),
        ("x" * 5_000, "line-too-long"),
        (("\u200b" * 99 + "\n") * 900, "too-many-tokens"),
    ],
)
def test_what_is_too_much_is_not_sent(text: str, reason: str) -> None:
    for kept, context in ((text, ""), ("x", text)):
        with pytest.raises(Refused) as caught:
            shield(kept, context)
        assert caught.value.reason == reason


def test_what_is_sent_along_is_hidden_too() -> None:
    assert hidden(f"{KEY}\u202e") == "REDACTED_SECRET_1_".ljust(len(KEY), "X") + "⟦U+202E⟧"
    assert OTHER not in shield("x = 1", f"key = '{OTHER}'\u202e").context


@given(
    st.lists(texts | st.sampled_from([f" {KEY} ", "\u202e", "⟦U+202E⟧", "'", "\u200b"]), max_size=8).map(
        "".join
    )
)
def test_a_fix_that_changes_nothing_is_the_text_or_nothing(text: str) -> None:
    shielded = shield(text)
    assert KEY not in shielded.text
    for number in range(shielded.lines.line_count):
        span = whole_line(shielded, number)
        revealed = shielded.reveal_fix(Fix(span, span.of(shielded.text), span.of(shielded.text)))
        if isinstance(revealed, Fix):
            assert revealed.old_text == revealed.new_text == revealed.span.of(text)
