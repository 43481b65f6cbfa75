from __future__ import annotations

from dataclasses import replace

import pytest

from kibitz.findings.finding import Confidence, Finding, Fix, Severity
from kibitz.lsp.documents import Documents
from kibitz.lsp.fates import REMEMBERED, Fates
from kibitz.lsp.shown import Shown
from kibitz.telemetry.catalogue import Metrics
from kibitz.text.lines import Encoding, Position
from kibitz.text.snapshot import TextChange
from kibitz.text.spans import Span

CODE = "def mean(values):\n    return sum(values) / 0\n"
QUOTE, MENDED = "return sum(values) / 0", "return sum(values) / len(values)"
AT = CODE.index(QUOTE)


def finding(new: str = MENDED, rule: str = "division-by-zero") -> Finding:
    span = Span(AT, AT + len(QUOTE))
    return Finding(
        rule=rule,
        severity=Severity.ERROR,
        confidence=Confidence.CERTAIN,
        title="It divides by zero",
        trigger="mean([1])",
        span=span,
        quote=QUOTE,
        fix=Fix(span, QUOTE, new),
    )


class Editor:
    """One open document, and what is counted of it."""

    def __init__(self, *findings: Finding) -> None:
        self.metrics = Metrics()
        self.fates = Fates(self.metrics.findings)
        self._documents = Documents()
        self.document = self._documents.open("file:///a.py", 1, "python", CODE)
        self.document.shown = tuple(map(Shown, findings))
        self.fates.look(self.document)

    def type(self, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
        version = self.document.snapshot.version + 1
        change = TextChange((Position(*start), Position(*end)), text)
        self._documents.change(self.document.uri, version, [change], Encoding.UTF16)
        self.fates.look(self.document)

    def reviewed(self, *findings: Finding) -> None:
        self.document.shown = tuple(map(Shown, findings))
        self.fates.look(self.document)

    @property
    def counted(self) -> dict[str, float]:
        return {fate: number for (_, fate), number in self.metrics.findings.family().numbers.items()}


def test_what_is_shown_counts_once_however_often_it_is_published() -> None:
    editor = Editor(finding())
    editor.fates.look(editor.document)
    editor.type((0, 0), (0, 0), "# A comment.\n")
    assert editor.metrics.findings.family().numbers == {("division-by-zero", "shown"): 1}


@pytest.mark.parametrize(
    "edits",
    [
        [((1, 4), (1, 26), MENDED)],  # as it is in the action (VS Code)
        [((1, 25), (1, 26), "len(values)")],  # only what differs (Neovim, Emacs)
        [((1, 26), (1, 26), "len(values)"), ((1, 25), (1, 26), "")],  # in steps
    ],
)
def test_a_fix_that_was_made_counts_however_the_editor_made_it(
    edits: list[tuple[tuple[int, int], tuple[int, int], str]],
) -> None:
    editor = Editor(finding())
    for start, end, text in edits:
        editor.type(start, end, text)
    editor.reviewed()
    assert editor.counted == {"shown": 1, "fixed": 1}


def test_a_fix_counts_although_what_it_replaced_stands_elsewhere_too() -> None:
    editor = Editor(finding())
    editor.type((0, 0), (0, 0), f"def none():\n    {QUOTE}\n\n\n")
    editor.type((5, 25), (5, 26), "len(values)")
    editor.reviewed()
    assert editor.counted == {"shown": 1, "fixed": 1}


def test_it_is_not_fixed_by_what_stands_elsewhere() -> None:
    editor = Editor(finding())
    editor.type((0, 0), (0, 0), f"def other(values):\n    {MENDED}\n\n\n")
    editor.reviewed()
    assert editor.counted == {"shown": 1}


def test_a_fix_that_deletes_counts_when_nothing_is_left() -> None:
    editor = Editor(finding(new=""))
    editor.type((1, 0), (2, 0), "")
    editor.reviewed()
    assert editor.counted == {"shown": 1, "fixed": 1}


def test_what_goes_in_another_way_is_not_fixed() -> None:
    editor = Editor(finding(), finding(rule="other"))
    editor.type((1, 4), (1, 26), "return statistics.mean(values)")
    editor.reviewed()
    assert editor.metrics.findings.family().numbers == {
        ("division-by-zero", "shown"): 1,
        ("other", "shown"): 1,
    }


def test_without_a_fix_nothing_is_fixed() -> None:
    editor = Editor(replace(finding(), fix=None))
    editor.type((1, 4), (1, 26), MENDED)
    editor.reviewed()
    assert editor.counted == {"shown": 1}


def test_what_is_dismissed_counts_once() -> None:
    editor = Editor(finding())
    for _ in range(2):
        editor.document.shown, editor.document.dismissed = (), (Shown(finding(), dismissed="no"),)
        editor.fates.look(editor.document)
        editor.document.shown, editor.document.dismissed = (Shown(finding()),), ()
        editor.fates.look(editor.document)
    assert editor.counted == {"shown": 1, "dismissed": 1}


def test_closing_a_document_is_no_fate() -> None:
    editor = Editor(finding())
    editor.document.forget()
    editor.fates.forget(editor.document.uri)
    editor.fates.look(editor.document)
    assert editor.counted == {"shown": 1}
    assert not editor.fates._shown


def test_what_it_remembers_is_bounded() -> None:
    editor = Editor()
    for number in range(REMEMBERED + 10):
        editor.reviewed(replace(finding(), title=str(number)))
    assert len(editor.fates._counted) == REMEMBERED
    assert len(editor.fates._shown) == 1
