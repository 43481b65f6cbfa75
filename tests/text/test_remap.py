from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from tests.support.texts import texts

from kibitz.text.remap import Replacement, difference, remap, remap_all
from kibitz.text.spans import Span

spans = st.tuples(st.integers(0, 20), st.integers(0, 20)).map(lambda pair: Span(min(pair), max(pair)))
replacements = st.builds(Replacement, spans, st.integers(0, 10))


def test_typing_before_a_span_moves_it() -> None:
    assert remap(Span(5, 8), Replacement(Span(1, 2), 4)) == Span(8, 11)


def test_typing_behind_a_span_leaves_it() -> None:
    assert remap(Span(5, 8), Replacement(Span(9, 9), 4)) == Span(5, 8)


def test_typing_at_either_border_keeps_the_span() -> None:
    assert remap(Span(5, 8), Replacement(Span(5, 5), 2)) == Span(7, 10)
    assert remap(Span(5, 8), Replacement(Span(8, 8), 2)) == Span(5, 8)


def test_typing_inside_a_span_removes_it() -> None:
    assert remap(Span(5, 8), Replacement(Span(6, 6), 1)) is None
    assert remap(Span(5, 8), Replacement(Span(7, 9), 2)) is None
    assert remap(Span(5, 8), Replacement(Span(0, 20), 20)) is None


def test_an_edit_of_nothing_touches_nothing() -> None:
    assert remap(Span(5, 8), Replacement(Span(6, 6), 0)) == Span(5, 8)


@given(spans, replacements)
def test_a_carried_span_holds_what_it_held(span: Span, replacement: Replacement) -> None:
    old = "".join(chr(0x4E00 + i) for i in range(20))
    after = old[: replacement.span.start] + "#" * replacement.new_length + old[replacement.span.end :]
    carried = remap(span, replacement)
    if carried is not None:
        assert carried.of(after) == span.of(old)
    else:
        assert span.start < replacement.span.end
        assert replacement.span.start < span.end


@given(st.lists(spans, max_size=5), st.lists(replacements, max_size=4))
def test_all_is_one_after_the_other(many: list[Span], edits: list[Replacement]) -> None:
    expected = []
    for span in many:
        carried: Span | None = span
        for edit in edits:
            carried = None if carried is None else remap(carried, edit)
        expected.append(carried)
    assert list(remap_all(many, edits)) == expected


@given(texts, texts)
def test_the_difference_makes_new_of_old(old: str, new: str) -> None:
    found = difference(old, new)
    end = found.span.start + found.new_length
    assert old[: found.span.start] + new[found.span.start : end] + old[found.span.end :] == new
    replaced, inserted = found.span.of(old), new[found.span.start : end]
    # Minimal: what is left shares neither its first nor its last character.
    assert not (replaced and inserted and (replaced[0] == inserted[0] or replaced[-1] == inserted[-1]))
    assert found.growth == len(new) - len(old)


@given(texts, texts, texts)
def test_the_difference_is_within_the_edit(before: str, after: str, edit: str) -> None:
    found = difference(before + after, before + edit + after)
    assert len(found.span) == 0
    assert found.new_length == len(edit)


def test_the_difference_of_megabytes_takes_no_time() -> None:
    old = "x = compute(value)  # é\n" * 50_000
    new = old[:600_000] + "!" + old[600_000:]
    began = time.process_time()
    assert difference(old, new) == Replacement(Span(600_000, 600_000), 1)
    # Takes about a millisecond; a loop over characters would take a hundred times that.
    assert time.process_time() - began < 0.5
