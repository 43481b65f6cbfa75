"""Limits of the redaction, each from both sides."""

from __future__ import annotations

import itertools

import pytest

from kibitz.guard import redact as module
from kibitz.guard.redact import MIN_LENGTH, Refused, environment_secrets, home_folder, redact

KEY = "ghp_0123456789abcdefghijABCDEFGHIJ012345"


def test_a_word_of_the_code_that_is_the_beginning_of_a_tag_is_nobodys() -> None:
    redacted = redact(f"LONG = 'REDACTED_SECRET_1_'\ntoken = '{KEY}'\n")
    assert "'REDACTED_SECRET_1_XXX" in redacted.text
    assert redacted.restore("LONG = 'REDACTED_SECRET_1_'") is None


@pytest.mark.parametrize(("length", "hidden"), [(MIN_LENGTH - 1, False), (MIN_LENGTH, True)])
def test_the_shortest_literal(length: int, *, hidden: bool) -> None:
    literal = "q1w2e3r4"[:length]
    assert (literal not in redact(f"x = {literal} + 1", literals=[literal]).text) is hidden


def test_literals_in_each_other_are_hidden_whole_in_any_order() -> None:
    literals = ["abc123", "abc123def456", "23def4"]
    for order in itertools.permutations(literals):
        assert redact("x = abc123def456 + 1", literals=order).text == "x = RDCT1XXXXXXX + 1"


def test_the_longest_short_tag_and_the_shortest_long_one() -> None:
    assert redact("x = '" + "q" * 18 + "'", literals=["q" * 18]).text == "x = 'RDCT1" + "X" * 13 + "'"
    assert redact("x = '" + "q" * 19 + "'", literals=["q" * 19]).text == "x = 'REDACTED_SECRET_1_X'"


@pytest.mark.parametrize(("size", "refused"), [(module._SMALL, False), (module._SMALL + 1, True)])
def test_a_snippet_that_is_mostly_a_key_is_code_and_a_file_is_not(size: int, *, refused: bool) -> None:
    text = (f"{KEY}\n" * 100)[: size - 1] + "\n"
    assert len(text) == size
    if refused:
        with pytest.raises(Refused) as caught:
            redact(text)
        assert caught.value.reason == "mostly-secret"
    else:
        assert KEY not in redact(text).text


def test_a_text_in_which_no_tag_is_free_is_not_sent() -> None:
    taken = "\n".join(f"RDCT{number}X" for number in range(1, 200))
    with pytest.raises(Refused) as caught:
        redact(f"{taken}\nx = abcdef\n", literals=["abcdef"])
    assert caught.value.reason == "too-many-secrets"
    assert str(caught.value) == "no tag is left that the text does not hold itself, so it is not sent"


def test_what_is_hidden_and_not_restored_is_full_of_capitals() -> None:
    text = "K = '''-----BEGIN PRIVATE KEY-----\n" + "a1" * 20 + "\nab\n-----END PRIVATE KEY-----'''\nx = 1\n"
    assert redact(text).text.split("\n")[1:3] == ["REDACTED_SECRET_LINES_" + "X" * 18, "RE"]


def test_the_clock_that_is_given_is_asked() -> None:
    ticks = iter(range(100_000))
    with pytest.raises(Refused):
        redact("token = 1\n" * 10, clock=lambda: float(next(ticks)))


@pytest.mark.parametrize(
    ("value", "counts"),
    [("a" * 11, False), ("a" * 12, True), ("~/.ssh/id_long_name", False), ("/etc/x/y/zzzz", False)],
)
def test_values_of_variables(value: str, *, counts: bool) -> None:
    assert environment_secrets({"MY_TOKEN": value}) == ((value,) if counts else ())


def test_homes() -> None:
    assert home_folder({"HOME": "c:\\Users\\bob"}) == ("c:\\Users\\bob",)
    assert home_folder({"HOME": "", "USERPROFILE": "/home/b/c"}) == ("/home/b/c",)
    assert home_folder({}) == ()
    assert home_folder({"HOME": "XXXX"}) == ()


def test_too_many_secrets_says_what_to_do() -> None:
    text = "".join(f"k{n} = 'ghp_{n:02}234567890abcdefghijABCDEFGHIJ01234'\n" for n in range(30))
    with pytest.raises(Refused, match="; move them out of the code, or exclude the file"):
        redact(text)
