from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.findings.dialogue import Marks, Token, Turn
from kibitz.findings.difference import Hunk
from kibitz.findings.finding import Confidence
from kibitz.findings.infill import Gap, confidence_of, further, odds, parted, question

TEXT = "def f(a, b):\n    c = a - b\n    return c\n"
MARKS = Marks("<before>", "<after>", "<gap>")
GAP = Gap("def f(a, b):\n", "    return c\n", "    c = a", " -", " +")


def token(**probabilities: float) -> Token:
    """The first one, and what else could stand there; underscores are spaces."""
    first, *others = (
        Token(name.replace("_", " ").encode(), math.log(p)) for name, p in probabilities.items()
    )
    return Token(first.text, first.logprob, tuple(others))


@pytest.mark.parametrize(
    ("hunk", "gap"),
    [
        (Hunk(2, "    c = a - b", "    c = a + b"), GAP),
        (Hunk(2, "    c = a - b", "    c = a - c"), Gap(GAP.before, GAP.after, "    c = a -", " b", " c")),
        (
            Hunk(2, "    c = a - b", "    c = a - b + 1"),
            Gap(GAP.before, GAP.after, "    c = a - b", "\n", " +"),
        ),
        (Hunk(1, "def f(a, b):", "def g(a, b):"), Gap("", TEXT[13:], "def", " f", " g")),
        # Deleted and added lines part at the line after.
        (Hunk(2, "    c = a - b", ""), Gap(GAP.before, "", "   ", " c", " return")),
        (
            Hunk(2, "    c = a - b", "    c = a - b\n    c += 1"),
            Gap(GAP.before, "", "    c = a - b\n   ", " return", " c"),
        ),
        # At the end there is none.
        (Hunk(3, "    return c", ""), None),
        (Hunk(3, "    return c", "    return c\n    x()"), None),
        (Hunk(2, "    c = a - b", "    c = a - b"), None),
    ],
)
@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
def test_a_gap_is_whole_lines_up_to_where_two_versions_part(hunk: Hunk, gap: Gap | None, eol: str) -> None:
    assert parted(TEXT.replace("\n", eol), hunk) == gap


LINES = st.lists(st.text(st.characters(exclude_characters="\r\n"), max_size=20), min_size=1, max_size=6)


@given(lines=LINES, new=LINES, data=st.data())
def test_a_gap_is_made_of_both_versions(lines: list[str], new: list[str], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(lines) - 1))
    last = data.draw(st.integers(first, min(first + 2, len(lines) - 1)))
    hunk = Hunk(first + 1, "\n".join(lines[first : last + 1]), "\n".join(new))
    gap = parted("\n".join(lines), hunk)
    if gap is None:
        return
    mended = [*lines[:first], *(hunk.replacement.split("\n") if hunk.replacement else []), *lines[last + 1 :]]
    for version, chunk in (("\n".join(lines), gap.old), ("\n".join(mended), gap.new)):
        assert f"{version}\n".startswith(gap.before + gap.begun + chunk)
        assert version.endswith(gap.after) or f"{version}\n".endswith(gap.after)
    assert gap.old != gap.new


def test_the_question_is_raw_text_with_the_models_own_marks() -> None:
    asked = question(GAP, MARKS)
    assert asked is not None
    assert asked.turns == (Turn("user", "<before>def f(a, b):\n<after>    return c\n<gap>    c = a"),)
    assert (asked.instructions, asked.max_output_tokens, asked.raw, asked.weigh) == ("", 1, True, True)


@pytest.mark.parametrize("mark", ["<before>", "<after>", "<gap>"])
def test_code_that_holds_marks_is_not_asked_about(mark: str) -> None:
    for gap in (
        Gap(mark, "", "", "a", "b"),
        Gap("", f"x{mark}", "", "a", "b"),
        Gap("", "", f"'{mark}'", "a", "b"),
    ):
        assert question(gap, MARKS) is None


@pytest.mark.parametrize(
    ("old", "new", "tokens", "expected"),
    [
        (" -", " +", token(_Q=0.5, **{"_-": 0.1, "_+": 0.2}), math.log(2)),
        (" <", " <=", token(**{"_<": 0.2, "_<=": 0.1}), math.log(0.5)),
        # A word may be several tokens, of which the likeliest first one counts.
        ("[key", "[oldest", token(**{"[": 0.8, "[key": 0.1, "[o": 0.05}), math.log(8)),
        ("get", "getOrDefault", token(getOr=0.4, get=0.1), math.log(4)),
        # What is not among them is no more probable than the least of them.
        ("old", "new", token(new=0.5, x=0.25), math.log(2)),
        ("old", "new", token(old=0.5, x=0.25), math.log(0.5)),
        ("\n", ";\n", token(**{"\n": 0.1, ";\n": 0.4}), math.log(4)),
        # Neither is known, or both begin alike.
        ("old", "new", token(x=0.9), None),
        ("(old", "(new", token(**{"(": 0.9, "x": 0.1}), None),
    ],
)
def test_the_odds_are_those_of_the_first_tokens(
    old: str, new: str, tokens: Token, expected: float | None
) -> None:
    found = odds(Gap("", "", "", old, new), [tokens])
    assert found == (None if expected is None else pytest.approx(expected))


def test_without_tokens_there_are_no_odds() -> None:
    assert odds(GAP, []) is None
    assert further(GAP, []) is None


def test_the_gap_goes_on_after_the_token_that_both_begin_with() -> None:
    both = Gap("above", "below", "f", "(old", "(new")
    assert further(both, [token(**{"(": 0.9, "x": 0.1})]) == Gap("above", "below", "f(", "old", "new")
    assert further(both, [token(x=0.9)]) is None
    assert further(Gap("", "", "", "get", "getter"), [token(get=0.9)]) is None
    assert further(Gap("", "", "", "é", "éé"), [Token(b"\xc3", 0.0)]) is None


@given(
    old=st.text(max_size=8),
    new=st.text(max_size=8),
    texts=st.lists(st.tuples(st.binary(max_size=4), st.floats(-99, 0)), max_size=5),
)
def test_any_tokens_give_finite_odds_or_none(old: str, new: str, texts: list[tuple[bytes, float]]) -> None:
    tokens = [Token(text, logprob) for text, logprob in texts]
    whole = [Token(tokens[0].text, tokens[0].logprob, tuple(tokens[1:]))] if tokens else []
    gap = Gap("", "", "", old, new)
    found = odds(gap, whole)
    assert found is None or math.isfinite(found)
    later = further(gap, whole)
    assert later is None or (later.begun + later.old, later.begun + later.new) == (old, new)


@pytest.mark.parametrize(
    ("odds", "confidence"),
    [(9, Confidence.CERTAIN), (4, Confidence.CERTAIN), (1, Confidence.LIKELY), (0.9, Confidence.UNSURE)],
)
def test_the_odds_tell_how_sure_a_change_is(odds: float, confidence: Confidence) -> None:
    for rewrite in (Confidence.CERTAIN, Confidence.LIKELY):
        assert confidence_of(odds, rewrite) is confidence


def test_an_unsure_rewrite_needs_certain_odds() -> None:
    assert confidence_of(4, Confidence.UNSURE) is Confidence.LIKELY
    assert confidence_of(3.9, Confidence.UNSURE) is Confidence.UNSURE


def test_without_odds_a_rewrite_has_to_be_certain() -> None:
    assert confidence_of(None, Confidence.CERTAIN) is Confidence.LIKELY
    assert confidence_of(None, Confidence.LIKELY) is Confidence.UNSURE
