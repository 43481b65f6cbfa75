from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.cache.key import Identity
from kibitz.findings.finding import Confidence, Finding, Severity
from kibitz.findings.guidance import Guidance
from kibitz.guard.files import BOM
from kibitz.provider.models import PieceAnalysis, Usage
from kibitz.review.entries import entries_of
from kibitz.review.whole import (
    FileKeys,
    UnitFound,
    WholeFile,
    Whose,
    decode,
    encode,
    entries_found,
    record_of,
    whose,
)
from kibitz.text.spans import Span

PLAIN = Identity("https://api.example/v1", "m", "list", "p", "s", "r")
VERIFIED = replace(PLAIN, verifier="v 1")
CODE = "def one():\n    return 1\n\n\ndef two():\n    return os.sep\n\n\ndef three():\n    return 3\n"
KEY = "ab" * 32

counts = st.integers(0, 1_000_000_000)
records = st.builds(
    WholeFile,
    units=st.integers(20, 100_000),
    found=st.lists(
        st.builds(
            lambda start, length, keys, unit: UnitFound(start, start + length, tuple(keys), unit),
            st.integers(0, 1 << 29),
            st.integers(0, 1 << 29),
            st.lists(st.from_regex(r"[0-9a-f]{64}", fullmatch=True), min_size=1, max_size=4),
            st.just("") | st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
        ),
        max_size=20,
    ).map(lambda found: tuple(sorted(found, key=lambda each: each.start))),
    dropped=st.dictionaries(st.from_regex(r"[a-z][a-z-]{0,63}", fullmatch=True), counts, max_size=3),
    paid=st.builds(
        Usage,
        input_tokens=counts,
        cached_tokens=counts,
        output_tokens=counts,
        cost_usd=st.none() | st.decimals(0, 999_999, places=12),
    ),
)


@given(records)
def test_a_record_comes_back_as_it_was(record: WholeFile) -> None:
    assert decode(encode(record)) == record


GOOD: dict[str, Any] = {
    "whole": 2,
    "units": 2,
    "found": [[0, 5, [KEY], ""]],
    "dropped": {"no-fix": 1},
    "paid": [1, 2, 3, "0.5"],
}


@pytest.mark.parametrize(
    "change",
    [
        {"whole": 1},
        {"whole": True},
        {"more": 1},
        {"units": -1},
        {"units": True},
        {"units": 0},
        {"units": 10**9},
        {"units": "2"},
        {"found": {}},
        {"found": [[0, 5, [], ""]]},
        {"found": [[0, 5, [KEY] * 5, ""]]},
        {"found": [[0, 5, [KEY.upper()], ""]]},
        {"found": [[0, 5, [KEY + "\n"], ""]]},
        {"found": [[0, 5, [7], ""]]},
        {"found": [[0, 5, KEY, ""]]},
        {"found": [[5, 0, [KEY], ""]]},
        {"found": [[-1, 0, [KEY], ""]]},
        {"found": [[0, 5, [KEY], ""], [0, 5, [KEY], ""], [0, 5, [KEY], ""]]},
        {"found": [[1, 5, [KEY], ""], [0, 5, [KEY], ""]]},
        {"found": [[0, 5.0, [KEY], ""]]},
        {"found": [[0, 5, [KEY]]]},
        {"found": [[0, 5, [KEY], 7]]},
        {"found": [[0, 5, [KEY], "Order.total"]]},
        {"dropped": []},
        {"dropped": {"Bad reason": 1}},
        {"dropped": {"reason": "1"}},
        {"paid": [1, 2, 3]},
        {"paid": [1, 2, 3, 0.5]},
        {"paid": [1, 2, 3, "NaN"]},
        {"paid": [1, 2, 3, "1e9"]},
        {"paid": [1, 2, None, None]},
    ],
)
def test_what_is_no_record_is_none(change: dict[str, Any]) -> None:
    assert decode(json.dumps(GOOD)) is not None
    assert decode(json.dumps(GOOD | change)) is None


@given(
    st.text(max_size=200)
    | st.binary(max_size=50).map(repr)
    | st.integers(1, 5000).map(lambda n: "[" * n * 20)
)
def test_whatever_is_there_is_no_reason_to_stop(raw: str) -> None:
    assert decode(raw) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    ),
    st.sampled_from(sorted(GOOD)),
)
def test_any_value_in_any_place_is_taken_or_refused(value: object, name: str) -> None:
    record = decode(json.dumps(GOOD | {name: value}))
    assert record is None or decode(encode(record)) == record


def test_a_record_tells_units_with_findings_from_those_without() -> None:
    entries = entries_of(CODE, "python", VERIFIED, (VERIFIED, PLAIN))
    assert len(entries) == 3
    finding = Finding("rule", Severity.ERROR, Confidence.LIKELY, "t", "t", Span(0, 3), "def", None)
    paid = Usage(requests=0, input_tokens=10, output_tokens=1, cost_usd=Decimal("0.25"))
    known = {
        entries[0].digest: PieceAnalysis(dropped=Counter({"a": 1}), paid=paid),
        entries[1].digest: PieceAnalysis((finding,), dropped=Counter({"b": 1}), paid=paid),
        entries[2].digest: PieceAnalysis(dropped=Counter({"a": 2}), paid=paid),
    }
    record = record_of(entries, known)
    assert (record.units, dict(record.dropped), record.is_clean) == (3, {"a": 3}, False)
    assert (record.paid.input_tokens, record.paid.cost_usd, record.paid.requests) == (20, Decimal("0.50"), 0)
    (found,) = record.found
    assert CODE[found.start : found.end] == "def two():\n    return os.sep"
    restored = entries_found(record, CODE, "python")
    assert restored is not None
    (entry,) = restored
    assert (entry.unit.text, entry.unit.span, entry.keys) == (
        entries[1].unit.text,
        entries[1].unit.span,
        entries[1].keys,
    )
    assert entries_found(record, CODE[:20], "python") is None, "a record of something else"
    with pytest.raises(KeyError):
        record_of(entries, {})
    assert record_of(entries, dict.fromkeys(known, PieceAnalysis())).is_clean


def digest(who: Whose, language: str = "python", content: bytes = b"x = 1\n") -> str:
    return FileKeys(who).of(language, content)


def test_a_byte_order_mark_and_where_the_text_comes_from_make_no_difference() -> None:
    keys = FileKeys(Whose(PLAIN))
    text = "x = 'é\u2028'\r\n"
    assert keys.of("python", text.encode()) == keys.of("python", BOM + text.encode())
    assert keys.of("python", text.encode()) == keys.of_text("python", text)
    assert keys.of_text("python", "\ud800") != keys.of_text("python", "\ud801")


def test_a_file_is_known_by_what_its_project_adds() -> None:
    keys = FileKeys(Whose(PLAIN))
    guidances = [None, Guidance("one"), Guidance("two"), Guidance("one", (("project/a", None),))]
    digests = [keys.of("python", b"x = 1\n", guidance) for guidance in guidances]
    assert digests == [keys.of_text("python", "x = 1\n", guidance) for guidance in guidances]
    assert len(set(digests)) == len(guidances)
    assert digests[0] == keys.of("python", b"x = 1\n")


@pytest.mark.parametrize(
    ("who", "language", "content"),
    [
        (Whose(VERIFIED), "python", b"x = 1\n"),
        (Whose(PLAIN, (VERIFIED, PLAIN)), "python", b"x = 1\n"),
        (Whose(PLAIN, (PLAIN, VERIFIED)), "python", b"x = 1\n"),
        (Whose(replace(PLAIN, model="n")), "python", b"x = 1\n"),
        (Whose(PLAIN), "go", b"x = 1\n"),
        (Whose(PLAIN), "python", b"x = 1\r\n"),
        (Whose(PLAIN), "pytho", b"nx = 1\n"),
    ],
)
def test_whatever_an_answer_depends_on_is_part_of_a_files_key(
    who: Whose, language: str, content: bytes
) -> None:
    assert digest(who, language, content) != digest(Whose(PLAIN))


def test_files_and_units_have_different_keys() -> None:
    (entry,) = entries_of("x = 1\n", "python", PLAIN)
    assert digest(Whose(PLAIN)) not in entry.keys


@pytest.mark.parametrize(
    ("verifier", "mode", "asked", "expected"),
    [
        ("", "on", True, Whose(PLAIN)),
        ("v 1", "off", True, Whose(PLAIN)),
        ("v 1", "on", False, Whose(VERIFIED, (VERIFIED, PLAIN))),
        ("v 1", "on-demand", True, Whose(VERIFIED, (VERIFIED, PLAIN))),
        ("v 1", "on-demand", False, Whose(PLAIN, (VERIFIED, PLAIN))),
    ],
)
def test_whose_answers_do(
    verifier: str, mode: Literal["off", "on", "on-demand"], *, asked: bool, expected: Whose
) -> None:
    assert whose(PLAIN, verifier, mode, asked=asked) == expected
