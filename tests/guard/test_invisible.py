from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.guard.invisible import introduces_invisible, introduces_script, strip_invisible

HIDDEN = (
    *("\x00", "\x08", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\x9f", "\u00ad", "\u034f", "\u061c", "\u115f"),
    *("\u17b4", "\u180e", "\u200b", "\u200d", "\u200f", "\u2028", "\u202a", "\u202e", "\u2060", "\u2066"),
    *("\u2069", "\u206f", "\u2800", "\u3164", "\ufe0f", "\ufeff", "\uffa0", "\ufff9", "\ud800", "\udfff"),
    *("\U0001d173", "\U000e0041", "\U000e01ef"),
)


@pytest.mark.parametrize("character", HIDDEN)
def test_each_hidden_character_is_seen(character: str) -> None:
    assert introduces_invisible("abc", f"a{character}bc")
    assert not introduces_invisible(f"x{character}", f"{character}y")
    assert introduces_invisible(f"x{character}", f"{character}y{character}")
    assert character not in strip_invisible(f"a{character}b")


@pytest.mark.parametrize("character", ["\t", "\n", "\r", " ", "é", "😀", "\u4e2d", "\u00a0", "\u2026"])
def test_what_is_seen_is_let_through(character: str) -> None:
    assert not introduces_invisible("", character)
    assert strip_invisible(character) == character


@given(st.text(st.characters() | st.sampled_from(HIDDEN)), st.text(st.characters() | st.sampled_from(HIDDEN)))
def test_stripped_text_introduces_nothing(old: str, new: str) -> None:
    assert not introduces_invisible(old, strip_invisible(new))
    assert not introduces_invisible(new, new)
    assert not introduces_invisible(old + new, new)


def test_terminal_commands_go_as_a_whole() -> None:
    assert strip_invisible("a\x1b[1;31mb\x1b]0;title\x07c\x1bMd") == "abcd"


@pytest.mark.parametrize(
    ("known", "new", "foreign"),
    [
        ("x = 1", "x = 2", False),
        ("x = 1", "x = 'é'", False),
        ("x = 1", "\u0445 = 1", True),  # CYRILLIC SMALL LETTER HA
        ("имя", "\u0445 = 1", False),
        ("x = 1", "\uff58 = 1", True),  # FULLWIDTH
        ("x = 1", "\U0001d431 = 1", True),  # MATHEMATICAL BOLD
        ("x = 1", "π = 3", True),
        ("x = 1", "'😀 →'", False),
    ],
)
def test_scripts(known: str, new: str, *, foreign: bool) -> None:
    assert introduces_script(known, new) is foreign


def test_a_large_text_takes_no_time() -> None:
    text = "value = compute('é')\n" * 5000
    began = time.process_time()
    assert not introduces_invisible(text, text + "x")
    # Takes about 2 ms; single characters instead of ranges would take hundreds.
    assert time.process_time() - began < 0.2
