from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.evaluation import pairs
from kibitz.evaluation.pairs import Pair, PairsError

if TYPE_CHECKING:
    from pathlib import Path

GOOD: dict[str, Any] = {"id": "a/b-1", "language": "python", "buggy": "x = 1\n", "fixed": "x = 2\n"}


def line(**changes: object) -> bytes:
    return json.dumps(
        {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    ).encode()


def test_lines_are_worked_out_or_kept() -> None:
    (pair,) = pairs.decode(line())
    assert pair.lines == (1,)
    (pair,) = pairs.decode(line(buggy="a\nb\nc\n", lines=[3, 2, 3]))
    assert pair.lines == (2, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "there are no pairs in it"),
        (b"[]", "line 1: Input should be a valid dictionary"),
        (b"\n{", "line 2: the answer is not valid JSON"),
        (b"\xff", "line 1 is not UTF-8"),
        (line(buggy="x = 2\n"), "line 1: both versions are the same"),
        (line(buggy=None, lines=[1]), "line 1: without a buggy version"),
        (line(lines=[2]), "line 1: the lines of the bug are not in the buggy version"),
        (line(lines=[0]), "line 1: lines.0: "),
        (line(lines=["1"]), "line 1: lines.0: "),
        (line(lines=[True]), "line 1: lines.0: "),
        (line(rule="nonsense"), "line 1: there is no such rule"),
        (line(fixed=None), "line 1: fixed: "),
        (line(id="../x"), "line 1: id: "),
        (line(id="a b"), "line 1: id: "),
        (line(id="a\n"), "line 1: id: "),
        (line(language="go", tests="x"), "line 1: tests can only be run for Python"),
        (line(typo=1), "line 1: typo: "),
        (line() + b"\n" + line(), "two pairs have the id a/b-1"),
        (line(buggy="x" * 400_001), "line 1: buggy: "),
    ],
)
def test_what_is_not_in_order_is_told_with_its_line(content: bytes, message: str) -> None:
    with pytest.raises(PairsError, match=f"^{message}"):
        pairs.decode(content)


@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from([b"{", b"}", b'"id"', b":", b"[1e999]", b"\n"])).map(b"".join)
)
def test_any_bytes_are_pairs_or_refused(content: bytes) -> None:
    with pytest.raises(PairsError):
        pairs.decode(content)


SCALARS = st.sampled_from(
    [None, True, 0, 1, 2, -1, 10**30, "", "x = 1\n", "x = 2\n", "a\nb", "\u202e", "python"]
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.just({"id": "x"})


@given(st.dictionaries(st.sampled_from(sorted(Pair.model_fields)), VALUES))
def test_any_values_make_a_consistent_pair_or_none(values: dict[str, object]) -> None:
    content = json.dumps({**GOOD, **values}).encode()
    with suppress(PairsError):
        (pair,) = pairs.decode(content)
        assert pair.is_trap or (pair.lines and max(pair.lines) <= len((pair.buggy or "").splitlines()) + 1)
        assert pairs.decode(pairs.encode([pair])) == (pair,)


def test_a_folder_tells_what_is_wrong_where(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match="there are no pairs in it"):
        pairs.read(tmp_path)
    pair = tmp_path / "go" / "one"
    pair.mkdir(parents=True)
    (pair / "pair.toml").write_text("note = 'n'\n")
    with pytest.raises(PairsError, match=r"one: the buggy version is missing"):
        pairs.read(tmp_path)
    (pair / "buggy.go").write_text("a\nb\n")
    with pytest.raises(PairsError, match=r"one: fixed: "):
        pairs.read(tmp_path)
    (pair / "fixed.go").write_text("a\nc\n")
    assert pairs.read(tmp_path) == (
        Pair(id="go/one", language="go", buggy="a\nb\n", fixed="a\nc\n", lines=(2,), note="n"),
    )
    (pair / "clean.go").write_text("a\n")
    with pytest.raises(PairsError, match=r"one: a trap has no other version"):
        pairs.read(tmp_path)
    (pair / "pair.toml").write_text("note = ")
    with pytest.raises(PairsError, match=r"pair\.toml: "):
        pairs.read(tmp_path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match=r"none\.jsonl cannot be read: No such file"):
        pairs.read(tmp_path / "none.jsonl")
