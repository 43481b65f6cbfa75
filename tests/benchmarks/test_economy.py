from __future__ import annotations

import pytest
from benchmarks.ai_lsp import AI_LSP
from benchmarks.economy import BARE, OURS, edits, limits, states
from benchmarks.tokens import Asked

TEXT = """def a(x):
    if x == 1:
        return 2
def b(x):
    while x == 3:
        x += 1
    y = x == 4
"""


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


@pytest.mark.parametrize(
    ("others", "against"),
    [
        ({AI_LSP: Asked(8, code=2_999, answers=1), BARE: Asked(1, code=1)}, AI_LSP),
        ({BARE: Asked(8, code=2_999, answers=1)}, BARE),
    ],
)
def test_limits_compare_with_ai_lsp_or_else_with_the_least_that_a_whole_file_takes(
    others: dict[str, Asked], against: str
) -> None:
    ours = Asked(4, instructions=90, schema=5, code=5)
    found = limits({OURS: ours, **others})
    assert set(found) == {f"tokens, of {against}", f"requests, of {against}"}
    assert all(each["kept"] for each in found.values())
    ours.code += 1
    ours.requests += 1
    assert not any(each["kept"] for each in limits({OURS: ours, **others}).values())
