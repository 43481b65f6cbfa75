from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.reviewing import finding

from kibitz.findings.finding import Fix
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


OLD, NEW = "    x = bug1\n", "    x = 1\n    y = 2\n"
FIX = Fix(Span(0, len(OLD)), OLD, NEW)


@pytest.mark.parametrize(
    ("start", "end", "new"),
    [
        (0, len(OLD), NEW),  # as it is offered
        (8, 12, "1\n    y = 2"),  # as an editor may make it: only what differs
    ],
)
def test_a_finding_goes_once_its_fix_stands_there(start: int, end: int, new: str) -> None:
    begins, ends = "if a:\n", "z = 3\n"
    text = begins + OLD + ends
    before = Shown(replace(finding(text, "x = bug1"), fix=FIX.shift(len(begins))))
    edited, edit = replaced(text, len(begins) + start, len(begins) + end, new)
    assert edited == begins + NEW + ends
    assert carry([before], [edit], edited) == ()


def test_half_a_fix_leaves_the_finding_to_be_re_checked() -> None:
    before = Shown(replace(finding(OLD, "x = bug1"), fix=FIX))
    edited, edit = replaced(OLD, 8, 12, "1")
    (after,) = carry([before], [edit], edited)
    assert after.touched
