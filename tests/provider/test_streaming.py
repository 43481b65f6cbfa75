from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.provider.streaming import BadStream, CutOff, Event, EventReader, Malformed, TooLarge, follow
from kibitz.provider.wire import Dialect, read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

_cuts = st.lists(st.integers(0, 100_000), max_size=20)
_bytes = st.binary(max_size=60) | st.lists(
    st.sampled_from(
        [
            b"data:",
            b"data: {}",
            b"event: x",
            b":",
            b" ",
            b"\r",
            b"\n",
            b"\r\n",
            b"\xef\xbb\xbf",
            b"\xc3",
            b"id",
        ]
    ),
    max_size=20,
).map(b"".join)


@dataclass
class Heard:
    """A listener that keeps what it hears."""

    shown: bool = False
    heard: int = 0
    texts: list[str] = field(default_factory=list)

    def begin(self) -> None:
        self.texts.clear()

    async def text(self, delta: str) -> None:
        self.texts.append(delta)


def portions(raw: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = sorted({0, len(raw), *(cut % (len(raw) + 1) for cut in cuts)})
    return [raw[start:end] for start, end in itertools.pairwise(places)]


def events(chunks: Sequence[bytes], max_bytes: int = 1 << 20) -> list[Event]:
    reader = EventReader(max_bytes)
    return [event for chunk in chunks for event in reader.feed(chunk)]


def sse(*data: object) -> bytes:
    """Events as OpenAI sends them."""
    lines = (value if isinstance(value, str) else json.dumps(value) for value in data)
    return "".join(f"data: {line}\n\n" for line in lines).encode()


def chunk(content: str | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    delta = {} if content is None else {"content": content}
    return {"model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def followed(
    raw: bytes, api: str = "chat", cuts: Sequence[int] = (), max_bytes: int = 1 << 20
) -> tuple[Any, str]:
    heard = Heard()

    async def chunks() -> AsyncIterator[bytes]:
        for portion in portions(raw, cuts):
            yield portion

    body = asyncio.run(follow(chunks(), api, max_bytes=max_bytes, listener=heard))
    return body, "".join(heard.texts)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_events_are_read_as_the_standard_says(end: str) -> None:
    lines = [
        *("\ufeff: a comment", "event: first", "data: one", "data:two", "data:  three", "id: 7", "", "", ""),
        *("data", "", "ignored: x", "", "data: last", "", "data: cut"),
    ]
    raw = end.join(lines).encode()
    assert events([raw]) == [Event("first", "one\ntwo\n three"), Event("", "last")]


@given(_bytes, _cuts)
def test_any_portions_give_the_same_events(raw: bytes, cuts: list[int]) -> None:
    def outcome(chunks: Sequence[bytes]) -> object:
        reader = EventReader(40)
        found: list[Event] = []
        try:
            for portion in chunks:
                found.extend(reader.feed(portion))
        except BadStream as error:
            return found, type(error)
        return found

    one_by_one = [raw[i : i + 1] for i in range(len(raw))]
    assert outcome([raw]) == outcome(portions(raw, cuts)) == outcome(one_by_one)


def test_an_event_without_end_is_given_up() -> None:
    assert len(events([b"data: " + b"x" * 94 + b"\n"] * 10, 1000)) == 0
    with pytest.raises(TooLarge):
        events([b"data: " + b"x" * 94 + b"\n"] * 11, 1000)
    with pytest.raises(TooLarge):
        events([b"x" * 1001], 1000)


@given(st.text(), st.text(), _cuts)
def test_a_chat_stream_gives_what_one_post_gives(one: str, two: str, cuts: list[int]) -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    raw = sse(
        chunk(""), chunk(one), chunk(two), chunk(finish="stop"), {"choices": [], "usage": usage}, "[DONE]"
    )
    body, heard = followed(raw, cuts=cuts)
    assert heard == one + two
    answer = read(Dialect("chat"), body)
    assert answer.model == "m-1"
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (7, 3)
    if (one + two).strip():
        assert (answer.text, answer.problem) == (one + two, None)


@given(st.text(min_size=1), _cuts)
def test_a_responses_stream_gives_what_one_post_gives(text: str, cuts: list[int]) -> None:
    response = {
        "status": "completed",
        "model": "m-1",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": text}]}],
        "usage": {"input_tokens": 7, "output_tokens": 3},
    }
    deltas = [{"type": "response.output_text.delta", "delta": letter} for letter in text]
    raw = sse(
        {"type": "response.created", "response": {}},
        *deltas,
        {"type": "response.completed", "response": response},
    )
    body, heard = followed(raw, "responses", cuts)
    assert (body, heard) == (response, text)


@pytest.mark.parametrize(
    ("api", "raw"),
    [
        ("chat", b""),
        ("chat", b": keep-alive\n\n"),
        ("chat", sse(chunk("half"))),
        ("chat", sse(chunk("half"), chunk(finish="stop"))[:-4]),
        ("responses", b""),
        ("responses", sse({"type": "response.output_text.delta", "delta": "half"})),
        ("responses", sse({"type": "response.output_text.delta", "delta": "half"}, "[DONE]")),
    ],
)
def test_a_stream_that_just_ends_is_no_answer(api: str, raw: bytes) -> None:
    with pytest.raises(CutOff):
        followed(raw, api)


def test_a_reason_to_finish_is_an_end_too() -> None:
    body, _ = followed(sse(chunk("all"), chunk(finish="stop")))
    assert read(Dialect("chat"), body).text == "all"


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize(
    "data", ['{"choices": [', "[]", "7", '{"a": NaN}', '{"a": 1, "a": 2}', "[" * 50 + "]" * 50]
)
def test_a_malformed_event_is_no_answer(api: str, data: str) -> None:
    with pytest.raises(Malformed):
        followed(sse(chunk("half"), data), api)


def test_bytes_that_are_no_text_are_no_answer() -> None:
    with pytest.raises(Malformed):
        followed(b"data: \xff\xfe\n\n")


@pytest.mark.parametrize(
    ("api", "raw", "code"),
    [
        ("chat", sse({"error": {"code": "server_error", "message": "no"}}), "server_error"),
        ("chat", sse({"error": {"code": 503, "message": "no"}}), "503"),
        ("chat", b"event: error\n" + sse({"code": "rate_limit_exceeded"}), "rate_limit_exceeded"),
        ("chat", sse({"object": "error", "code": 500}), "500"),
        ("chat", sse({"error": "overloaded"}), None),
        ("responses", sse({"type": "error", "code": "rate_limit_exceeded"}), "rate_limit_exceeded"),
        ("responses", sse({"type": "error", "error": {"code": "server_error"}}), "server_error"),
        ("responses", sse({"error": {"code": "server_error"}}), "server_error"),
        (
            "responses",
            sse(
                {
                    "type": "response.failed",
                    "response": {"status": "failed", "error": {"code": "server_error"}},
                }
            ),
            "server_error",
        ),
    ],
)
def test_an_error_in_the_stream_is_the_answers_problem(api: Any, raw: bytes, code: str | None) -> None:
    half = chunk("half") if api == "chat" else {"type": "response.output_text.delta", "delta": "half"}
    body, heard = followed(sse(half) + raw, api)
    answer = read(Dialect(api), body)
    assert heard == "half"
    assert answer.problem is not None
    assert answer.problem.code == code
    assert answer.problem.retryable is (code is not None)


def test_a_refusal_is_kept() -> None:
    raw = sse(
        {"choices": [{"index": 0, "delta": {"refusal": "I will "}}]},
        {"choices": [{"delta": {"refusal": "not"}}]},
        "[DONE]",
    )
    body, heard = followed(raw)
    problem = read(Dialect("chat"), body).problem
    assert heard == ""
    assert problem is not None
    assert problem.code == "refusal"


def test_an_end_that_does_not_repeat_the_text_has_it_all_the_same() -> None:
    raw = sse(
        {"type": "response.output_text.delta", "delta": "all"},
        {"type": "response.completed", "response": {"status": "completed", "output": []}},
    )
    body, _ = followed(raw, "responses")
    assert read(Dialect("responses"), body).text == "all"


def test_a_second_choice_is_not_ours() -> None:
    raw = sse(chunk("mine"), {"choices": [{"index": 1, "delta": {"content": "theirs"}}]}, "[DONE]")
    assert followed(raw)[1] == "mine"


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_text_without_end_is_given_up(api: str) -> None:
    part = chunk("x" * 100) if api == "chat" else {"type": "response.output_text.delta", "delta": "x" * 100}
    with pytest.raises(TooLarge):
        followed(sse(*[part] * 11), api, max_bytes=1000)


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["error", "message", "stop", "response.completed"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "error",
                    "code",
                    "choices",
                    "delta",
                    "content",
                    "index",
                    "finish_reason",
                    "usage",
                    "model",
                    "response",
                    "output",
                    "status",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(["chat", "responses"]), st.lists(_json, max_size=4), st.booleans())
def test_hostile_events_give_an_answer_or_a_bad_stream(api: Any, said: list[Any], done: bool) -> None:
    raw = sse(*said, *(["[DONE]"] if done else []))
    try:
        body, _ = followed(raw, api)
    except BadStream:
        return
    read(Dialect(api), body)


def test_a_flood_of_events_does_not_hold_up_the_loop() -> None:
    turns: list[int] = []
    events = 1000

    async def flood() -> AsyncIterator[bytes]:
        yield sse(*[{"choices": []}] * events, "[DONE]")

    async def meanwhile() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    async def main() -> None:
        other = asyncio.create_task(meanwhile())
        await follow(flood(), "chat", max_bytes=1 << 20, listener=Heard())
        other.cancel()

    asyncio.run(main())
    assert len(turns) >= events / 100
