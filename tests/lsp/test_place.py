from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from kibitz.lsp.asked import MAX_OTHERS
from kibitz.lsp.place import Place, decode
from kibitz.provider.models import Diagnostic
from kibitz.text.snapshot import Snapshot
from kibitz.text.spans import Span

SPANS = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(lambda ends: Span(*sorted(ends)))
COMPLAINTS = st.builds(Diagnostic, SPANS, st.text(max_size=40), st.text(max_size=10), st.text(max_size=10))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["uri", "digest", "span", "complaints", "message", "source", "code", "instruction"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(st.text(max_size=20), SPANS, st.lists(COMPLAINTS, max_size=MAX_OTHERS), st.text(max_size=20))
def test_a_place_comes_back_as_it_went(
    text: str, span: Span, complaints: list[Diagnostic], instruction: str
) -> None:
    place = Place.of(Snapshot("file:///a.py", 1, "python", text), span, tuple(complaints), instruction)
    assert decode(json.loads(json.dumps(place.encode()))) == place


@given(JSON)
def test_what_is_no_place_is_refused_without_a_fuss(value: object) -> None:
    assert decode(value) is None


@given(st.sampled_from(["uri", "digest", "span", "complaints", "instruction"]), JSON)
def test_a_place_with_one_part_of_anything_is_bounded_or_refused(name: str, value: object) -> None:
    good = Place.of(Snapshot("file:///a.py", 1, "python", "x"), Span(0, 1)).encode()
    place = decode({**good, name: value})
    if place is not None:
        assert 0 <= place.span.start <= place.span.end <= 1 << 30
        assert len(place.complaints) <= MAX_OTHERS


def test_what_is_carried_is_small() -> None:
    loud = Diagnostic(Span(0, 1), "m" * 10**6, "s" * 10**6, "c" * 10**6)
    place = Place.of(Snapshot("file:///a.py", 1, "python", "x"), Span(0, 1), (loud,) * 100)
    carried = json.dumps(place.encode())
    assert len(carried) < 5_000
    back = decode(
        {**place.encode(), "complaints": place.encode()["complaints"] * 50, "instruction": "i" * 10**6}
    )
    assert back is not None
    assert len(back.complaints) == MAX_OTHERS
    assert len(back.instruction) == 2_000
