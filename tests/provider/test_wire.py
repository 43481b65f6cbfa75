from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from kibitz.findings.dialogue import Token
from kibitz.provider.config import OpenAIConfig
from kibitz.provider.errors import APIError, InvalidResponse, OpenAIError, RateLimitExceeded
from kibitz.provider.wire import (
    Answer,
    Dialect,
    Message,
    Question,
    body_of,
    json_part,
    name_of,
    read,
)

KEY = SecretStr("sk-test-12345678")
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
QUESTION = Question("do", (Message("user", "code"),), "findings", SCHEMA, max_output_tokens=100)
OPENAI = OpenAIConfig(api_key=KEY)
OTHER = OpenAIConfig(base_url="http://127.0.0.1:1/v1", model="qwen")
CHAT, RESPONSES = Dialect("chat"), Dialect("responses")


def test_openai_gets_responses_with_a_strict_schema_and_stores_nothing() -> None:
    body = body_of(QUESTION, OPENAI, Dialect.of(OPENAI))
    assert body == {
        "model": "gpt-6-luna",
        "instructions": "do",
        "input": [{"role": "user", "content": "code"}],
        "max_output_tokens": 4096,
        "store": False,
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_schema", "name": "findings", "schema": SCHEMA, "strict": True}},
        "prompt_cache_key": "kibitz-findings",
    }


def test_others_get_chat_completions_without_what_only_openai_knows() -> None:
    body = body_of(QUESTION, OTHER, Dialect.of(OTHER))
    assert body == {
        "model": "qwen",
        "messages": [{"role": "system", "content": "do"}, {"role": "user", "content": "code"}],
        "store": False,
        "max_tokens": 100,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "findings", "schema": SCHEMA, "strict": True},
        },
    }


def test_openai_by_chat_gets_the_new_name_of_the_bound() -> None:
    config = OpenAIConfig(api_key=KEY, api="chat", reasoning_effort="none", temperature=0.5)
    body = body_of(QUESTION, config, Dialect.of(config))
    assert (body["max_completion_tokens"], body["reasoning_effort"], body["temperature"]) == (
        100,
        "none",
        0.5,
    )
    assert "max_tokens" not in body


@pytest.mark.parametrize("dialect", [CHAT, RESPONSES])
def test_a_plain_question_asks_for_no_format(dialect: Dialect) -> None:
    body = body_of(Question("do", (Message("user", "x"),)), OTHER, dialect)
    assert not body.keys() & {"response_format", "text"}


def test_formats_are_given_up_one_by_one_and_then_told_in_words() -> None:
    second = CHAT.after_refusal("format")
    assert second is not None
    body = body_of(QUESTION, OTHER, second)
    assert body["response_format"] == {"type": "json_object"}
    assert json.dumps(SCHEMA) in body["messages"][0]["content"]
    third = second.after_refusal("format")
    assert third is not None
    assert "response_format" not in body_of(QUESTION, OTHER, third)
    assert third.after_refusal("format") is None


def test_other_fields_are_given_up_once() -> None:
    swapped = CHAT.after_refusal("max_tokens")
    assert swapped is not None
    assert body_of(QUESTION, OTHER, swapped)["max_completion_tokens"] == 100
    assert swapped.after_refusal("max_tokens") is None
    for field, key in (("reasoning_effort", "reasoning"), ("prompt_cache_key", "prompt_cache_key")):
        without = RESPONSES.after_refusal(field)
        assert without is not None
        assert key not in body_of(QUESTION, OPENAI, without)
        assert without.after_refusal(field) is None
    assert RESPONSES.after_refusal("store") is None
    forgetful = CHAT.after_refusal("store")
    assert forgetful is not None
    assert "store" not in body_of(QUESTION, OTHER, forgetful)
    assert forgetful.after_refusal("store") is None
    assert RESPONSES.after_refusal("temperature") is None


def test_lone_surrogates_are_replaced_one_to_one() -> None:
    body = body_of(Question("do", (Message("user", "a\ud800b😀"),)), OTHER, CHAT)
    assert body["messages"][1]["content"] == "a\ufffdb😀"
    json.dumps(body, ensure_ascii=False).encode()


def chat(finish: str = "stop", **message: Any) -> dict[str, Any]:
    return {"model": "m", "choices": [{"finish_reason": finish, "message": {"content": "hi", **message}}]}


def test_answers_are_read_with_their_usage() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    answer = read(CHAT, {**chat(), "usage": usage})
    assert (answer.text, answer.problem, answer.model) == ("hi", None, "m")
    used = answer.usage
    assert used is not None
    assert (used.input_tokens, used.cached_tokens, used.cache_write_tokens) == (10, 4, 2)
    assert (used.output_tokens, used.reasoning_tokens, used.requests) == (5, 3, 1)
    assert read(CHAT, chat()).usage is None


FAILED = {"status": "failed", "error": {"code": "server_error", "message": "x"}, "output": []}


@pytest.mark.parametrize(
    ("dialect", "reply", "kind", "code", "retryable"),
    [
        (CHAT, {}, InvalidResponse, "malformed", True),
        (CHAT, [], InvalidResponse, "malformed", True),
        (CHAT, {"choices": None}, InvalidResponse, "malformed", True),
        (CHAT, {"choices": [None]}, InvalidResponse, "malformed", True),
        (CHAT, chat(content=None), InvalidResponse, "empty", True),
        (CHAT, chat(content="  "), InvalidResponse, "empty", True),
        (CHAT, chat(content=[{"text": "x"}]), InvalidResponse, "empty", True),
        (CHAT, chat(refusal="no"), InvalidResponse, "refusal", False),
        (CHAT, chat("length"), InvalidResponse, "length", False),
        (CHAT, chat("content_filter"), InvalidResponse, "content_filter", False),
        (CHAT, {"error": {"code": 503, "message": "x"}}, APIError, "503", True),
        (CHAT, {"error": {"code": 429}}, RateLimitExceeded, "429", True),
        (RESPONSES, {}, InvalidResponse, "malformed", True),
        (RESPONSES, {"status": "completed", "output": []}, InvalidResponse, "empty", True),
        (RESPONSES, FAILED, APIError, "server_error", True),
        (RESPONSES, {**FAILED, "error": {"code": "rate_limit_exceeded"}}, RateLimitExceeded, None, True),
        (RESPONSES, {**FAILED, "error": {"code": "invalid_prompt"}}, APIError, "invalid_prompt", False),
        (RESPONSES, {"status": "failed", "error": None}, APIError, None, False),
        (RESPONSES, {"status": "incomplete"}, InvalidResponse, "length", False),
        (
            RESPONSES,
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            InvalidResponse,
            "content_filter",
            False,
        ),
        (
            RESPONSES,
            {"status": "completed", "output": [{"type": "message", "content": [{"type": "refusal"}]}]},
            InvalidResponse,
            "refusal",
            False,
        ),
    ],
)
def test_unusable_answers_have_their_error(
    dialect: Dialect,
    reply: object,
    kind: type[OpenAIError],
    code: str | None,
    retryable: bool,
) -> None:
    problem = read(dialect, reply).problem
    assert type(problem) is kind
    assert code is None or problem.code == code
    assert problem.retryable is retryable


KEYS = st.sampled_from(
    [
        *("choices", "message", "content", "finish_reason", "refusal", "usage", "prompt_tokens", "error"),
        *("code", "status", "output", "type", "text", "input_tokens_details", "cached_tokens", "model"),
        *("incomplete_details", "reason", "prompt_tokens_details"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@given(st.sampled_from([CHAT, RESPONSES]), JSON)
def test_reading_never_raises(dialect: Dialect, reply: object) -> None:
    answer = read(dialect, reply)
    assert isinstance(answer, Answer)
    assert answer.problem is not None or answer.text.strip()
    if answer.usage is not None:
        assert answer.usage.input_tokens >= 0


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('  {"a": "```"}\n', '{"a": "```"}'),
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('Sure! Here it is:\n```\n{"a": 1}\n```\nAnything else?', '{"a": 1}'),
        ('<think>{"no": 1}</think>\n{"a": 1}', '{"a": 1}'),
        ('The answer is {"a": {"b": 1}}.', '{"a": {"b": 1}}'),
        ("no JSON at all", "no JSON at all"),
        ("} {", "} {"),
    ],
)
def test_json_is_found_in_what_surrounds_it(text: str, inner: str) -> None:
    assert json_part(text) == inner


def test_identifiers_from_outside_are_plain_or_nothing() -> None:
    assert name_of("gpt-6-luna") == "gpt-6-luna"
    assert name_of("a b") is None
    assert name_of("x" * 201) is None
    assert name_of("\x1b[2J") is None
    assert name_of(7) is None


def test_probabilities_are_asked_for_where_they_help_and_not_where_they_are_refused() -> None:
    chat = OpenAIConfig(api_key=KEY, api="chat")
    weighed, dialect = Question("i", (Message("user", "m"),), weigh=True), Dialect.of(chat)
    assert body_of(weighed, chat, dialect)["top_logprobs"] == 3
    assert "logprobs" not in body_of(Question("i", (Message("user", "m"),)), chat, dialect)
    refused = dialect.after_refusal("logprobs")
    assert refused is not None
    assert "logprobs" not in body_of(weighed, chat, refused)
    assert "logprobs" not in body_of(weighed, chat, Dialect("responses"))


def test_raw_text_is_asked_as_it_is_and_turns_end_where_they_are_told_to() -> None:
    chat = OpenAIConfig(api_key=KEY, api="chat", model="m")
    dialect = Dialect.of(chat)
    raw = Question("", (Message("user", "text \ud83d"),), "infill", max_output_tokens=1, weigh=True, raw=True)
    assert body_of(raw, chat, dialect) == {
        "model": "m",
        "prompt": "text \ufffd",
        "max_tokens": 1,
        "logprobs": 40,
    }
    refused = dialect.after_refusal("logprobs")
    assert refused is not None
    assert "logprobs" not in body_of(raw, chat, refused)
    assert "stop" not in body_of(Question("i", (Message("user", "m"),)), chat, dialect)
    assert body_of(Question("i", (Message("user", "m"),), stop="\n"), chat, dialect)["stop"] == "\n"


WEIGHED = {"content": [{"token": "a", "logprob": -1, "top_logprobs": [{"token": "b", "logprob": -2}]}]}


@pytest.mark.parametrize(
    ("reply", "text", "tokens", "fails"),
    [
        (
            {"choices": [{"text": "\n", "finish_reason": "length", "logprobs": WEIGHED}]},
            "\n",
            (Token(b"a", -1.0, (Token(b"b", -2.0),)),),
            False,
        ),
        ({"choices": [{"text": "", "finish_reason": "stop"}]}, "", (), False),
        ({"choices": [{"text": 7}]}, "", (), True),
        ({"choices": [{}]}, "", (), True),
        ({"choices": []}, "", (), True),
        ({"choices": 7}, "", (), True),
        ({"choices": [{"text": "x"}], "error": {"message": "overloaded"}}, "", (), True),
        ({}, "", (), True),
        ([], "", (), True),
        (None, "", (), True),
    ],
)
def test_what_comes_after_raw_text_is_read_whatever_it_holds(
    reply: object, text: str, tokens: tuple[Token, ...], fails: bool
) -> None:
    answer = read(Dialect("chat"), reply, raw=True)
    assert (answer.text, answer.tokens, answer.problem is not None) == (text, tokens, fails)


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ([{"token": "\ufffd", "bytes": [195], "logprob": -0.5}], (Token(b"\xc3", -0.5),)),
        ([{"token": "é", "logprob": 0}], (Token("é".encode(), 0.0),)),
        ([{"token": "a", "bytes": 10**12, "logprob": -1}], (Token(b"a", -1.0),)),
        (
            [{"token": "a", "logprob": -1, "top_logprobs": [{"token": t, "logprob": -2} for t in "abcd"]}],
            (Token(b"a", -1.0, (Token(b"b", -2.0), Token(b"c", -2.0))),),
        ),
        ([{"token": "a", "logprob": -1, "top_logprobs": [{"token": "b"}]}], ()),
        ([{"token": "a", "logprob": -1, "top_logprobs": 7}], ()),
        ([{"token": "a", "bytes": [999], "logprob": -1}], ()),
        ([{"token": 1, "logprob": -1}], ()),
        ([{"logprob": -1}], ()),
        (None, ()),
        (7, ()),
    ],
)
def test_tokens_are_read_all_or_none(content: object, tokens: tuple[Token, ...]) -> None:
    choice = {"message": {"content": "x"}, "finish_reason": "stop", "logprobs": {"content": content}}
    assert read(Dialect("chat"), {"choices": [choice]}).tokens == tokens
