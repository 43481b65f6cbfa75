from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.support.reviewing import finding

from kibitz.lsp.shown import Shown
from kibitz.lsp.spots import Spots
from kibitz.text.spans import Span

FOUND = finding("bug", "bug")
PLACES = st.integers(0, 30)
SPANS = st.tuples(PLACES, PLACES).map(lambda ends: Span(min(ends), max(ends)))


def shown(span: Span) -> Shown:
    return Shown(replace(FOUND, span=span))


@given(st.lists(SPANS.map(shown), max_size=20), SPANS)
def test_those_at_a_place_are_all_that_meet_it_in_order(every: list[Shown], where: Span) -> None:
    spots = Spots(every)
    in_order = sorted(every, key=lambda each: each.span.start)
    assert spots.all == in_order
    meet = [each for each in in_order if each.span.start <= where.end and where.start <= each.span.end]
    assert spots.at(where.start, where.end) == meet


def test_a_long_one_is_found_behind_short_ones() -> None:
    long, short = shown(Span(0, 20)), shown(Span(3, 4))
    assert Spots([short, long]).at(10, 11) == [long]
    assert Spots([]).at(0, 5) == []
