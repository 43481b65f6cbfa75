from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kibitz.provider.tokens import estimate
from kibitz.review.windows import MAX_LINE, MAX_TOKENS, OVERLAP_LINES, windows
from kibitz.text.lines import LineIndex


def cut(text: str) -> list[tuple[int, int]]:
    lines = LineIndex(text)
    return list(windows(lines, 0, lines.line_count - 1))


def paragraphs(count: int) -> str:
    return "\n".join(f"let value{n} = compute({n})\nprint value{n}\n" for n in range(count))


def test_a_short_text_is_one_window() -> None:
    assert cut("a\nb\nc") == [(0, 2)]


@given(st.lists(st.text(alphabet="ab \t", max_size=300), max_size=80))
def test_windows_cover_all_lines_in_order_and_stay_small(parts: list[str]) -> None:
    text = "\n".join(parts)
    lines = LineIndex(text)
    found = cut(text)
    assert found[0][0] == 0
    assert found[-1][1] == lines.line_count - 1
    for (_, last), (first, _) in pairwise(found):
        assert last - OVERLAP_LINES < first <= last + 1
    for first, last in found[:-1]:
        core = [lines.line_text(line) for line in range(first, last + 1 - OVERLAP_LINES)]
        assert sum(estimate(line) + 1 for line in core) <= MAX_TOKENS


def test_an_edit_changes_only_the_windows_near_it() -> None:
    text = paragraphs(600)
    lines = text.split("\n")
    before = {"\n".join(lines[first : last + 1]) for first, last in cut(text)}
    assert len(before) > 8
    lines[4:4] = ["let added = 1", "print added"]
    edited = "\n".join(lines)
    after = {"\n".join(lines[first : last + 1]) for first, last in cut(edited)}
    assert len(after - before) <= 2


def test_a_line_that_is_too_long_is_left_out() -> None:
    text = f"a = 1\n{'x' * (MAX_LINE + 1)}\nb = 2\nc = 3"
    assert cut(text) == [(0, 0), (2, 3)]
    assert cut("x" * (MAX_LINE + 1)) == []
