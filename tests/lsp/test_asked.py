from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from kibitz.lsp.asked import MAX_OTHERS, READERS, Pointed, Wanted, pointed, wanted
from kibitz.lsp.converting import converter
from kibitz.text.lines import Position

CONVERTER = converter()
PLACE = {"line": 1, "character": 2}
RANGE = {"start": PLACE, "end": {"line": 3, "character": 4}}
OTHER = {"range": RANGE, "message": "unused", "source": "ruff", "code": "F401"}
ASKED: dict[str, Any] = {
    "textDocument": {"uri": "file:///a.py"},
    "range": RANGE,
    "context": {"diagnostics": [OTHER]},
}
NAMES = st.sampled_from(
    (
        *("textDocument", "uri", "range", "start", "end", "line", "character", "position", "context"),
        *("only", "diagnostics", "message", "source", "code", "data", "id", "value"),
    )
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("kibitz"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)
POSITIONS = st.fixed_dictionaries({"line": st.integers(0, 2**31 - 1), "character": st.integers(0, 2**31 - 1)})
RANGES = st.fixed_dictionaries({"start": POSITIONS, "end": POSITIONS})
DIAGNOSTICS = st.fixed_dictionaries(
    {"range": RANGES, "message": st.text()},
    optional={
        "source": st.none() | st.sampled_from(["kibitz", "ruff", ""]),
        "code": st.none() | st.integers() | st.text(),
        "severity": st.integers(1, 4),
        "data": st.none() | st.fixed_dictionaries({"id": st.text()}),
    },
)
MENUS = st.fixed_dictionaries(
    {
        "textDocument": st.fixed_dictionaries({"uri": st.text()}),
        "range": RANGES,
        "context": st.fixed_dictionaries(
            {"diagnostics": st.lists(DIAGNOSTICS, max_size=8)}, optional={"only": st.lists(st.text())}
        ),
    }
)


def at(position: types.Position) -> Position:
    return Position(position.line, position.character)


@given(MENUS)
def test_what_is_asked_is_what_the_protocols_types_hold(params: dict[str, Any]) -> None:
    typed = CONVERTER.structure(json.loads(json.dumps(params)), types.CodeActionParams)
    read = wanted(params)
    assert (read.uri, read.start, read.end) == (
        typed.text_document.uri,
        at(typed.range.start),
        at(typed.range.end),
    )
    others = [each for each in typed.context.diagnostics if each.source != "kibitz"][:MAX_OTHERS]
    assert [(each.start, each.end, each.message, each.source, each.code) for each in read.others] == [
        (
            at(each.range.start),
            at(each.range.end),
            each.message,
            each.source or "",
            "" if each.code is None else str(each.code),
        )
        for each in others
    ]
    ours = {each.data["id"] for each in typed.context.diagnostics if each.source == "kibitz" and each.data}
    assert read.names == ours
    only = typed.context.only
    assert read.only == (None if only is None else [str(getattr(kind, "value", kind)) for kind in only])


@given(st.sampled_from(list(READERS.values())), JSON)
def test_nonsense_is_refused_and_nothing_worse(read: Any, params: object) -> None:
    try:
        found = read(params)
    except (LookupError, TypeError, ValueError, OverflowError):
        return
    assert isinstance(found, Pointed | Wanted)


@pytest.mark.parametrize(
    "changed",
    [
        {"textDocument": {"uri": 7}},
        {"range": {"start": PLACE}},
        {"range": {"start": PLACE, "end": {"line": -1, "character": 0}}},
        {"range": {"start": PLACE, "end": {"line": 2**31, "character": 0}}},
        {"context": {}},
        {"context": {"diagnostics": [7]}},
        {"context": {"diagnostics": {}}},
        {"context": {"diagnostics": [], "only": "quickfix"}},
        {"context": {"diagnostics": [], "only": [7]}},
        {"context": {"diagnostics": [{**OTHER, "range": None}]}},
        {"context": {"diagnostics": [{**OTHER, "message": 7}]}},
        {"context": {"diagnostics": [{**OTHER, "source": 7}]}},
        {"context": {"diagnostics": [{**OTHER, "data": json.loads("[" * 300 + "]" * 300)}]}},
    ],
)
def test_what_is_used_has_to_be_right(changed: dict[str, Any]) -> None:
    assert wanted(ASKED).others
    with pytest.raises((LookupError, TypeError, ValueError)):
        wanted({**ASKED, **changed})


def test_numbers_of_other_kinds_are_numbers_as_the_protocols_types_take_them() -> None:
    asked = {"textDocument": {"uri": "a"}, "position": {"line": 5.0, "character": "7"}}
    assert pointed(asked).at == Position(5, 7)


def test_a_message_may_be_markup_and_a_diagnostic_goes_back_as_it_came() -> None:
    odd = {**OTHER, "message": {"kind": "markdown", "value": "`x`"}, "severity": 9, "new": [1]}
    (said,) = wanted({**ASKED, "context": {"diagnostics": [odd]}}).others
    assert said.message == "`x`"
    assert said.sent is odd
