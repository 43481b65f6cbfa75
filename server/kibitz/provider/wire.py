"""What goes over the wire and comes back, as plain JSON objects; no I/O and no SDK.

A ``Question`` is independent of the API. A ``Dialect`` is what an endpoint was seen to understand: it starts
with the best (a strict JSON schema) and gives up what a server refuses, one field at a time. What comes back
is read as if an enemy wrote it: nothing is assumed to be there, or to have the right type.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from kibitz.findings.dialogue import Token
from kibitz.provider.errors import APIError, InvalidResponse, OpenAIError, RateLimitExceeded
from kibitz.provider.models import Usage
from kibitz.provider.tokens import MESSAGE_OVERHEAD, estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kibitz.provider.config import OpenAIConfig

Format = Literal["json_schema", "json_object", "text"]
_FORMATS: tuple[Format, ...] = ("json_schema", "json_object", "text")
_ALTERNATIVES = 2
"""To each token of an answer that is weighed. Itself comes back among them."""
_RAW_ALTERNATIVES = 40
"""To the token that fills a gap: what else it could be is the answer."""
_MOST_TOKENS = 1_000_000_000
_NAME = re.compile(r"[\w./:@+-]{1,200}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a dialogue after the instructions."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Question:
    """One request for one answer."""

    instructions: str
    """Static within a kind of question: the prefix that prompt caches keep."""
    messages: tuple[Message, ...]
    schema_name: str = ""
    schema: Mapping[str, object] | None = None
    """None: the answer is plain text."""
    max_output_tokens: int | None = None
    """None: as many as the configuration allows."""
    weigh: bool = False
    """Have the probability of each token reported, where the API can."""
    language: str = ""
    """Of the source in it, as far as that is one; how many tokens a text takes depends on it."""
    raw: bool = False
    """Its one message is text to go on with, not a turn: asked by Completions, whatever else the API is."""
    stop: str = ""
    """The answer ends before this, where the API can."""

    @property
    def purpose(self) -> str:
        """What it is for, in a word."""
        return self.schema_name or "rewrite"

    @property
    def input_tokens(self) -> int:
        """What it will cost to read, by estimate."""
        texts = [self.instructions, *(message.content for message in self.messages)]
        if self.schema is not None:
            texts.append(json.dumps(self.schema))
        return sum(estimate(text) + MESSAGE_OVERHEAD for text in texts)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to put a question to one endpoint."""

    api: Literal["responses", "chat"]
    format: Format = "json_schema"
    completion_tokens: bool = False
    """Chat: the bound is called ``max_completion_tokens``, as OpenAI's own models want it."""
    without: frozenset[str] = frozenset()
    """Optional fields that were refused."""

    @classmethod
    def of(cls, config: OpenAIConfig) -> Dialect:
        """The best that the endpoint is expected to understand."""
        where = config.endpoint
        api = config.api
        if api == "auto":
            api = "responses" if where.speaks_responses else "chat"
        return cls(api, completion_tokens=where.is_openai or where.is_azure)

    def after_refusal(self, field: str) -> Dialect | None:
        """What to try after the endpoint refused a field; None if nothing is left to give up."""
        if field == "format" and self.format != _FORMATS[-1]:
            return replace(self, format=_FORMATS[_FORMATS.index(self.format) + 1])
        if field == "max_tokens" and self.api == "chat" and "max_tokens" not in self.without:
            # The other name, once: both refused means that the number is the trouble.
            return replace(
                self, completion_tokens=not self.completion_tokens, without=self.without | {"max_tokens"}
            )
        # To the Responses API `store` is never left out: there, storing is the default.
        optional = {"reasoning_effort", "prompt_cache_key", "logprobs", "stream", "stream_options"} | (
            {"store"} if self.api == "chat" else set()
        )
        if field in optional and field not in self.without:
            return replace(self, without=self.without | {field})
        return None


def body_of(
    question: Question, config: OpenAIConfig, dialect: Dialect, *, stream: bool = False
) -> dict[str, Any]:
    """The JSON body of a question. Lone surrogates, which no JSON can carry, become U+FFFD one to one.

    ``stream`` asks for the answer in events as it is written, unless the endpoint refused that before.
    """
    if question.raw:
        return _raw_body(question, config, dialect)
    instructions = _clean(question.instructions)
    if question.schema is not None and dialect.format != "json_schema":
        schema = json.dumps(question.schema)
        instructions += f"\n\nAnswer with nothing but JSON that fits this schema:\n{schema}"
    turns = [{"role": m.role, "content": _clean(m.content)} for m in question.messages]
    body: dict[str, Any] = {"model": config.model}
    effort = None if "reasoning_effort" in dialect.without else config.effort
    bound = _bound(question, config, reasons=effort not in {None, "none"})
    if dialect.api == "responses":
        # The provider keeps what it is asked to store for 30 days, and storing is its default.
        body |= {"instructions": instructions, "input": turns, "max_output_tokens": bound, "store": False}
        if effort is not None:
            body["reasoning"] = {"effort": effort}
        if form := _format(question, dialect):
            body["text"] = {"format": form}
    else:
        body |= _chat_fields(question, dialect, instructions, turns, bound=bound, effort=effort)
    if config.temperature is not None:
        body["temperature"] = config.temperature
    if config.endpoint.is_openai and "prompt_cache_key" not in dialect.without:
        # Requests with one prefix go to one machine, where its cache is.
        body["prompt_cache_key"] = f"kibitz-{question.schema_name or 'text'}"
    if stream and "stream" not in dialect.without:
        body["stream"] = True
        if dialect.api == "chat" and "stream_options" not in dialect.without:
            # Otherwise nobody says what it used.
            body["stream_options"] = {"include_usage": True}
    return body


def _raw_body(question: Question, config: OpenAIConfig, dialect: Dialect) -> dict[str, Any]:
    text = "".join(message.content for message in question.messages)
    bound = _bound(question, config, reasons=False)
    body: dict[str, Any] = {"model": config.model, "prompt": _clean(text), "max_tokens": bound}
    if question.weigh and "logprobs" not in dialect.without:
        body["logprobs"] = _RAW_ALTERNATIVES
    return body


def _chat_fields(
    question: Question,
    dialect: Dialect,
    instructions: str,
    turns: list[dict[str, str]],
    *,
    bound: int,
    effort: str | None,
) -> dict[str, Any]:
    body: dict[str, Any] = {"messages": [{"role": "system", "content": instructions}, *turns]}
    if "store" not in dialect.without:
        body["store"] = False  # a gateway may pass it on to somebody who would store
    body["max_completion_tokens" if dialect.completion_tokens else "max_tokens"] = bound
    if effort is not None:
        body["reasoning_effort"] = effort
    if form := _format(question, dialect):
        body["response_format"] = form
    if question.stop:
        body["stop"] = question.stop
    if question.weigh and "logprobs" not in dialect.without:
        # Some servers add twenty alternatives to each token unless they are told how many.
        body |= {"logprobs": True, "top_logprobs": _ALTERNATIVES + 1}
    return body


def _bound(question: Question, config: OpenAIConfig, *, reasons: bool) -> int:
    # A model that reasons spends from the same allowance: a bound made for the answer alone would cut it.
    if question.max_output_tokens is None or reasons:
        return config.max_tokens
    return min(question.max_output_tokens, config.max_tokens)


def _format(question: Question, dialect: Dialect) -> dict[str, Any] | None:
    if question.schema is None or dialect.format == "text":
        return None
    if dialect.format == "json_object":
        return {"type": "json_object"}
    inner = {"name": question.schema_name, "schema": question.schema, "strict": True}
    if dialect.api == "responses":
        return {"type": "json_schema", **inner}
    return {"type": "json_schema", "json_schema": inner}


def _clean(text: str) -> str:
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said, or why that cannot be used; what it used is known either way."""

    text: str = ""
    problem: OpenAIError | None = None
    usage: Usage | None = None
    """Without a cost; None if the server did not say."""
    model: str | None = None
    instead: str = ""
    """Who answered in place of the configured model; mostly nobody."""
    tokens: tuple[Token, ...] = ()
    """What the text is made of, with probabilities; empty unless they were asked for and came."""


def read(dialect: Dialect, reply: object, *, raw: bool = False) -> Answer:
    """An answer from a decoded body, whatever it holds; never raises.

    ``raw``: to a question that is. What ends at its bound is whole then, and may be a mere space.
    """
    api = "completions" if raw else dialect.api
    if not isinstance(reply, dict):
        return Answer(problem=_other_shape(api))
    text, problem = _READERS[api](reply)
    if isinstance(reply.get("error"), dict):
        text, problem = "", _upstream(reply["error"])
    if problem is None and not raw and not text.strip():
        problem = _unusable(
            "the answer is empty; if this happens often, use another model", code="empty", retryable=True
        )
    tokens = _tokens(reply, _RAW_ALTERNATIVES if raw else _ALTERNATIVES)
    return Answer(text, problem, _usage(reply.get("usage")), name_of(reply.get("model")), tokens=tokens)


def _first_choice(reply: dict[str, Any]) -> dict[str, Any] | None:
    choices = reply.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) else None


def _read_completion(reply: dict[str, Any]) -> tuple[str, OpenAIError | None]:
    text = (_first_choice(reply) or {}).get("text")
    return (text, None) if isinstance(text, str) else ("", _other_shape("completions"))


def _read_chat(reply: dict[str, Any]) -> tuple[str, OpenAIError | None]:
    choice = _first_choice(reply)
    message = None if choice is None else choice.get("message")
    if choice is None or not isinstance(message, dict):
        return "", _other_shape("chat")
    if isinstance(message.get("refusal"), str) and message["refusal"]:
        return "", _refused()
    if problem := _ending(choice.get("finish_reason")):
        return "", problem
    content = message.get("content")
    return content if isinstance(content, str) else "", None


def _tokens(reply: dict[str, Any], alternatives: int) -> tuple[Token, ...]:
    """The tokens of an answer in chat, or to raw text; none if any is not as it should be."""
    try:
        return tuple(_token(entry, alternatives) for entry in reply["choices"][0]["logprobs"]["content"])
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError):
        return ()


def _token(entry: dict[str, Any], most: int) -> Token:
    token = _alone(entry)
    others = (_alone(other) for other in entry.get("top_logprobs") or ())
    return replace(token, others=tuple(other for other in others if other.text != token.text)[:most])


def _alone(entry: dict[str, Any]) -> Token:
    raw = entry.get("bytes")
    # A token may be part of a character, which only its bytes can say. A number would make that many zeros.
    text = bytes(raw) if isinstance(raw, list) else entry["token"].encode()
    return Token(text, float(entry["logprob"]))


def _read_responses(reply: dict[str, Any]) -> tuple[str, OpenAIError | None]:
    status, output = reply.get("status"), reply.get("output")
    if status == "incomplete":
        details = reply.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        return "", _ending("content_filter" if reason == "content_filter" else "length")
    if status in ("failed", "cancelled"):
        return "", _upstream(reply.get("error"))
    if not isinstance(output, list):
        return "", _other_shape("responses")
    parts = [
        part
        for item in output
        if isinstance(item, dict) and item.get("type") == "message" and isinstance(item.get("content"), list)
        for part in item["content"]
        if isinstance(part, dict)
    ]
    if any(part.get("type") == "refusal" for part in parts):
        return "", _refused()
    texts = [part.get("text") for part in parts if part.get("type") == "output_text"]
    return "".join(text for text in texts if isinstance(text, str)), None


_READERS = {"chat": _read_chat, "completions": _read_completion, "responses": _read_responses}


def _ending(reason: object) -> OpenAIError | None:
    if reason == "length":
        return _unusable(
            "the answer was cut off at its longest length; raise the setting max_tokens", code="length"
        )
    if reason == "content_filter":
        return _unusable(
            "the provider's content filter stopped the answer; try another model, or exclude the file",
            code="content_filter",
        )
    return None


def _refused() -> OpenAIError:
    return _unusable(
        "the model refused to answer this request; try another model, or exclude the file", code="refusal"
    )


def _other_shape(api: str) -> OpenAIError:
    other = "responses" if api == "chat" else "chat"
    return _unusable(
        f"JSON came, but it is not an answer of the {api} API; check the setting base_url, or set api to "
        f'"{other}"',
        retryable=True,
    )


def _unusable(message: str, *, code: str = "malformed", retryable: bool = False) -> InvalidResponse:
    return InvalidResponse(message, code=code, retryable=retryable)


def _upstream(error: object) -> OpenAIError:
    """A failure that is told inside a successful answer."""
    raw = error.get("code") if isinstance(error, dict) else None
    code = name_of(str(raw)) if isinstance(raw, str | int) else None
    if code in {"rate_limit_exceeded", "429"}:
        return RateLimitExceeded(
            "the provider wants fewer requests; they will be spaced out", code=code, retryable=True
        )
    retryable = code in {"server_error", "500", "502", "503", "504", "529"}
    hint = "this is on its side; try again later" if retryable else "the request will not be repeated"
    return APIError(f"the provider failed while it answered ({code}); {hint}", code=code, retryable=retryable)


def _usage(reported: object) -> Usage | None:
    if not isinstance(reported, dict):
        return None

    def count(*names: str, of: object = reported) -> int:
        for name in names:
            value = of.get(name) if isinstance(of, dict) else None
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS:
                return value
        return 0

    inputs = reported.get("input_tokens_details") or reported.get("prompt_tokens_details")
    outputs = reported.get("output_tokens_details") or reported.get("completion_tokens_details")
    return Usage(
        requests=1,
        input_tokens=count("input_tokens", "prompt_tokens"),
        cached_tokens=count("cached_tokens", of=inputs),
        cache_write_tokens=count("cache_write_tokens", of=inputs),
        output_tokens=count("output_tokens", "completion_tokens"),
        reasoning_tokens=count("reasoning_tokens", of=outputs),
    )


def name_of(value: object) -> str | None:
    """A short plain identifier from outside (a model, a code, a request id), or None."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_BLOCK = re.compile(r"^```[a-zA-Z]*[ \t]*\n(.*?)^```", re.DOTALL | re.MULTILINE)


def json_part(text: str) -> str:
    """The JSON object in an answer that may be wrapped in thoughts, a code block, or a sentence."""
    text = _THOUGHT.sub("", text).strip()
    if text.startswith("{"):
        return text
    if block := _BLOCK.search(text):
        return block[1].strip()
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text
