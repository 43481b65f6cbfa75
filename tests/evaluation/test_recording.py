from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kibitz.evaluation.lines import Lines, LinesError
from kibitz.evaluation.recording import Recording, watching
from kibitz.findings.dialogue import Token
from kibitz.findings.prompt import SCHEMA
from kibitz.provider.call import Call
from kibitz.provider.errors import ConfigError, InvalidResponse
from kibitz.provider.taping import Taken, Taping
from kibitz.provider.usage import Usage
from kibitz.provider.wire import Answer, Message, Question

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

QUESTION = Question("instructions", (Message("user", "code"),), "findings", SCHEMA)
TAKEN = Taken(
    answers=(
        Answer("no", model="m"),
        Answer(
            "half \ud83d",
            model=None,
            instead="x",
            tokens=(Token(b"\xf0\x9f", -0.5, (Token(b"\xff", -2.0),)),),
        ),
    ),
    usage=Usage(requests=2, input_tokens=10, output_tokens=3, cost_usd=Decimal("0.000012")),
    last=Usage(requests=1, input_tokens=5),
    model="m-1",
    failure=("length", "it was cut off"),
    seconds=1.5,
)


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    recording = Recording(path, asks=True)
    recording.keep("m", QUESTION, TAKEN)
    again = Recording(path, asks=False)
    assert again.find("m", QUESTION) == TAKEN
    assert again.find("other", QUESTION) is None
    assert again.find("m", Question("instructions", (Message("user", "other"),))) is None
    assert (again.paid, again.fresh, len(again)) == (TAKEN.usage, 0, 1)
    assert (recording.paid, recording.fresh) == (TAKEN.usage, 1)


def test_answers_of_another_run_are_taken_once_they_are_asked_for(tmp_path: Path) -> None:
    other = Recording(tmp_path / "other", asks=True)
    other.keep("m", QUESTION, TAKEN)
    other.keep("m", Question("never asked again", ()), TAKEN)
    recording = Recording(tmp_path / "answers", asks=True)
    recording.borrow(other)
    assert (len(recording), recording.paid) == (0, Usage())
    with watching() as seconds:
        assert recording.find("m", QUESTION) == TAKEN
        assert recording.find("other", QUESTION) is None
    assert seconds == [1.5]
    assert (len(recording), recording.paid, recording.fresh) == (1, TAKEN.usage, 0)
    assert Recording(tmp_path / "answers", asks=False).find("m", QUESTION) == TAKEN


def test_what_questions_could_not_say_at_first_does_not_change_their_names(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "answers", asks=True)
    recording.keep("m", Question("i", (Message("user", "x"),)), TAKEN)
    (line,) = (tmp_path / "answers").read_text().splitlines()
    assert json.loads(line)["question"] == "e696deef93ffd06fad98ef2ae9c713d6"
    assert recording.find("m", Question("i", (Message("user", "x"),), raw=True)) is None
    assert recording.find("m", Question("i", (Message("user", "x"),), stop="\n")) is None


def test_seconds_are_those_of_the_block(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "a", asks=True)
    recording.keep("m", QUESTION, TAKEN)
    with watching() as seconds:
        recording.find("m", QUESTION)
        recording.find("other", QUESTION)
    recording.find("m", QUESTION)
    assert seconds == [1.5]


@given(
    st.lists(st.sampled_from([b'{"a": 1}', b"\n", b"{", b"\xff", b"[" * 5000, b"7", b" ", b"\r\n"])).map(
        b"".join
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_lines_or_refused_and_can_be_added_to(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lines"
    path.write_bytes(content)
    lines = Lines(path)
    with suppress(LinesError):
        before = list(lines.read())
        lines.add({"b": 2})
        assert list(lines.read()) == [*before, (len(before) + 1, {"b": 2})]
    with suppress(LinesError):
        Recording(path, asks=False)


def test_a_long_half_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    for whole in (b"", b"1\n"):
        path.write_bytes(whole + b"x" * 20_000)
        Lines(path).add({})
        assert path.read_bytes() == whole + b"{}\n"


def taping(recording: Recording, call: Call) -> Taping:
    ticks = iter(range(100))
    return Taping(recording, "m", QUESTION, call, lambda: float(next(ticks)))


def parse(answer: Answer) -> str:
    if answer.text == "bad":
        raise InvalidResponse("not in the schema", code="malformed", retryable=True)
    return answer.text


async def test_a_question_is_asked_once_and_counts_each_time(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "a", asks=True)
    call = Call()

    async def ask(parse: Callable[[Answer], str]) -> str:
        call.tally.usage += Usage(requests=2, input_tokens=7)
        call.tally.answer, call.tally.model = Usage(requests=1, input_tokens=4), "m-1"
        with suppress(InvalidResponse):
            parse(Answer("bad"))
        return parse(Answer("good"))

    async def never(_parse: Callable[[Answer], str]) -> str:
        raise AssertionError

    call.tally.usage += Usage(requests=1, input_tokens=1)
    assert await taping(recording, call).answer(parse, ask) == "good"
    assert call.tally.usage == Usage(requests=3, input_tokens=8)
    assert (call.tally.answer.input_tokens, call.tally.model) == (4, "m-1")
    again, tape = Call(), Recording(tmp_path / "a", asks=False)
    assert await taping(tape, again).answer(parse, never) == "good"
    assert again.tally.usage == Usage(requests=2, input_tokens=7)
    assert (again.tally.answer.input_tokens, again.tally.model) == (4, "m-1")


@pytest.mark.parametrize("text", ["bad", None])
async def test_an_answer_that_cannot_be_used_is_one_too(tmp_path: Path, text: str | None) -> None:
    async def ask(parse: Callable[[Answer], str]) -> str:
        if text is not None:
            parse(Answer(text))
        raise InvalidResponse("it was cut off", code="length")

    for asks in (True, False):
        asked = taping(Recording(tmp_path / "a", asks=asks), Call()).answer(parse, ask)
        with pytest.raises(InvalidResponse) as caught:
            await asked
        assert caught.value.code == ("malformed" if text else "length")


async def test_what_came_to_nothing_is_not_on_the_tape(tmp_path: Path) -> None:
    async def fail(_parse: Callable[[Answer], str]) -> str:
        raise ConfigError("no key")

    recording = Recording(tmp_path / "a", asks=True)
    with pytest.raises(ConfigError, match="no key"):
        await taping(recording, Call()).answer(parse, fail)
    assert len(recording) == 0
    asked: Awaitable[str] = taping(Recording(tmp_path / "a", asks=False), Call()).answer(parse, fail)
    with pytest.raises(ConfigError, match="the recording has no answer"):
        await asked
