from __future__ import annotations

import pytest

from kibitz.lsp.capabilities import Client
from kibitz.lsp.edits import workspace_edit
from kibitz.provider.models import Edit
from kibitz.text.snapshot import Snapshot
from kibitz.text.spans import Span

URI = "file:///a.py"
TEXT = 'a = 1\nb = "é" + c\n'


def made(
    start: int, end: int, text: str = TEXT, *, versioned: bool = False
) -> tuple[int, int, int, int, str]:
    edit = Edit(span=Span(start, end), old_text=text[start:end], new_text="new", needs_review=False)
    made = workspace_edit([edit], Snapshot(URI, 1, "python", text), Client(versioned_edits=versioned))
    if versioned:
        assert made.document_changes
        (one,) = made.document_changes[0].edits  # type: ignore[union-attr]  # no files are made or moved
    else:
        assert made.changes
        (one,) = made.changes[URI]
    where = one.range
    return (where.start.line, where.start.character, where.end.line, where.end.character, one.new_text)  # type: ignore[union-attr]  # nor are there snippets


def test_for_old_clients_whole_lines_end_where_the_next_begins() -> None:
    assert made(6, 17) == (1, 0, 2, 0, "new\n")
    assert made(0, 17) == (0, 0, 2, 0, "new\n")


@pytest.mark.parametrize(
    ("start", "end", "text"), [(10, 17, TEXT), (6, 13, TEXT), (6, 17, TEXT[:-1]), (6, 17, TEXT[:-1] + "\r\n")]
)
def test_other_ranges_are_as_they_are(start: int, end: int, text: str) -> None:
    assert made(start, end, text) == (1, start - 6, 1, end - 6, "new")


def test_newer_clients_get_the_range_itself() -> None:
    assert made(6, 17, versioned=True) == (1, 0, 1, 11, "new")
