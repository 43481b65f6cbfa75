from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.findings.difference import Hunk
from kibitz.findings.kinds import EVERY, plausible
from kibitz.findings.rules import RULES


@pytest.mark.parametrize(
    ("old", "new", "first"),
    [
        ("if a > b:", "if a >= b:", "off-by-one"),
        ("for (i = 0; i <= n; i++) {", "for (i = 0; i < n; i++) {", "off-by-one"),
        ("xs[a:a + n - 1]", "xs[a:a + n]", "off-by-one"),
        ("x = values[len - i]", "x = values[len - 1 - i]", "off-by-one"),
        ("if a > b:", "if a < b:", "inverted-condition"),
        ("if a == b:", "if a != b:", "inverted-condition"),
        ("if a in b:", "if a not in b:", "inverted-condition"),
        ("return a && b;", "return a || b;", "inverted-condition"),
        ("return x.isEmpty();", "return !x.isEmpty();", "inverted-condition"),
        ("x = f()", "x = await f()", "missing-await"),
        ("return a == b;", "return a.equals(b);", "api-misuse"),
        ("def f(x, xs=[]):", "def f(x, xs=None):", "shared-mutable"),
        ("m.get(k) + 1", "m.getOrDefault(k, 0) + 1", "null-dereference"),
        ("return user.name;", "return user?.name;", "null-dereference"),
        ("defer mu.Lock()", "defer mu.Unlock()", "deadlock"),
        ("min(a, b)", "max(a, b)", "wrong-value"),
        ("total = x", "total += x", "wrong-value"),
        ("if (a = 1) {", "if (a == 1) {", "wrong-value"),
        ("        return True", "    return True", "wrong-return"),
    ],
)
def test_a_change_tells_what_it_is_about(old: str, new: str, first: str) -> None:
    assert plausible(Hunk(1, old, new))[0] == first


@given(st.text(max_size=40), st.text(max_size=40))
def test_there_is_always_a_rule(old: str, new: str) -> None:
    codes = plausible(Hunk(1, old, new))
    assert codes
    assert set(codes) <= set(RULES)


def test_what_nothing_tells_is_left_to_the_model() -> None:
    assert plausible(Hunk(1, "open(path)", "with open(path) as f:\n    read(f)")) == EVERY
