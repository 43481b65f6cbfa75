from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.findings.dialogue import Token, Turn
from kibitz.findings.forks import EVIDENCE, MOST, Fork, continuation, evidence, forks, resumed
from kibitz.findings.infill import Gap
from kibitz.findings.rewrite import rewrite_request

TEXT = "def é(a, b):\n    c = a - b\n    return c\n"


def tokens(answer: str, *weighed: tuple[str, str, float]) -> list[Token]:
    """The tokens of an answer: each weighed one, and what stands between; with what could stand instead."""
    found, rest = [], answer
    for text, other, probability in weighed:
        before, rest = rest.split(text, 1)
        found += [Token(byte.to_bytes(), -0.01) for byte in before.encode()]
        found.append(Token(text.encode(), -0.5, (Token(other.encode(), math.log(probability)),)))
    return [*found, Token(rest.encode(), -0.01)]


def forks_of(*weighed: tuple[str, str, float], text: str = TEXT, copy: str = TEXT) -> list[tuple[str, str]]:
    """The lines up to the forks, and the other token."""
    answer = f"Here:\n```python\n{copy}```\n"
    found = forks(text, answer, tokens(answer, *weighed), "python")
    return [(fork.gap.begun, fork.gap.new) for fork in found]


def test_a_fork_is_a_gap_and_the_answer_up_to_it() -> None:
    answer = f"```python\n{TEXT}```"
    (fork,) = forks(TEXT, answer, tokens(answer, (" -", " +", 0.3)), "python")
    assert fork.gap == Gap("def é(a, b):\n", "    return c\n", "    c = a", " -", " +")
    assert fork.begun == "```python\ndef é(a, b):\n    c = a +"
    assert fork.rest == "\n    return c\n```"
    assert fork.probability == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("token", "other", "probability"),
    [
        (" -", " +", 0.05),  # not probable enough
        (" -", "  -", 0.9),  # the same but for spacing
        (" b\n", " b", 0.9),
        (" c\n", " ", 0.9),
        (" c\n", "\n", 0.9),
        (" -", " # minus", 0.9),  # a comment
        (" a", " a\n", 0.9),
        ("Here", "There", 0.9),  # not in the code
        (" é", " f", 0.9),  # the name of something new
        (" return", " print", 0.9),  # the beginning of a line
    ],
)
def test_what_is_no_other_code_is_no_fork(token: str, other: str, probability: float) -> None:
    assert forks_of((token, other, probability)) == []


def test_the_most_probable_forks_are_looked_at() -> None:
    weighed = [("(", "[", 0.11), (" b", " x", 0.2), (" a", " y", 0.3), (" -", " +", 0.15), (" b", " z", 0.4)]
    found = forks_of(*weighed)
    assert len(found) == MOST
    assert [new for _, new in found] == [" z", " y", " x"]


def test_a_line_that_was_moved_to_the_left_is_told_as_it_stands() -> None:
    method, moved = "    def m(a):\n        return a - 1\n", "def m(a):\n    return a - 1\n"
    assert forks_of((" -", " +", 0.3), text=method, copy=moved) == [("        return a", " +")]
    assert forks_of(("return", "yield", 0.3), text=method, copy=moved) == []


def test_a_line_that_is_not_the_originals_has_no_forks() -> None:
    assert forks_of((" -", " +", 0.3), copy=TEXT.replace("a, b", "b, a").replace("a - b", "b - a")) == []
    assert forks_of((" -", " +", 0.3), text="x\n") == []


def test_without_all_its_tokens_an_answer_has_no_forks() -> None:
    answer = f"```python\n{TEXT}```"
    known = tokens(answer, (" -", " +", 0.3))
    assert forks(TEXT, answer, (), "python") == ()
    assert forks(TEXT, answer, known[1:], "python") == ()
    assert forks(TEXT, "no block", [Token(b"no block", 0.0)], "python") == ()


def test_half_a_character_is_no_fork() -> None:
    answer = "```\na = 'é'\n```"
    split = [
        Token(b"```\na = '", 0.0),
        Token(b"\xc3", -0.5, (Token(b"\xc4", -0.5),)),
        Token(b"\xa9'\n```", 0.0),
    ]
    assert forks("a = 'é'\n", answer, split, "python") == ()


def test_the_gap_makes_up_for_how_improbable_the_other_token_was() -> None:
    gap = Gap("", "", "", "-", "+")
    assert evidence(Fork(gap, "", "", 0.34), 4.9) > EVIDENCE
    assert evidence(Fork(gap, "", "", 0.11), 5.2) < EVIDENCE


def test_a_rewrite_is_taken_up_again_for_the_rest_of_its_line() -> None:
    asked = rewrite_request(TEXT, "python")
    fork = Fork(Gap("", "", "", "-", "+"), "```\nc = a +", "\nreturn c\n```", 0.3)
    again = continuation(asked, fork)
    assert again.turns == (*asked.turns, Turn("assistant", "```\nc = a +"))
    assert (again.instructions, again.stop) == (asked.instructions, "\n")
    for said in (" b", "```\nc = a + b", " b\nand more"):
        assert resumed(fork, said) == "```\nc = a + b\nreturn c\n```"


@given(
    text=st.text(max_size=60),
    language=st.sampled_from(["python", "c", "plaintext"]),
    cuts=st.lists(st.integers(0, 80), max_size=8),
    others=st.lists(st.tuples(st.binary(max_size=5), st.floats(-3, 1)), max_size=3),
)
def test_any_answer_has_forks_that_are_parts_of_it(
    text: str, language: str, cuts: list[int], others: list[tuple[bytes, float]]
) -> None:
    answer = f"```\n{text}\n```"
    said = answer.encode("utf-8", "surrogatepass")
    bounds = sorted({0, len(said), *(cut for cut in cuts if cut < len(said))})
    instead = tuple(Token(other, logprob) for other, logprob in others)
    parts = [Token(said[a:b], -1.0, instead) for a, b in pairwise(bounds)]
    found = forks(text, answer, parts, language)
    assert len(found) <= MOST
    for fork in found:
        assert answer.startswith(fork.begun.removesuffix(fork.gap.new))
        assert answer.endswith(fork.rest)
        assert 0.1 <= fork.probability <= 1
