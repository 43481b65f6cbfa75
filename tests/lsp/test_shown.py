from __future__ import annotations

import pytest
from tests.support.reviewing import finding

from kibitz.lsp.shown import Shown, carry
from kibitz.text.remap import Replacement
from kibitz.text.spans import Span

LINE = "x = bug1"


def replaced(text: str, start: int, end: int, new: str) -> tuple[str, Replacement]:
    return text[:start] + new + text[end:], Replacement(Span(start, end), len(new))


@pytest.mark.parametrize("at", range(len(LINE)))
def test_what_is_rubbed_out_and_typed_again_is_as_it_was(at: int) -> None:
    text = f"    {LINE}\n"
    before = Shown(finding(text, LINE))
    without, rubbed_out = replaced(text, 4 + at, 5 + at, "")
    (touched,) = carry([before], [rubbed_out], without)
    assert touched.touched
    again, typed = replaced(without, 4 + at, 4 + at, LINE[at])
    assert again == text
    assert carry([touched], [typed], again) == (before,)


def test_a_touched_finding_does_not_go_over_to_an_equal_line_beside_it() -> None:
    text = f"{LINE}\n{LINE}\n"
    second = Shown(finding(text, LINE).shift(len(LINE) + 1))
    edited, edit = replaced(text, len(LINE) + 1, len(LINE) + 2, "")
    (carried,) = carry([second], [edit], edited)
    assert carried.touched
    assert carried.span.start > len(LINE)


def test_what_was_found_in_two_equal_lines_is_one_finding_in_the_one_that_is_left() -> None:
    text = f"{LINE}\n{LINE}\n"
    both = [Shown(finding(text, LINE)), Shown(finding(text, LINE).shift(len(LINE) + 1))]
    gone, clearing = replaced(text, 0, len(text), "~")
    again, typing = replaced(gone, 0, 1, LINE)
    assert [each.span for each in carry(both, [clearing, typing], again)] == [Span(0, len(LINE))]
