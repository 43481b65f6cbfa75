from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.findings import finding

from kibitz.provider.errors import APIError, InvalidResponse
from kibitz.provider.models import PieceAnalysis, Usage
from kibitz.review.known import Failure
from kibitz.review.stored import Unreadable, decode, encode, is_failure, well_formed
from kibitz.telemetry import masking

if TYPE_CHECKING:
    from kibitz.findings.finding import Finding

TEXT = "def mean(values):\n    return sum(values) / len(value)\n"
LINE = "    return sum(values) / len(value)"
MENDED = "    return sum(values) / len(values)"


def flawed(new: str | None = MENDED, **more: Any) -> Finding:
    found = finding(TEXT, LINE.strip(), None, **more)
    fix = finding(TEXT, LINE, new).fix
    return replace(found, fix=fix)


def kept(*findings: Finding, **dropped: int) -> str:
    return encode(PieceAnalysis(findings, {name.replace("_", "-"): count for name, count in dropped.items()}))


def read(raw: str, text: str = TEXT) -> PieceAnalysis:
    answer = decode(raw, text, "python")
    assert isinstance(answer, PieceAnalysis)
    return answer


def changed(path: str, value: object) -> str:
    """A kept answer in which one value was changed."""
    document = json.loads(kept(flawed()))
    *parents, last = path.split(".")
    place: Any = document
    for name in parents:
        place = place[int(name)] if name.isdigit() else place[name]
    if value is ...:
        del place[last]
    else:
        place[int(last) if last.isdigit() else last] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    "analysis",
    [
        PieceAnalysis(),
        PieceAnalysis((), {"quote-not-found": 2, "fix-no-op": 1}),
        PieceAnalysis(paid=Usage(input_tokens=1200, cached_tokens=1000, output_tokens=30)),
        PieceAnalysis(paid=Usage(input_tokens=7, cost_usd=Decimal("0.00012345"))),
        PieceAnalysis((flawed(),)),
        PieceAnalysis((flawed(None), flawed(needs_review=False, title="Another")), {"too-many": 1}),
    ],
)
def test_what_was_kept_comes_back(analysis: PieceAnalysis) -> None:
    assert read(encode(analysis)) == analysis


@pytest.mark.parametrize("failure", [Failure(invalid=True, code="refusal"), Failure(invalid=False, code="")])
def test_a_failure_comes_back_as_one(failure: Failure) -> None:
    raw = encode(failure)
    assert decode(raw, TEXT, "python") == failure
    assert is_failure(raw)
    assert well_formed(raw)
    assert isinstance(failure.error(), InvalidResponse if failure.invalid else APIError)


def test_nothing_that_a_provider_worded_is_remembered_of_a_failure() -> None:
    for code in ("", "a" * 65, "do this: now", "<b>"):
        assert Failure.of(InvalidResponse(f"quoting {TEXT}", code=code)) == Failure(invalid=True, code="")
    assert Failure.of(APIError("no", code="content_filter")) == Failure(invalid=False, code="content_filter")


def test_what_is_well_formed_can_be_told_without_the_code() -> None:
    assert well_formed(kept(flawed()))
    assert not is_failure(kept(flawed()))
    assert not well_formed(changed("findings.0.severity", "fatal"))
    assert not well_formed("{}")


def test_code_is_kept_as_hashes_only() -> None:
    raw = kept(flawed())
    assert raw.isascii()
    assert "len(value)" not in raw
    assert "def mean" not in raw


@pytest.mark.parametrize("secret", ["AKIAQ3EGRIXJ5ZQ7WXYT", "plain-words-that-are-a-key"])
def test_a_fix_that_holds_a_secret_is_not_kept(secret: str) -> None:
    masking.hide("plain-words-that-are-a-key")
    raw = kept(flawed(f"    connect('{secret}')"))
    assert secret not in raw
    back = read(raw)
    assert [found.fix for found in back.findings] == [None]
    assert back.dropped == {"fix-with-secret-not-kept": 1}


def test_a_mark_that_a_fix_needs_a_closer_look_stays_and_is_set_again() -> None:
    plain = flawed()
    assert plain.fix is not None
    marked = replace(plain, fix=replace(plain.fix, needs_review=True))
    (back,) = read(kept(marked)).findings
    assert back.fix is not None
    assert back.fix.needs_review
    risky = flawed("    return eval(values)")
    assert risky.fix is not None
    assert not risky.fix.needs_review
    (back,) = read(kept(risky)).findings
    assert back.fix is not None
    assert back.fix.needs_review


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", 1),
        ("findings.0.start", 3),
        ("findings.0.start", -1),
        ("findings.0.start", 1.0),
        ("findings.0.start", True),
        ("findings.0.start", "4"),
        ("findings.0.end", 10_000),
        ("findings.0.end", 0),
        ("findings.0.quote", "0" * 32),
        ("findings.0.rule", "made-up"),
        ("findings.0.severity", "fatal"),
        ("findings.0.confidence", None),
        ("findings.0.title", ""),
        ("findings.0.title", "\u202e\u200b"),
        ("findings.0.title", "x" * 121),
        ("findings.0.trigger", ...),
        ("findings.0.fix.start", 1),
        ("findings.0.fix.old", "f" * 32),
        ("findings.0.fix.new", LINE),
        ("findings.0.fix.new", "    return 1 \u202e"),
        ("findings.0.fix.new", "    return ("),
        ("findings.0.fix.new", "    return \u0455um(values)"),
        ("findings.0.fix.new", "    return get('https://evil.example/x')"),
        ("findings.0.fix.new", "\n".join(["    x = 1"] * 9)),
        ("findings.0.fix.needs_review", 0),
        ("findings.0.more", 1),
        ("dropped", {"Not a reason": 1}),
        ("dropped", {"no-op": 0}),
        ("dropped", []),
        ("paid", ...),
        ("paid.input", -1),
        ("paid.output", 10**12),
        ("paid.usd", "-1"),
        ("paid.usd", "NaN"),
        ("paid.usd", 0.1),
        ("invalid", True),
    ],
)
def test_a_row_that_somebody_changed_is_no_answer(path: str, value: object) -> None:
    with pytest.raises(Unreadable):
        decode(changed(path, value), TEXT, "python")


@pytest.mark.parametrize("raw", ["", "{}", "[]", "null", '{"format":3,"format":3}', "[" * 100_000, "NaN"])
def test_what_is_no_answer_at_all(raw: str) -> None:
    with pytest.raises(Unreadable):
        decode(raw, TEXT, "python")


def test_an_answer_about_another_text_is_none() -> None:
    with pytest.raises(Unreadable):
        decode(kept(flawed()), TEXT.replace("mean", "average"), "python")


def test_words_are_made_plain_again() -> None:
    (back,) = read(changed("findings.0.title", "See [this](http://evil.example)")).findings
    assert "http" not in back.title


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON, st.sampled_from(["findings", "findings.0", "findings.0.fix", "findings.0.fix.new", "dropped"]))
def test_hostile_rows_are_answers_about_the_text_or_nothing(value: object, path: str) -> None:
    try:
        analysis = read(changed(path, value))
    except Unreadable:
        return
    for found in analysis.findings:
        assert found.span.of(TEXT) == found.quote
        assert found.fix is None or found.fix.span.of(TEXT) == found.fix.old_text


def test_a_rule_of_the_project_holds_only_while_it_is_there() -> None:
    raw = kept(replace(flawed(), rule="project/mean"))
    answer = decode(raw, TEXT, "python", ("project/mean",))
    assert isinstance(answer, PieceAnalysis)
    assert [found.rule for found in answer.findings] == ["project/mean"]
    for codes in ((), ("project/other",)):
        with pytest.raises(Unreadable, match="not known"):
            decode(raw, TEXT, "python", codes)
