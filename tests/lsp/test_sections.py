from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kibitz.lsp.sections import Sections, section


def test_a_section_is_ours_or_all_that_there_is() -> None:
    assert section({"kibitz": {"a": 1}}) == {"a": 1}
    assert section({"a": 1}) == {"a": 1}
    assert section({"kibitz": 7}) == {}
    assert section(None) == section([]) == {}


def test_what_is_said_last_wins() -> None:
    said = Sections()
    said.begin({"kibitz": {"a": 1, "b": 1, "c": 1}})
    said.answer((), [{"b": 2, "c": 2}])
    assert said.common == {"a": 1, "b": 2, "c": 2}
    assert said.push({"kibitz": {"c": 3}})
    assert said.common == {"a": 1, "b": 1, "c": 3}
    assert not said.push({"python": {"c": 4}})
    said.answer((), [{"c": 5}], only_folders=True)
    assert said.common == {"a": 1, "b": 1, "c": 3}
    said.answer((), [{"c": 5}])
    assert said.common == {"a": 1, "b": 1, "c": 5}


def test_folders_have_what_is_said_otherwise_for_them() -> None:
    said = Sections()
    scopes = ["file:///a%20b/", "file:///c", "untitled:x", "file:///d"]
    said.answer(scopes, [{"a": 1, "b": [1]}, {"a": 2, "b": [1]}, {"a": 1, "c": 3}, {"a": 9}])
    assert said.folders == {"/a b": {"a": 2}, "/c": {"c": 3}, "/d": {}}
    said.answer(["file:///c"], [])
    assert said.folders == {"/c": {}}


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text(max_size=3) | st.just("kibitz"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kibitz", "a"]), inner),
    max_leaves=6,
)


@given(
    JSON, JSON, st.lists(st.sampled_from(["file:///a", "file:///b", "x", ""])), st.lists(JSON), st.booleans()
)
def test_whatever_an_editor_says_there_are_sections(
    options: object,
    pushed: object,
    scopes: list[str],
    answer: list[object],
    only_folders: bool,
) -> None:
    said = Sections()
    said.begin(options)
    said.push(pushed)
    said.answer(scopes, answer, only_folders=only_folders)
    assert all(isinstance(name, str) for name in said.common)
    assert set(said.folders) == {uri.removeprefix("file://") for uri in scopes if uri.startswith("file")}
