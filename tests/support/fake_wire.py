"""How a ``Reply`` looks on the wire: Chat Completions and Responses, as JSON or as server-sent events."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from tests.support.fake_http import head

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.fake_answers import Prompt, Reply

CHUNK = 16
"""Characters of content per streamed event."""


async def send(prompt: Prompt, reply: Reply, number: int) -> None:
    """Answer a request with a reply."""
    shape = _Chat(prompt, reply, number) if prompt.api == "chat" else _Responses(prompt, reply, number)
    headers = {"x-request-id": f"req_{number}", **reply.headers}
    if not prompt.body.get("stream"):
        await prompt.exchange.respond(200, json.dumps(shape.whole()).encode(), headers=headers)
        return
    await prompt.exchange.write(head(200, "text/event-stream", None, headers))
    for event in shape.events():
        await prompt.exchange.write(event)
    prompt.exchange.hang_up()


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
        self.include_usage = bool((prompt.body.get("stream_options") or {}).get("include_usage"))

    def chunks(self) -> Iterator[str]:
        text = self.reply.content
        return (text[i : i + CHUNK] for i in range(0, len(text), CHUNK))


class _Chat(_Shape):
    def whole(self) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.reply.content, "refusal": self.reply.refusal}
        if self.reply.refusal is not None:
            message["content"] = None
        answer = self._envelope("chat.completion")
        answer["choices"] = [{"index": 0, "finish_reason": self.reply.finish, "message": message}]
        if self.reply.usage:
            answer["usage"] = self._usage()
        return answer

    def events(self) -> Iterator[bytes]:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        if self.reply.refusal is not None:
            deltas.append({"refusal": self.reply.refusal})
        else:
            deltas += [{"content": part} for part in self.chunks()]
        for delta in deltas:
            yield self._event([{"index": 0, "delta": delta, "finish_reason": None}])
        yield self._event([{"index": 0, "delta": {}, "finish_reason": self.reply.finish}])
        if self.include_usage and self.reply.usage:
            yield self._event([], usage=self._usage())
        yield b"data: [DONE]\n\n"

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


class _Responses(_Shape):
    def whole(self) -> dict[str, Any]:
        finish = self.reply.finish
        status = {"stop": "completed", "failed": "failed"}.get(finish, "incomplete")
        reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(finish)
        answer = self._envelope(status)
        answer["incomplete_details"] = {"reason": reason} if reason else None
        answer["output"] = [] if status == "failed" else [self._message(status, self._content())]
        if status == "failed":
            answer["error"] = self.reply.error or {"code": "server_error", "message": "fake failure"}
        if self.reply.usage:
            answer["usage"] = self._usage()
        return answer

    def events(self) -> Iterator[bytes]:
        place = {"item_id": f"msg_{self.number}", "output_index": 0, "content_index": 0}
        empty = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        steps: list[tuple[str, dict[str, Any]]] = [
            ("response.created", {"response": self._envelope("in_progress")}),
            ("response.output_item.added", {"output_index": 0, "item": self._message("in_progress", [])}),
            ("response.content_part.added", {**place, "part": empty}),
        ]
        steps += [
            ("response.output_text.delta", {**place, "delta": part, "logprobs": []}) for part in self.chunks()
        ]
        whole = self.whole()
        steps += [
            ("response.output_text.done", {**place, "text": self.reply.content, "logprobs": []}),
            ("response.content_part.done", {**place, "part": self._content()[0]}),
        ]
        steps += [("response.output_item.done", {"output_index": 0, "item": m}) for m in whole["output"]]
        steps.append((f"response.{whole['status']}", {"response": whole}))
        for order, (kind, data) in enumerate(steps):
            event = {"type": kind, "sequence_number": order, **data}
            yield f"event: {kind}\ndata: {json.dumps(event)}\n\n".encode()

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
