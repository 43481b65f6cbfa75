from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.evaluation.mutating import mutations
from kibitz.evaluation.pairs import PairsError
from kibitz.findings.rules import RULES

CODE = '''async def pick(items, limit):
    """Ünïcode before all columns: they count bytes."""
    if limit <= 0 or not items: return "ä"
    if "é" not in items:
        await save(items, limit)
    text = f"{limit - 1}"
    return [item for item in items if item is not None][: limit + 1], text
'''


def test_each_known_change_is_made_where_it_stands() -> None:
    changed = {
        after.strip()
        for each in mutations(CODE)
        for before, after in zip(CODE.splitlines(), each.of(CODE).splitlines(), strict=True)
        if before != after
    }
    assert changed == {
        'if limit < 0 or not items: return "ä"',
        'if limit <= 1 or not items: return "ä"',
        "if limit <= 0 or not items: return None",
        'if False: return "ä"',
        'if "é" in items:',
        "if False:",
        "save(items, limit)",
        "await save(limit, items)",
        "return [item for item in items if item is None][: limit + 1], text",
        "return [item for item in items if item is not None][: limit - 1], text",
        "return [item for item in items if item is not None][: limit + 2], text",
        "return None",
    }


def test_each_is_one_small_change_under_a_rule_that_there_is() -> None:
    for each in mutations(CODE):
        assert each.rule in RULES
        assert each.note
        ast.parse(each.of(CODE))


@pytest.mark.parametrize("code", ["def f(:\n", "\0", "(" * 5000])
def test_what_does_not_parse_is_told(code: str) -> None:
    with pytest.raises(PairsError, match="not Python that can be parsed"):
        mutations(code)


NAMES = st.sampled_from(["a", "ö", "f(1, b)", "(a  # ==\n    )", "[0]", "'<'"])
OPERATORS = st.sampled_from(["<", "<=", "==", "is not", "not in", "+", "-", "*", "//", "%"])


@given(NAMES, OPERATORS, NAMES)
def test_a_change_leaves_code_that_parses(left: str, operator: str, right: str) -> None:
    code = f"def g(a, ö, b):\n    return {left} {operator} {right}\n"
    for each in mutations(code):
        assert each.of(code) != code
        ast.parse(each.of(code))
