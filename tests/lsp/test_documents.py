from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.support.reviewing import FakeOutcome, finding, marked
from tests.support.texts import encodings, texts

from kibitz.lsp.documents import Change, Documents, path_of
from kibitz.text.lines import Encoding, LineIndex, Position
from kibitz.text.snapshot import TextChange
from kibitz.text.spans import Span

URI = "untitled:a.py"
U16 = Encoding.UTF16


def insert(line: int, character: int, text: str) -> TextChange:
    return TextChange((Position(line, character), Position(line, character)), text)


def test_an_older_or_equal_version_loses_the_document_until_its_whole_text_comes() -> None:
    documents = Documents()
    document = documents.open(URI, 5, "python", "one\n")
    assert documents.change(URI, 5, [insert(0, 0, "x")], U16) is Change.REFUSED
    assert documents.change(URI, 6, [insert(0, 0, "x")], U16) is Change.REFUSED
    assert (document.snapshot.text, document.synced) == ("one\n", False)
    assert documents.change(URI, 7, [TextChange(None, "two\n")], U16) is Change.APPLIED
    assert (document.synced, document.snapshot.version, document.snapshot.text) == (True, 7, "two\n")


def test_opening_again_brings_a_lost_document_back() -> None:
    documents = Documents()
    documents.open(URI, 5, "python", "one\n")
    documents.lose(URI)
    assert documents.open(URI, 1, "python", "three").synced


def test_only_what_comes_with_and_after_a_whole_text_brings_it_back() -> None:
    documents = Documents()
    document = documents.open(URI, 1, "python", "one\n")
    documents.lose(URI)
    changes = [insert(7, 7, "lost"), TextChange(None, "two\n"), insert(0, 0, "x")]
    assert documents.change(URI, 2, changes, U16) is Change.APPLIED
    assert document.snapshot.text == "xtwo\n"


def test_changes_of_documents_that_are_not_open_are_unknown() -> None:
    assert Documents().change(URI, 1, [], U16) is Change.UNKNOWN
    assert Documents().lose(URI) is Change.UNKNOWN
    assert Documents().close(URI) is None


def test_an_edit_inside_a_finding_leaves_it_on_what_is_left_and_others_move() -> None:
    documents = Documents()
    text = "a = bug1\nb = bug2\n"
    document = documents.open(URI, 1, "python", text)
    document.land(document.begin(), FakeOutcome(marked(text)), final=True)
    assert documents.change(URI, 2, [insert(0, 0, "# one line more\n")], U16) is Change.APPLIED
    assert documents.change(URI, 3, [insert(1, 5, "!")], U16) is Change.TOUCHED
    first, second = document.shown
    assert (first.touched, first.span.of(document.snapshot.text)) == (True, "ug1")
    assert (second.touched, second.span.of(document.snapshot.text)) == (False, "bug2")
    fix = second.finding.fix
    assert fix
    assert fix.span.of(document.snapshot.text) == "bug2"


def test_results_are_carried_through_what_was_typed_meanwhile() -> None:
    documents = Documents()
    text = "a = bug1\nb = bug2\n"
    document = documents.open(URI, 1, "python", text)
    run = document.begin()
    documents.change(URI, 2, [insert(0, 0, "😀\n"), insert(1, 5, "x")], U16)
    assert document.land(run, FakeOutcome(marked(text)), final=True)
    assert [(each.finding.quote, each.touched) for each in document.shown] == [
        ("bug1", True),
        ("bug2", False),
    ]
    assert document.reviewed is None, "what was typed is not reviewed"


def test_parts_without_an_answer_keep_what_was_found_there() -> None:
    documents = Documents()
    text = "a = bug1\nb = bug2\n"
    document = documents.open(URI, 1, "python", text)
    document.land(document.begin(), FakeOutcome(marked(text)), final=True)
    first, second = marked(text)
    silent = Span(text.index("b ="), len(text))
    document.land(document.begin(), FakeOutcome([], [silent]), final=True)
    assert document.findings == (second,)
    assert document.reviewed is None
    document.land(document.begin(), FakeOutcome([first]), final=True)
    assert document.findings == (first,)
    assert document.reviewed == document.snapshot.digest


def test_what_is_shown_early_takes_the_place_of_what_it_repeats() -> None:
    documents = Documents()
    text = "a = bug1\nb = bug2\n"
    document = documents.open(URI, 1, "python", text)
    document.land(document.begin(), FakeOutcome(marked(text)), final=True)
    _, second = marked(text)
    again = replace(marked(text)[0], title="The same in other words")
    run = document.begin()
    document.land(run, FakeOutcome([again], [Span(0, len(text))]), final=False)
    assert document.findings == (again, second), "what is not repeated yet may still come"
    document.land(run, FakeOutcome([again], [Span(0, len(text))]), final=True, failure="a cut")
    assert [(shown.finding, shown.stale) for shown in document.shown] == [(again, ""), (second, "a cut")]


def test_a_review_that_was_replaced_lands_nowhere() -> None:
    documents = Documents()
    document = documents.open(URI, 1, "python", "bug")
    old = document.begin()
    new = document.begin()
    assert not document.land(old, FakeOutcome(marked("bug")), final=True)
    documents.close(URI)
    assert not document.land(new, FakeOutcome(marked("bug")), final=True)
    assert document.findings == ()


def test_a_change_that_changes_nothing_keeps_the_review() -> None:
    documents = Documents()
    document = documents.open(URI, 1, "python", "bug")
    document.land(document.begin(), FakeOutcome(marked("bug")), final=True)
    documents.change(URI, 2, [TextChange(None, "bug")], U16)
    assert document.reviewed == document.snapshot.digest
    assert document.snapshot.version == 2


def test_a_finding_whose_text_is_not_there_is_not_shown() -> None:
    documents = Documents()
    document = documents.open(URI, 1, "python", "good text")
    document.land(document.begin(), FakeOutcome([finding("a bug", "bug", "x")]), final=True)
    assert document.findings == ()


@given(texts, texts, st.data())
def test_carried_findings_stand_on_their_own_text(before: str, after: str, data: st.DataObject) -> None:
    text = before + "BUG" + after
    documents = Documents()
    document = documents.open(URI, 0, "python", text)
    document.land(document.begin(), FakeOutcome([finding(text, "BUG", "y")]), final=True)
    encoding = data.draw(encodings)
    for version in range(1, 4):
        size = len(document.snapshot.text)
        ends = sorted(data.draw(st.tuples(st.integers(0, size), st.integers(0, size))))
        index = LineIndex(document.snapshot.text)
        where = (index.position(ends[0], encoding), index.position(ends[1], encoding))
        documents.change(URI, version, [TextChange(where, data.draw(texts))], encoding)
        for shown in document.shown:
            there = shown.span.of(document.snapshot.text)
            assert there in shown.finding.quote
            assert shown.touched or there == shown.finding.quote


def test_paths_of_uris() -> None:
    assert path_of("file:///a%20b/c%C3%A9.py") == "/a b/cé.py"
    assert path_of("file:///c%3A/x.py") == "c:/x.py"
    assert path_of("file://host/share/x.py") == "//host/share/x.py"
    assert path_of("untitled:Untitled-1") is None
    assert path_of("file://[") is None


def test_languages_by_id_then_by_name() -> None:
    documents = Documents()

    def language(uri: str, language_id: str, text: str = "") -> str | None:
        return documents.open(uri, 1, language_id, text).language

    assert language("file:///x.py", "python") == "python"
    assert language("file:///x", "sh") == "shellscript"
    assert language("file:///x.rs", "") == "rust"
    assert language("file:///x.py", "plaintext") == "python"
    assert language("untitled:Untitled-1", "go") == "go"
    assert language("file:///tool", "conf", "#!/usr/bin/env python3\n") == "python"
    assert language("file:///README.md", "markdown") is None
    assert language("git:/x.py", "python") is None
