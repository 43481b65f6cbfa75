from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st
from tests.support.texts import encodings, naive_offset, texts

from kibitz.text.lines import Encoding, LineIndex, Position
from kibitz.text.remap import Replacement, remap_all
from kibitz.text.snapshot import Snapshot, TextChange
from kibitz.text.spans import Span

positions = st.builds(Position, st.integers(0, 12), st.integers(0, 20))
changes = st.builds(TextChange, st.none() | st.tuples(positions, positions), texts)


def snapshot(text: str) -> Snapshot:
    return Snapshot(uri="file:///x.py", version=1, language="python", text=text)


@given(texts, st.lists(changes, max_size=5), encodings)
def test_changes_apply_as_a_naive_editor_would(
    text: str, edits: list[TextChange], encoding: Encoding
) -> None:
    after, replacements = snapshot(text).apply(2, edits, encoding)
    expected = text
    for edit in edits:
        if edit.range is None:
            expected = edit.text
        else:
            start, end = sorted(naive_offset(expected, position, encoding) for position in edit.range)
            expected = expected[:start] + edit.text + expected[end:]
    assert after.text == expected
    assert after.version == 2
    assert (after.uri, after.language) == ("file:///x.py", "python")
    assert after.lines._starts == LineIndex(expected)._starts
    assert len(text) + sum(r.growth for r in replacements) == len(expected)


@given(texts, st.lists(changes, max_size=4), encodings, st.data())
def test_spans_carried_along_hold_their_text(
    text: str, edits: list[TextChange], encoding: Encoding, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    span = Span(start, data.draw(st.integers(start, len(text))))
    after, replacements = snapshot(text).apply(2, edits, encoding)
    (carried,) = remap_all([span], replacements)
    if carried is not None:
        assert carried.of(after.text) == span.of(text)


def test_a_whole_new_text_keeps_what_did_not_change() -> None:
    before = snapshot("def f():\n    return 1\n")
    after, replacements = before.apply(
        2, [TextChange(None, "# new\ndef f():\n    return 1\n")], Encoding.UTF16
    )
    assert replacements == (Replacement(Span(0, 0), 6),)
    assert after.lines.line_text(1) == "def f():"


def test_a_form_feed_does_not_move_the_edit() -> None:
    before = snapshot("a\x0cb\nc\u2028d\ne\n")
    change = TextChange((Position(1, 2), Position(1, 3)), "X")
    assert before.apply(2, [change], Encoding.UTF16)[0].text == "a\x0cb\nc\u2028X\ne\n"


def test_the_old_snapshot_stays_as_it_was() -> None:
    before = snapshot("abc")
    digest = before.digest
    before.apply(2, [TextChange(None, "xyz")], Encoding.UTF8)
    assert (before.text, before.version, before.digest) == ("abc", 1, digest)


def test_the_digest_is_of_the_text_alone() -> None:
    assert snapshot("é").digest == hashlib.sha256("é".encode()).hexdigest()
    other = Snapshot(uri="file:///y.py", version=9, language="go", text="é")
    assert other.digest == snapshot("é").digest
    assert snapshot("\ud800").digest != snapshot("\ud801").digest
