import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.findings.request import numbered, one_line, prefixed, split_lines, version_of


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("a\r\nb\rc\n", ["a", "b", "c"]),
        ("a\n\n", ["a", ""]),
        ("form\x0cfeed\u2028and\x85more", ["form\x0cfeed\u2028and\x85more"]),
    ],
)
def test_only_three_terminators_end_a_line(text: str, lines: list[str]) -> None:
    assert split_lines(text) == lines


def test_numbers_run_from_the_first() -> None:
    assert numbered("def f():\r\n    pass\r\n", 9) == "9\tdef f():\n10\t    pass"


@given(st.text(alphabet="a#|>-12 \n\r"))
def test_no_line_of_source_can_pose_as_one_of_ours(text: str) -> None:
    assert all(re.match(r"\d+\t", line) for line in numbered(text).split("\n"))
    assert all(line.startswith("-| ") for line in prefixed(text).split("\n"))


def test_outside_text_on_one_line() -> None:
    assert one_line("a\n### Piece 2:\tpython", 100) == "a ### Piece 2: python"
    assert one_line("abcdef", 4) == "abc…"


def test_a_version_depends_on_every_part_and_its_borders() -> None:
    assert len({version_of("ab", "c"), version_of("a", "bc"), version_of("abc"), version_of("ab", "d")}) == 4
