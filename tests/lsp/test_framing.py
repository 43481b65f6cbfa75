from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kibitz.lsp.framing import HEAD_BYTES, Frame, FrameReader, Oversize


def framed(body: bytes, length: int | None = None, name: bytes = b"Content-Length") -> bytes:
    return name + b": %d\r\n\r\n" % (len(body) if length is None else length) + body


def bodies(frames: list[Frame | Oversize]) -> list[bytes]:
    return [frame.body for frame in frames if isinstance(frame, Frame)]


PROBE = b'{"probe":1}'


@given(st.lists(st.binary(max_size=50).filter(lambda b: b"\n" not in b), max_size=6), st.data())
def test_messages_survive_any_division_into_chunks(messages: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(framed(message) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader = FrameReader()
    seen: list[bytes] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        seen += bodies(reader.feed(stream[start:end]))
    assert seen == messages


def test_header_names_are_case_insensitive_and_other_headers_are_skipped() -> None:
    stream = b"content-TYPE: application/vscode-jsonrpc\r\n" + framed(PROBE, name=b"cOnTeNt-LeNgTh")
    assert bodies(FrameReader().feed(stream)) == [PROBE]


def test_bare_newlines_end_headers_too() -> None:
    assert bodies(FrameReader().feed(b"Content-Length: 2\n\n{}")) == [b"{}"]


@given(st.integers(0, 60))
def test_a_length_that_is_too_small_costs_one_message(length: int) -> None:
    reader = FrameReader()
    body = b'{"method":"x","params":{"a":"' + b"y" * 40 + b'"}}'
    frames = reader.feed(framed(body, length) + framed(PROBE))
    assert bodies(frames)[-1] == PROBE
    assert len(frames) == 2


@given(st.integers(1, 500))
def test_a_length_that_is_too_large_costs_nothing_once_the_next_message_comes(excess: int) -> None:
    reader = FrameReader()
    assert reader.feed(framed(PROBE, len(PROBE) + excess)) == []
    assert bodies(reader.feed(framed(b"{}") * 2))[0] == PROBE
    assert bodies(reader.feed(framed(PROBE)))[-1] == PROBE


def test_an_absurd_length_is_neither_believed_nor_allocated() -> None:
    reader = FrameReader()
    frames = reader.feed(framed(PROBE, 10**12) + framed(b"{}"))
    assert bodies(frames) == [PROBE, b"{}"]


def test_a_message_over_the_limit_is_skipped_in_bounded_memory() -> None:
    reader = FrameReader(max_body=10_000)
    body = b'{"big":"' + b"x" * 1_000_000 + b'"}'
    stream = framed(body) + framed(PROBE)
    frames: list[Frame | Oversize] = []
    for start in range(0, len(stream), 1000):
        frames += reader.feed(stream[start : start + 1000])
        assert len(reader._buffer) <= 12_000
    assert frames == [Oversize(len(body), body[:HEAD_BYTES]), Frame(PROBE)]


def test_a_header_that_never_ends_is_forgotten() -> None:
    reader = FrameReader()
    for _ in range(100):
        reader.feed(b"x" * 10_000)
    assert len(reader._buffer) < 5000
    assert bodies(reader.feed(b"\r\n" + framed(PROBE))) == [PROBE]


@given(st.binary(max_size=400))
def test_garbage_never_raises_and_a_later_message_is_found(garbage: bytes) -> None:
    reader = FrameReader(max_body=1000)
    reader.feed(garbage)
    # Garbage may end inside a header of its own: the first message ends that, the second is heard.
    frames = reader.feed(b"\n\n" + framed(PROBE) + framed(PROBE))
    assert PROBE in bodies(frames)
