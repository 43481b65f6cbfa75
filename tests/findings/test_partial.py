from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.findings.partial import MAX_ITEM, PartialList
from kibitz.guard.sanitize import Rejected, decode_json
from kibitz.provider.wire import json_part

ITEM = {"rule": "off-by-one", "quote": 'say("{[\\n\\"]}")', "nested": {"a": [{}, "}"]}, "n": None}

_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_items = st.lists(st.dictionaries(st.text(), _values, max_size=4), max_size=6)
_hostile = st.text(alphabet='{}[]",:\\ \n`findgs0é', max_size=80)


def read(text: str, cuts: list[int] | None = None, max_items: int = 200) -> list[dict[str, object]]:
    reader = PartialList("findings", max_items)
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts or ())})
    found = []
    for start, end in itertools.pairwise(places):
        found += reader.feed(text[start:end])
    return found


@given(
    _items,
    st.lists(st.integers(0, 10_000)),
    st.sampled_from([None, 1]),
    st.sampled_from(["{}", "\n {}\n", "```json\n{}\n```", "```\n{}"]),
)
def test_any_portions_give_the_same_findings(
    items: list[dict[str, Any]], cuts: list[int], indent: int | None, layout: str
) -> None:
    text = layout.replace("{}", json.dumps({"findings": items}, indent=indent, ensure_ascii=indent is None))
    assert read(text, cuts) == items


@given(_items.filter(bool), st.integers(0, 10_000))
def test_a_cut_answer_gives_the_findings_before_the_cut(items: list[dict[str, Any]], cut: int) -> None:
    text = json.dumps({"findings": items})
    cut %= len(text)
    found = read(text[:cut])
    assert found == items[: len(found)]
    # What is missing is really not there: the cut is before its end.
    assert len(json.dumps({"findings": items[: len(found) + 1]})) - 2 > cut or len(found) == len(items)


@given(
    st.text() | _hostile | _hostile.map(lambda text: '{"findings":[' + text), st.lists(st.integers(0, 200))
)
def test_hostile_text_raises_nothing_and_reads_alike_in_any_portions(text: str, cuts: list[int]) -> None:
    found = read(text, cuts)
    assert found == read(text)
    try:
        whole = decode_json(json_part(text))
    except Rejected:
        return
    # Whatever is valid as a whole had these findings in it.
    if found:
        assert isinstance(whole, dict)
        assert whole["findings"][: len(found)] == found


@pytest.mark.parametrize(
    "text",
    [
        "<think>maybe</think>",
        'Here it is: {"findings":[{}]}',
        '```json {"findings":[{}]}' + " " * 40,
        "```" + "x" * 21 + '\n{"findings":[{}]}',
        '{"other": 1, "findings":[{}]}',
        '{"findings": {"a": {}}}',
        '{"findings":[1, {}]}',
        '{"findings":[,{}]}',
        '{"findings":[[{}]]}',
        '{"findings":[{"a": 1, "a": 2}, {}]}',
        '{"findings":[{"a": NaN}, {}]}',
        '{"findings":[{]}, {}]}',
        '{"findings":[]}, {"findings":[{}]}',
    ],
)
def test_another_layout_gives_nothing_early(text: str) -> None:
    assert read(text) == []


def test_a_finding_comes_with_its_last_brace() -> None:
    reader = PartialList("findings", 200)
    text = json.dumps(ITEM)
    assert reader.feed('{ "findings" : [ ' + text[:-1]) == []
    assert reader.feed(text[-1]) == [ITEM]
    assert reader.feed(" , " + text + text) == [ITEM]
    assert reader.feed("," + text) == [], "two findings without a comma: not to be trusted any more"


def test_only_so_many_findings_count() -> None:
    assert read(json.dumps({"findings": [ITEM] * 5}), max_items=2) == [ITEM] * 2


def test_a_finding_without_end_is_given_up() -> None:
    reader = PartialList("findings", 200)
    reader.feed('{"findings":[{"a":"')
    for _ in range(MAX_ITEM // 1000 + 2):
        assert reader.feed("x" * 1000) == []
    assert reader.feed('"}') == []
    assert reader._buffer == ""


@pytest.mark.parametrize("one", [" ", '{"a":', "[", '\\"', '""', "{},"])
def test_much_of_anything_is_not_kept(one: str) -> None:
    reader = PartialList("findings", 200)
    for _ in range(100):
        reader.feed(one * 1000)
    assert len(reader._buffer) <= len("findings") + 2
    reader = PartialList("findings", 200)
    reader.feed('{"findings":[')
    for _ in range(100):
        reader.feed(one * 1000)
    assert len(reader._buffer) <= MAX_ITEM + len(one) * 1000
