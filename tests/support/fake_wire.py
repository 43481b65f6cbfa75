"""How a ``Reply`` looks on the wire: Chat Completions and Responses, as JSON or as server-sent events, and
Completions in one piece.

Streams go wrong as ``Reply.breaks`` says; the words for it are in ``_broken``.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from typing import TYPE_CHECKING, Any

from tests.support.fake_http import head

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.fake_answers import Prompt, Reply
    from tests.support.fake_http import Exchange

CHUNK = 16
"""Characters of content per streamed event."""


async def send(prompt: Prompt, reply: Reply, number: int) -> None:
    """Answer a request with a reply."""
    shape = _shape(prompt, reply, number)
    headers = {"x-request-id": f"req_{number}", **reply.headers}
    if not prompt.body.get("stream"):
        await prompt.exchange.respond(200, json.dumps(shape.whole()).encode(), headers=headers)
        return
    await prompt.exchange.write(head(200, "text/event-stream", None, headers))
    await _stream(prompt.exchange, shape)


def whole(prompt: Prompt, reply: Reply, number: int) -> dict[str, Any]:
    """The body of an answer that is not streamed."""
    return _shape(prompt, reply, number).whole()


def _shape(prompt: Prompt, reply: Reply, number: int) -> _Shape:
    shapes = {"chat": _Chat, "responses": _Responses, "completions": _Completion}
    return shapes[prompt.api](prompt, reply, number)


async def _stream(exchange: Exchange, shape: _Shape) -> None:
    reply, intact = shape.reply, True
    for event in shape.events():
        if reply.breaks == "silent" and shape.is_end(event):
            break
        await _write(exchange, event, reply.portion)
        if intact and shape.said >= reply.breaks_after:
            intact = False
            if reply.holds is not None:
                await reply.holds.wait()
            if reply.breaks and not await _broken(exchange, shape):
                return
    await exchange.write_chunk(b"")


async def _broken(exchange: Exchange, shape: _Shape) -> bool:
    """Let a stream go wrong now. Returns whether the rest of it follows."""
    match shape.reply.breaks:
        case "silent":  # all but what says that it is over: see _stream
            return True
        case "malformed":
            await exchange.write_chunk(b'data: {"choices": [\n\n')
            return True
        case "cut":  # the connection, in the middle of an event
            await exchange.write_chunk(b'data: {"choices": [{"ind')
            exchange.hang_up()
        case "end":  # in good order, as if that was all
            await exchange.write_chunk(b"")
        case "error":
            await exchange.write_chunk(shape.error_event())
            await exchange.write_chunk(b"")
        case "stall":
            await asyncio.Event().wait()
        case other:
            raise ValueError(f"a stream cannot break by {other!r}")
    return False


async def _write(exchange: Exchange, event: bytes, portion: int | None) -> None:
    step = portion or len(event)
    for start in range(0, len(event), step):
        await exchange.write_chunk(event[start : start + step])


class _Shape:
    def __init__(self, prompt: Prompt, reply: Reply, number: int) -> None:
        self.reply = reply
        self.model = reply.model or str(prompt.body.get("model"))
        self.number = number
        self.created = int(time.time())
        asked = len(prompt.exchange.raw) // 4
        said = len(reply.content) // 4 + 1 + reply.reasoning_tokens
        self.input_tokens = asked if reply.input_tokens is None else reply.input_tokens
        self.output_tokens = said if reply.output_tokens is None else reply.output_tokens
        self.wants_weights = bool(prompt.body.get("logprobs"))
        self.include_usage = bool((prompt.body.get("stream_options") or {}).get("include_usage"))
        self.said = 0
        """Characters of the content that events have carried so far."""

    def chunks(self) -> Iterator[str]:
        text = self.reply.content
        for start in range(0, len(text), CHUNK):
            self.said = min(start + CHUNK, len(text))
            yield text[start : start + CHUNK]

    def whole(self) -> dict[str, Any]:
        """The answer in one piece."""
        raise NotImplementedError

    def events(self) -> Iterator[bytes]:
        """The answer as server-sent events."""
        raise NotImplementedError

    def is_end(self, event: bytes) -> bool:
        """Whether the event says that the answer is over."""
        raise NotImplementedError

    def error_event(self) -> bytes:
        """A failure in the middle."""
        raise NotImplementedError

    @property
    def error(self) -> dict[str, Any]:
        return self.reply.error or {"code": "server_error", "message": "fake failure"}


def _weighed(token: tuple[Any, ...]) -> dict[str, Any]:
    text, probability, *others = token
    alone = {"token": text, "bytes": list(text.encode()), "logprob": math.log(probability)}
    return {**alone, "top_logprobs": [alone, *map(_weighed, others)]}


class _Chat(_Shape):
    def whole(self) -> dict[str, Any]:
        message: dict[str, Any] = {
            "role": "assistant",
            "content": self.reply.content,
            "refusal": self.reply.refusal,
        }
        if self.reply.refusal is not None:
            message["content"] = None
        if self.reply.tool:
            called = {"name": self.reply.tool, "arguments": self.reply.content}
            call = {"id": f"call_{self.number}", "type": "function", "function": called}
            message |= {"content": None, "tool_calls": [call]}
        answer = self._envelope("chat.completion")
        answer["choices"] = [{"index": 0, "finish_reason": self.reply.finish, "message": message}]
        if self.wants_weights and self.reply.weighed:
            answer["choices"][0]["logprobs"] = {"content": [*map(_weighed, self.reply.weighed)]}
        if self.reply.usage:
            answer["usage"] = self._usage()
        return answer

    def events(self) -> Iterator[bytes]:
        yield self._delta({"role": "assistant", "content": ""})
        if self.reply.refusal is not None:
            yield self._delta({"refusal": self.reply.refusal})
        else:
            yield from (self._delta({"content": part}) for part in self.chunks())
        yield self._event([{"index": 0, "delta": {}, "finish_reason": self.reply.finish}])
        if self.include_usage and self.reply.usage:
            yield self._event([], usage=self._usage())
        yield b"data: [DONE]\n\n"

    def is_end(self, event: bytes) -> bool:
        return b"[DONE]" in event or f'"finish_reason": "{self.reply.finish}"'.encode() in event

    def error_event(self) -> bytes:
        return f"data: {json.dumps({'error': self.error})}\n\n".encode()

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return self._event([{"index": 0, "delta": delta, "finish_reason": None}])

    def _event(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        chunk = {**self._envelope("chat.completion.chunk"), "choices": choices, **more}
        return f"data: {json.dumps(chunk)}\n\n".encode()

    def _envelope(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.number}",
            "object": kind,
            "created": self.created,
            "model": self.model,
        }

    def _usage(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.input_tokens,
            "completion_tokens": self.output_tokens,
            "total_tokens": self.input_tokens + self.output_tokens,
            "prompt_tokens_details": {"cached_tokens": self.reply.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": self.reply.reasoning_tokens},
        }


class _Completion(_Chat):
    def whole(self) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": 0, "text": self.reply.content, "finish_reason": self.reply.finish}
        if self.wants_weights and self.reply.weighed:
            choice["logprobs"] = {"content": [*map(_weighed, self.reply.weighed)]}
        answer = {**self._envelope("text_completion"), "choices": [choice]}
        return answer | ({"usage": self._usage()} if self.reply.usage else {})


class _Responses(_Shape):
    _order = 0

    def whole(self) -> dict[str, Any]:
        finish = self.reply.finish
        status = {"stop": "completed", "failed": "failed"}.get(finish, "incomplete")
        reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(finish)
        answer = self._envelope(status)
        answer["incomplete_details"] = {"reason": reason} if reason else None
        answer["output"] = [] if status == "failed" else [self._message(status, self._content())]
        if status == "failed":
            answer["error"] = self.error
        if self.reply.usage:
            answer["usage"] = self._usage()
        return answer

    def events(self) -> Iterator[bytes]:
        place = {"item_id": f"msg_{self.number}", "output_index": 0, "content_index": 0}
        empty = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        whole = self.whole()
        steps: list[tuple[str, dict[str, Any]]] = [
            ("output_text.done", {**place, "text": self.reply.content, "logprobs": []}),
            ("content_part.done", {**place, "part": self._content()[0]}),
            *(("output_item.done", {"output_index": 0, "item": m}) for m in whole["output"]),
            (whole["status"], {"response": whole}),
        ]
        yield self._event("created", {"response": self._envelope("in_progress")})
        item = self._message("in_progress", [])
        yield self._event("output_item.added", {"output_index": 0, "item": item})
        yield self._event("content_part.added", {**place, "part": empty})
        for part in self.chunks():
            yield self._event("output_text.delta", {**place, "delta": part, "logprobs": []})
        yield from (self._event(kind, data) for kind, data in steps)

    def is_end(self, event: bytes) -> bool:
        return event.startswith(f"event: response.{self.whole()['status']}\n".encode())

    def error_event(self) -> bytes:
        event = {"type": "error", "sequence_number": self._order, "param": None, **self.error}
        return f"event: error\ndata: {json.dumps(event)}\n\n".encode()

    def _event(self, kind: str, data: dict[str, Any]) -> bytes:
        event = {"type": f"response.{kind}", "sequence_number": self._order, **data}
        self._order += 1
        return f"event: response.{kind}\ndata: {json.dumps(event)}\n\n".encode()

    def _content(self) -> list[dict[str, Any]]:
        if self.reply.refusal is not None:
            return [{"type": "refusal", "refusal": self.reply.refusal}]
        return [{"type": "output_text", "text": self.reply.content, "annotations": [], "logprobs": []}]

    def _message(self, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": f"msg_{self.number}",
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }

    def _envelope(self, status: str) -> dict[str, Any]:
        return {
            "id": f"resp_{self.number}",
            "object": "response",
            "created_at": self.created,
            "status": status,
            "model": self.model,
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "error": None,
            "incomplete_details": None,
            "store": False,
        }

    def _usage(self) -> dict[str, Any]:
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "total_tokens": self.input_tokens + self.output_tokens,
            "input_tokens_details": {"cached_tokens": self.reply.cached_tokens},
            "output_tokens_details": {"reasoning_tokens": self.reply.reasoning_tokens},
        }
