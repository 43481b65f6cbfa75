from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest
from benchmarks.economy import CACHE_STEP, Asked, Ledger, Tokens, edits, limits, states

TEXT = """def a(x):
    if x == 1:
        return 2
def b(x):
    while x == 3:
        x += 1
    y = x == 4
"""


@dataclass
class Letters:
    """A letter is a token."""

    def of(self, text: str) -> int:
        return len(text)


def test_edits_turn_comparisons_round_and_are_undone() -> None:
    changed = edits(TEXT, 2)
    assert changed == [
        (1, "    if x != 1:  # BUG: != => =="),
        (4, "    while x != 3:  # BUG: != => =="),
    ]
    first, undone, second, last = states(TEXT, changed)
    assert undone == last == TEXT
    assert first == TEXT.replace("    if x == 1:", changed[0][1])
    assert second == TEXT.replace("    while x == 3:", changed[1][1])
    with pytest.raises(AssertionError, match="only 2"):
        edits(TEXT, 3)


def test_what_a_request_begins_with_as_one_before_is_cached_from_some_length_on() -> None:
    ledger = Ledger(cast("Tokens", Letters()))
    long, short = "i" * 1200, "i" * 900
    ledger.enter(long, "{}", "### Piece 1: a\none", "three")
    assert ledger.turn() == Asked(1, instructions=1200, schema=2, code=18, answers=5, units=1)
    ledger.enter(long, "{}", "two", "")
    assert ledger.turn() == Asked(
        1, instructions=1200, schema=2, code=3, cached=1202 // CACHE_STEP * CACHE_STEP
    )
    ledger.enter(short, "{}", "x", "")
    assert ledger.turn().cached == 0, "it is too short for a cache"


def test_limits_compare_with_the_least_that_a_whole_file_takes() -> None:
    ours = Asked(4, instructions=90, schema=5, code=5)
    least = Asked(8, code=2_999, answers=1)
    both = {"kibitz": ours, "whole file, nothing else": least}
    assert all(each["kept"] for each in limits(both).values())
    ours.code += 1
    ours.requests += 1
    assert not any(each["kept"] for each in limits(both).values())
