from __future__ import annotations

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.provider.batch_sdk import Lines
from kibitz.provider.batch_wire import (
    Batch,
    Result,
    Status,
    chunked,
    line_of,
    read_batch,
    read_file_id,
    read_files,
    read_page,
    read_result,
)
from kibitz.provider.errors import InvalidResponse

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BATCH: dict[str, Any] = {"id": "batch_1", "status": "in_progress"}


def test_a_request_is_one_line() -> None:
    line = line_of("r1", "chat", {"messages": ["a\nb\u2028"]})
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "custom_id": "r1",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"messages": ["a\nb\u2028"]},
    }


@pytest.mark.parametrize(
    ("sizes", "limits", "expected"),
    [
        ([], (3, 100), []),
        ([10] * 7, (3, 100), [3, 3, 1]),
        ([40] * 5, (50, 100), [2, 2, 1]),
        ([100, 1, 100], (50, 100), [1, 1, 1]),
        ([500, 10], (50, 100), [1, 1]),
    ],
)
def test_files_stay_within_the_limits(sizes: list[int], limits: tuple[int, int], expected: list[int]) -> None:
    lines = [(f"r{number}", b"x" * size) for number, size in enumerate(sizes)]
    files = list(chunked(lines, max_requests=limits[0], max_bytes=limits[1]))
    assert [len(file) for file in files] == expected
    assert [entry for file in files for entry in file] == lines


def test_a_batch_as_it_comes() -> None:
    told = BATCH | {
        "status": "expired",
        "metadata": {"kibitz": "abc", "other": "x"},
        "input_file_id": "file-1",
        "output_file_id": "file-2",
        "error_file_id": None,
        "request_counts": {"total": 5, "completed": 3, "failed": 2},
    }
    assert read_batch(told, 3.0) == Batch(
        "batch_1", Status.EXPIRED, "abc", "file-1", "file-2", "", 5, 3, 2, (), 3.0
    )
    assert read_batch(told).files == ("file-1", "file-2")


@pytest.mark.parametrize("status", list(Status))
def test_every_state_is_known(status: Status) -> None:
    batch = read_batch(BATCH | {"status": status.value})
    assert batch.status.is_over is (status.value in {"completed", "failed", "expired", "cancelled"})


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {},
        {"id": "batch_1"},
        BATCH | {"id": "../files/x"},
        BATCH | {"id": "a" * 129},
        BATCH | {"id": 7},
        BATCH | {"status": "dancing"},
        BATCH | {"status": ["completed"]},
    ],
)
def test_what_is_no_batch_is_an_error(told: object) -> None:
    with pytest.raises(InvalidResponse):
        read_batch(told)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("output_file_id", "../../models"),
        ("output_file_id", "a b"),
        ("output_file_id", {"id": "x"}),
        ("metadata", "kibitz"),
        ("metadata", {"kibitz": "\u202e"}),
        ("request_counts", {"total": -1, "completed": True, "failed": 1e99}),
        ("errors", {"data": [{"code": "<b>"}, 3, {"code": None}]}),
    ],
)
def test_bad_details_are_as_good_as_none(field: str, value: object) -> None:
    assert read_batch(BATCH | {field: value}) == read_batch(BATCH)


def test_a_page_of_batches() -> None:
    batches, after = read_page({"data": [BATCH, {"bad": 1}, BATCH | {"id": "batch_2"}], "has_more": True})
    assert ([batch.id for batch in batches], after) == (["batch_1", "batch_2"], "batch_2")
    assert read_page({"data": []}) == ([], "")
    with pytest.raises(InvalidResponse):
        read_page({"data": {}})


def test_files_by_name() -> None:
    assert read_file_id({"id": "file-1"}) == "file-1"
    with pytest.raises(InvalidResponse):
        read_file_id({"id": "/etc"})
    listed = {"data": [{"id": "file-1", "filename": "a"}, {"filename": 3}, None]}
    assert read_files(listed) == {"a": "file-1"}
    assert read_files("nothing") == {}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            {"response": {"status_code": 200, "request_id": "q", "body": {"a": 1}}},
            Result("r1", 200, {"a": 1}, "", "q"),
        ),
        ({"response": None, "error": {"code": "batch_expired"}}, Result("r1", 0, None, "batch_expired")),
        (
            {"response": {"status_code": 400, "body": {"error": {"type": "bad"}}}, "error": None},
            Result("r1", 400, {"error": {"type": "bad"}}, "bad"),
        ),
        ({"error": {"code": "a b"}}, Result("r1", 0, None, "unknown")),
        ({"response": "x", "error": "y"}, Result("r1")),
    ],
)
def test_results(line: dict[str, Any], expected: Result) -> None:
    assert read_result(json.dumps({"custom_id": "r1", **line}).encode()) == expected


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"\xff", b'{"custom_id":""}', b'{"a":1,"a":2}'])
def test_what_is_no_result(line: bytes) -> None:
    assert read_result(line) is None


@given(
    JSON,
    st.sampled_from(["response", "error", "id", "status", "request_counts", "metadata", "errors", "data"]),
)
def test_hostile_answers_are_errors_or_data(value: Any, field: str) -> None:
    read_result(json.dumps({"custom_id": "r1", field: value}).encode())
    read_files(value)
    for read in (read_batch, read_page, read_file_id):
        for told in (value, BATCH | {field: value}):
            with suppress(InvalidResponse):
                read(told)


@given(st.lists(st.binary(max_size=12)), st.data())
def test_lines_are_the_same_however_they_come(lines: list[bytes], data: st.DataObject) -> None:
    lines = [line.replace(b"\n", b"") for line in lines]
    whole = b"\n".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    edges = [0, *cuts, len(whole)]
    splitter = Lines(limit=8)
    found: list[bytes] = []
    for start, end in pairwise(edges):
        found += splitter.feed(whole[start:end])
    found += splitter.end()
    assert found == [line for line in lines if line.strip() and len(line) <= 8]
