from __future__ import annotations

import io
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kibitz.cache import artefact
from kibitz.cache.artefact import Lives, NotAnArtefact, Reader, entry, header, longer_lived
from kibitz.cache.tier import Kept

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = 1_795_488_648.5
LIVES = Lives(fresh_s=1000.0, left_s=3000.0)
ONE, TWO = "a1" * 32, "b2" * 32


def written(entries: Mapping[str, Kept], now: float = NOW) -> bytes:
    return header(now) + b"".join(entry(digest, kept) or b"" for digest, kept in entries.items())


def reader(data: bytes, now: float = NOW, lives: Lives = LIVES) -> Reader:
    return Reader(
        io.BytesIO(data), lives=lives, check=lambda _digest, value: value != "junk", clock=lambda: now
    )


def entries_of(reader: Reader) -> dict[str, Kept]:
    return {digest: kept for batch in reader.batches() for digest, kept in batch.items()}


def line(**changes: Any) -> bytes:
    fields = {"digest": ONE, "fresh_s": 10, "left_s": 20, "value": "{}", **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode() + b"\n"


def test_what_was_written_is_read() -> None:
    kept = {ONE: Kept('{"a":"é\\n"}'.replace("é", "e"), 500.0, 900.0), TWO: Kept("[]", -5.0, 100.0)}
    arrived = reader(written(kept, now=NOW - 0.5), now=NOW - 0.5)
    assert entries_of(arrived) == {ONE: kept[ONE], TWO: Kept("[]", 0.0, 100.0)}
    assert (arrived.expired, arrived.broken, arrived.is_cut) == (0, 0, False)


def test_it_is_plain_lines_that_say_what_they_are_and_when_they_were_written() -> None:
    lines = written({ONE: Kept("{}", 5.7, 9.9)}).splitlines()
    head = json.loads(lines[0])
    assert head == {"kibitz": "cache", "format": 1, "written": "2026-11-24T02:50:48Z"}
    assert datetime.fromisoformat(head["written"]).timestamp() == int(NOW)
    assert json.loads(lines[1]) == {"digest": ONE, "fresh_s": 5, "left_s": 9, "value": "{}"}


def test_age_counts_on_the_way() -> None:
    data = written({ONE: Kept("{}", 100, 400), TWO: Kept("{}", 100, 200)}, now=1000)
    later = reader(data, now=1200)
    assert entries_of(later) == {ONE: Kept("{}", -100.0, 200.0)}
    assert later.expired == 1


def test_a_clock_that_was_ahead_makes_nothing_live_longer() -> None:
    data = written({ONE: Kept("{}", 100, 400)}, now=1_000_000)
    assert entries_of(reader(data, now=1000)) == {ONE: Kept("{}", 100, 400)}


def test_nothing_lives_longer_than_it_would_have_here() -> None:
    data = written({ONE: Kept("{}", 50_000, 90_000), TWO: Kept("{}", 50_000, 60_000)}, now=1000)
    assert entries_of(reader(data, now=1000)) == {digest: Kept("{}", 1000, 3000) for digest in (ONE, TWO)}
    shorter = Lives(fresh_s=1000, left_s=10)
    assert entries_of(reader(data, now=1000, lives=shorter))[ONE] == Kept("{}", 10, 10)


def test_what_could_not_be_read_again_is_not_written() -> None:
    assert entry(ONE, Kept("{}", -9, 0.5)) is None
    assert entry(ONE, Kept("x" * artefact.MAX_LINE_BYTES, 5, 9)) is None


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (b"", "not written by `kibitz cache export`"),
        (b"\x1f\x8b\x08\xff\n", "not written by"),
        (b"[]\n", "not written by"),
        (b"x" * (artefact.MAX_LINE_BYTES + 5), "not written by"),
        (line(), "not written by"),
        (b'{"kibitz":"cache","format":2,"written":"2026-11-24T02:50:48Z"}\n', "another format than 1"),
        (b'{"kibitz":"cache","format":true,"written":"2026-11-24T02:50:48Z"}\n', "another format than 1"),
        (b'{"kibitz":"cache"}\n', "another format than 1"),
        (b'{"kibitz":"cache","format":1}\n', "when it was written"),
        (b'{"kibitz":"cache","format":1,"written":"2026-11-24T02:50:48"}\n', "when it was written"),
        (b'{"kibitz":"cache","format":1,"written":99}\n', "when it was written"),
    ],
)
def test_what_is_something_else_is_said(first: bytes, message: str) -> None:
    with pytest.raises(NotAnArtefact, match=message):
        reader(first + line())


@pytest.mark.parametrize(
    "bad",
    [
        b"\n",
        b"null\n",
        b"{" * 100_000 + b"\n",
        b"\xff\xfe\n",
        line(digest=ONE.upper()),
        line(digest=ONE[:-1]),
        line(digest=ONE + "\n"),
        line(digest=5),
        line(value={}),
        line(value="junk"),
        line(value="\ud800"),
        line(fresh_s=21),
        line(fresh_s=-1),
        line(fresh_s=True),
        line(left_s=20.5),
        line(left_s=10**12),
        line(left_s=...),
        line(more=1),
        line()[:-2] + b',"digest":"' + TWO.encode() + b'"}\n',
        line(value="x" * artefact.MAX_LINE_BYTES),
        line(value="x" * (artefact.MAX_LINE_BYTES * 3)),
    ],
)
def test_a_broken_line_is_skipped_and_counted(bad: bytes) -> None:
    arrived = reader(header(NOW) + line() + bad + line(digest=TWO) + bad.rstrip(b"\n"))
    assert entries_of(arrived).keys() == {ONE, TWO}
    assert arrived.broken == 1 + (bad != b"\n")


def test_a_file_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artefact, "MAX_ENTRIES", 3)
    digests = [f"{number:064x}" for number in range(4)]
    data = header(NOW) + b"".join(line(digest=digest) for digest in digests)
    arrived = reader(data)
    assert list(entries_of(arrived)) == digests[:3]
    assert arrived.is_cut
    whole = reader(data[: data.rindex(b"\n", 0, -1) + 1])
    assert len(entries_of(whole)) == 3
    assert not whole.is_cut


def test_no_more_than_a_batch_is_in_memory() -> None:
    digests = [f"{number:064x}" for number in range(artefact.BATCH + 1)]
    arrived = reader(header(NOW) + b"".join(line(digest=digest) for digest in digests))
    assert [len(batch) for batch in arrived.batches()] == [artefact.BATCH, 1]


def test_what_is_older_than_what_is_there_does_not_replace_it() -> None:
    there = {ONE: Kept("here", 500, 1000)}
    assert longer_lived({ONE: Kept("old", 400, 900), TWO: Kept("new", 1, 2)}, there) == {
        TWO: Kept("new", 1, 2)
    }
    assert longer_lived({ONE: Kept("same", 510, 1010)}, there) == {}
    assert longer_lived({ONE: Kept("newer", 600, 1100)}, there) == {ONE: Kept("newer", 600, 1100)}


LINES = st.one_of(
    st.binary(max_size=60),
    st.builds(
        line,
        digest=st.sampled_from([ONE, TWO, "", "0" * 65]) | st.text("0af\n", min_size=64, max_size=64),
        fresh_s=st.integers(-5, 5000) | st.floats() | st.none(),
        left_s=st.integers(-5, 5000) | st.booleans(),
        value=st.text() | st.just("junk"),
    ),
)
HEADERS = st.binary(max_size=60) | st.builds(
    lambda written: json.dumps({"kibitz": "cache", "format": 1, "written": written}).encode(),
    st.text(max_size=30)
    | st.datetimes(timezones=st.timezones()).map(lambda each: each.isoformat())
    | st.integers(),
)


@given(HEADERS, st.lists(LINES, max_size=8), st.floats(0, 1e10))
@example(b'{"kibitz":"cache","format":1,"written":"0001-01-01T00:00:00+23:59"}', [line()], 0.0)
@example(b'{"kibitz":"cache","format":1,"written":"9999-12-31T23:59:59-23:59"}', [line()], 0.0)
def test_whatever_is_in_a_file_what_is_taken_of_it_is_sound(
    first: bytes, lines: list[bytes], now: float
) -> None:
    try:
        arrived = reader(b"\n".join([first, *lines]), now=now)
    except NotAnArtefact:
        return
    for digest, kept in entries_of(arrived).items():
        assert len(digest) == 64
        assert set(digest) <= set("0123456789abcdef")
        assert kept.value.isascii()
        assert kept.value != "junk"
        assert 0 < kept.left_s <= LIVES.left_s
        assert kept.fresh_s <= min(kept.left_s, LIVES.fresh_s)


@given(
    st.dictionaries(
        st.text("0123456789abcdef", min_size=64, max_size=64),
        st.builds(
            lambda value, fresh, more: Kept(json.dumps(value), fresh, fresh + more),
            st.text().filter(lambda text: text != "junk"),
            st.integers(0, 1000).map(float),
            st.integers(1, 2000).map(float),
        ),
        max_size=5,
    )
)
def test_all_of_it_arrives(kept: dict[str, Kept]) -> None:
    assert entries_of(reader(written(kept, now=1e9), now=1e9)) == kept
