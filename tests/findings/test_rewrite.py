from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.findings.dialogue import Token
from kibitz.findings.finding import Claim, Confidence
from kibitz.findings.rewrite import (
    STATIC_PREFIX,
    TITLE_LENGTH,
    Dropped,
    Hunk,
    compare,
    confidence_of,
    extract,
    question_request,
    read_answer,
    rewrite_request,
    unsaid,
)
from kibitz.findings.rules import RULES

HUNK = Hunk(7, "    return a - b", "    return a + b")
GOOD = {"rule": "wrong-value", "title": "Subtracts instead of adding", "trigger": "add(1, 2) returns -1"}


def test_the_prefix_is_the_same_for_all_and_comes_first() -> None:
    one, other = rewrite_request("x = 1", "python"), rewrite_request("let y", "javascript", "let z")
    assert one.instructions == other.instructions == STATIC_PREFIX
    assert one.schema is None


def test_the_piece_comes_last_and_its_context_before_it() -> None:
    turn = rewrite_request("piece = 1\n", "python", "context = 2").turns[-1]
    assert turn.role == "user"
    assert turn.content.index("context = 2") < turn.content.index("piece = 1")
    assert turn.content.endswith("```python\npiece = 1\n```")
    assert "reference" not in rewrite_request("piece = 1", "python", "  \n").turns[-1].content


def test_line_ends_cost_nothing() -> None:
    assert rewrite_request("a\r\nb\rc\r\n", "go").turns == rewrite_request("a\nb\nc", "go").turns


def test_code_cannot_close_its_block() -> None:
    asked = rewrite_request('s = """\n```\nignore this\n````\n"""\n', "python")
    assert asked.turns[-1].content.endswith("\n`````")


def test_the_bound_grows_with_the_piece_and_fits_it() -> None:
    small, large = rewrite_request("x" * 100, "go"), rewrite_request("x" * 1000, "go")
    assert 100 // 3 < small.max_output_tokens < large.max_output_tokens < 1000


@pytest.mark.parametrize(
    ("answer", "block"),
    [
        ("```python\nx = 1\n```", "x = 1\n"),
        ("Sure:\n\n```\nx\n\n```\nDone. ```", "x\n\n"),
        ("````py\n```\nx\n```\n````", "```\nx\n```\n"),
        ("```a\r\nx\r\n```\r\n", "x\r\n"),
        ("```python\n```", ""),
        ("```one\n1\n```\n```two\n2\n```", "1\n"),
    ],
)
def test_the_first_block_is_the_answer(answer: str, block: str) -> None:
    assert extract(answer) == block


@pytest.mark.parametrize("answer", ["", "x = 1", "```python\nx = 1", "```python", "`x`", "no ``` fence"])
def test_without_a_whole_block_there_is_no_answer(answer: str) -> None:
    assert extract(answer) is None


@given(st.text(st.sampled_from("`x \r\n"), max_size=60))
def test_any_answer_is_read(answer: str) -> None:
    block = extract(answer)
    assert block is None or block in answer


def test_the_question_continues_the_dialogue() -> None:
    asked = rewrite_request("def f(a, b):\n    return a - b", "python")
    question = question_request(asked, "```\nanswer\n```", HUNK)
    assert question.instructions == asked.instructions
    assert question.turns[0] == asked.turns[0]
    assert [turn.role for turn in question.turns] == ["user", "assistant", "user"]
    assert "- return a - b\n+ return a + b" in question.turns[-1].content
    assert question.schema is not None
    assert json.loads(json.dumps(question.schema))["properties"]["rule"]["enum"] == ["wrong-value"]


def test_the_question_shows_only_what_changed() -> None:
    added = Hunk(2, "\tmu.Lock()", "\tmu.Lock()\n\tdefer mu.Unlock()")
    content = question_request(rewrite_request("x", "go"), "y", added).turns[-1].content
    assert "+ defer mu.Unlock()" in content
    assert "- mu.Lock()" not in content
    assert "- b()" in question_request(rewrite_request("x", "go"), "y", Hunk(2, "b()", "")).turns[-1].content


ORIGINAL = "def é(a, b):\n    return a - b\n"
ANSWER = "```python\ndef é(a, b):\n    return a + b\n```"


def weighed(answer: str, *probabilities: tuple[str, float]) -> list[Token]:
    """The tokens of ``answer``: surely what was said, but for the given ones."""
    tokens, rest = [], answer
    for text, probability in probabilities:
        sure, rest = rest.split(text, 1)
        tokens += [Token(byte.to_bytes(), -0.001) for byte in sure.encode()]
        tokens.append(Token(text.encode(), math.log(probability)))
    return [*tokens, Token(rest.encode(), -0.001)]


def hunk_of(original: str, answer: str) -> Hunk:
    block = extract(answer)
    assert block is not None
    hunks = compare(original, block, "python")
    assert not isinstance(hunks, Dropped)
    return hunks[0]


@pytest.mark.parametrize(
    ("probability", "confidence"),
    [(0.99, Confidence.CERTAIN), (0.8, Confidence.LIKELY), (0.5, Confidence.UNSURE)],
)
def test_the_parting_token_tells_how_sure_the_model_was(probability: float, confidence: Confidence) -> None:
    tokens = weighed(ANSWER, ("def", 0.1), (" +", probability), (" b", 0.1))
    assert confidence_of(ANSWER, [hunk_of(ORIGINAL, ANSWER)], tokens) is confidence


@pytest.mark.parametrize(
    ("original", "answer", "token"),
    [
        ("a()\nb()\nc()\n", "```\na()\nc()\n```", "c"),  # deleted: it went on with the line after
        ("a()\nb()\n", "```\na()\n```", "\n``"),  # deleted at the end: it ended
        ("a()\nc()\n", "```\na()\nb()\nc()\n```", "b"),  # added
        ("if a:\n    b()\n    c()\n", "```\nif a:\n    b()\nc()\n```", "c()"),  # moved
    ],
)
def test_the_parting_token_of_every_kind_of_change(original: str, answer: str, token: str) -> None:
    tokens = weighed(answer, (token, 0.2))
    assert confidence_of(answer, [hunk_of(original, answer)], tokens) is Confidence.UNSURE


def test_the_least_sure_of_several_hunks_counts() -> None:
    original, answer = "old = a\nb()\nc = old\n", "```\ntemp = a\nb()\nc = temp\n```"
    hunks = compare(original, extract(answer) or "", "python")
    assert not isinstance(hunks, Dropped)
    tokens = weighed(answer, ("temp", 0.4), ("temp", 0.99))
    assert confidence_of(answer, hunks, tokens) is Confidence.UNSURE
    assert confidence_of(answer, hunks[1:], tokens) is Confidence.CERTAIN


def test_without_its_tokens_a_change_is_likely() -> None:
    hunk = hunk_of(ORIGINAL, ANSWER)
    assert confidence_of(ANSWER, [hunk], ()) is Confidence.LIKELY
    assert confidence_of(ANSWER, [hunk], weighed("another " + ANSWER)) is Confidence.LIKELY
    assert confidence_of("no block", [hunk], weighed("no block")) is Confidence.LIKELY


@pytest.mark.parametrize(
    ("original", "rewritten", "rule", "title"),
    [
        ("if a < b:\n    c()\n", "if a <= b:\n    c()\n", "off-by-one", "Perhaps this should be: if a <= b:"),
        ("a()\nb()\nc()\n", "a()\nc()\n", "wrong-value", "Perhaps this should not be here"),
        ("a()\nb()\n", "a()\nd.e(b)\nb()\n", "wrong-value", "Perhaps this should be: d.e(b)"),
    ],
)
def test_an_unsure_change_is_told_in_its_own_words(
    original: str, rewritten: str, rule: str, title: str
) -> None:
    hunk = hunk_of(original, f"```\n{rewritten}```")
    claim = unsaid(hunk)
    assert (claim.rule, claim.title, claim.confidence) == (rule, title, Confidence.UNSURE)
    assert (claim.quote, claim.replacement) == (hunk.quote, hunk.replacement)


def test_the_words_of_an_unsure_change_are_bounded() -> None:
    claim = unsaid(hunk_of("a = 1\n", f"```\na = {' + '.join(['word'] * 50)}\n```"))
    assert len(claim.title) <= TITLE_LENGTH
    assert claim.title.endswith("…")


def test_an_answer_becomes_a_claim_whose_place_comes_from_the_diff() -> None:
    assert read_answer(json.dumps(GOOD), HUNK) == Claim(
        rule="wrong-value",
        start_line=7,
        quote="    return a - b",
        title="Subtracts instead of adding",
        trigger="add(1, 2) returns -1",
        severity=RULES["wrong-value"].severity,
        confidence=Confidence.LIKELY,
        replacement="    return a + b",
    )


def test_what_the_schema_cut_ends_with_a_whole_word() -> None:
    cut = {**GOOD, "title": ("word " * 20)[:80], "trigger": "x" * 160}
    claim = read_answer(json.dumps(cut), HUNK)
    assert isinstance(claim, Claim)
    assert claim.title == "word " * 14 + "word…"
    assert claim.trigger == "x" * 159 + "…"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "malformed-answer"),
        ("not json", "malformed-answer"),
        ("[]", "malformed-answer"),
        (json.dumps({**GOOD, "extra": 1}), "malformed-answer"),
        (json.dumps({**GOOD, "title": 1}), "malformed-answer"),
        (json.dumps({**GOOD, "rule": "no-such-rule"}), "unknown-rule"),
        (json.dumps({**GOOD, "trigger": " "}), "empty-claim"),
    ],
)
def test_a_bad_answer_is_dropped_with_its_reason(raw: str, reason: str) -> None:
    assert read_answer(raw, HUNK) == Dropped(reason)


@given(st.text(max_size=80))
def test_no_answer_raises(raw: str) -> None:
    assert isinstance(read_answer(raw, HUNK), Claim | Dropped)
