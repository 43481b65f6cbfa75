"""Answers that come as server-sent events: from bytes in any portions to the body that one POST would bring.

What a stream says is believed only when it ends as its API ends a stream: with ``[DONE]`` or a reason to
finish (Chat Completions), or with the whole response (Responses). A connection that just closes cut the
answer off, however clean it closes. No I/O here, and no SDK.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from kibitz.guard.sanitize import Rejected, decode_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from kibitz.provider.call import Listener

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
_DONE = "[DONE]"
_EVENTS_AT_ONCE = 100
"""After so many in one portion the event loop has a turn; each takes some 25 microseconds."""
_LAST = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


class BadStream(Exception):  # noqa: N818 - it never leaves this room
    """The stream cannot be made an answer of."""


class Malformed(BadStream):
    """An event is not what the API sends."""


class CutOff(BadStream):
    """The stream ended in the middle of the answer."""


class TooLarge(BadStream):
    """An event, or the answer, is larger than allowed."""


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    name: str
    data: str


class EventReader:
    """Takes the bytes of a stream in any portions; an event that the stream's end cuts is lost."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._line = bytearray()
        """The line that has not ended yet."""
        self._data: list[bytes] = []
        self._size = 0
        self._name = b""
        self._after_return = self._begun = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that ``chunk`` completes.

        Raises:
            TooLarge: an event is longer than allowed.
            Malformed: an event is not UTF-8.
        """
        if self._after_return and chunk:
            # The second half of a line end that two portions share.
            chunk = chunk.removeprefix(b"\n")
            self._after_return = False
        if not chunk:
            return
        self._after_return = chunk.endswith(b"\r")
        *ended, rest = _LINE_END.split(chunk)
        for line in ended:
            self._add(line)
            whole = bytes(self._line)
            self._line.clear()
            if not self._begun:
                whole, self._begun = whole.removeprefix(_BOM), True
            if whole:
                self._field(whole)
            elif (event := self._event()) is not None:
                yield event
        self._add(rest)

    def _add(self, part: bytes) -> None:
        self._line += part
        if len(self._line) + self._size > self._max_bytes:
            raise TooLarge

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._size += len(value) + 1
        elif name == b"event":
            self._name = value

    def _event(self) -> Event | None:
        name, data = self._name, self._data
        self._name, self._data, self._size = b"", [], 0
        if not any(data):
            return None
        try:
            return Event(name.decode(), b"\n".join(data).decode())
        except UnicodeDecodeError:
            # The exception holds the bytes.
            raise Malformed from None


class _Answer(Protocol):
    """An answer that grows."""

    @property
    def ended(self) -> bool: ...  # the stream said that nothing follows
    @property
    def whole(self) -> bool: ...  # nothing is missing that matters
    def take(self, event: Event) -> str: ...  # what the event adds to the text
    def body(self) -> dict[str, Any]: ...  # what a POST without streaming would have brought


@dataclass(slots=True)
class _Chat:
    """Chunks of a chat completion."""

    ended: bool = False
    _text: list[str] = field(default_factory=list)
    _refusal: list[str] = field(default_factory=list)
    _finish: object = None
    _known: dict[str, Any] = field(default_factory=dict)
    """The model, what was used, and an error if one came."""

    @property
    def whole(self) -> bool:
        return self.ended or self._finish is not None

    def take(self, event: Event) -> str:
        if event.data.strip() == _DONE:
            self.ended = True
            return ""
        chunk = _object(event.data)
        if (error := _error_in(event, chunk)) is not None:
            self._known["error"] = error
            self.ended = True
            return ""
        self._known.update((name, chunk[name]) for name in ("model", "usage") if chunk.get(name))
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else {}
        # Only one answer was asked for: others are not ours to read.
        if not isinstance(choice, dict) or choice.get("index") not in (0, None):
            return ""
        self._finish = choice.get("finish_reason") or self._finish
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return ""
        if isinstance(refusal := delta.get("refusal"), str):
            self._refusal.append(refusal)
        content = delta.get("content")
        if not isinstance(content, str):
            return ""
        self._text.append(content)
        return content

    def body(self) -> dict[str, Any]:
        message = {
            "role": "assistant",
            "content": "".join(self._text),
            "refusal": "".join(self._refusal) or None,
        }
        choice = {"index": 0, "finish_reason": self._finish, "message": message}
        return {"object": "chat.completion", "choices": [choice], **self._known}


@dataclass(slots=True)
class _Responses:
    """Events of a response."""

    _text: list[str] = field(default_factory=list)
    _response: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        return self._response is not None

    @property
    def whole(self) -> bool:
        return self._response is not None

    def take(self, event: Event) -> str:
        if event.data.strip() == _DONE:
            return ""
        said = _object(event.data)
        kind = said.get("type")
        if isinstance(kind, str) and kind in _LAST:
            response = said.get("response")
            if not isinstance(response, dict):
                raise Malformed
            self._response = response
        elif (error := _error_in(event, said)) is not None:
            self._response = {"status": "failed", "error": error}
        elif kind == "response.output_text.delta" and isinstance(delta := said.get("delta"), str):
            self._text.append(delta)
            return delta
        return ""

    def body(self) -> dict[str, Any]:
        response = self._response or {}
        if response.get("status") == "completed" and response.get("output") == [] and self._text:
            # Seen with proxies: all has been said before, and is not said again.
            part = {"type": "output_text", "text": "".join(self._text)}
            response = {**response, "output": [{"type": "message", "content": [part]}]}
        return response


def _object(data: str) -> dict[str, Any]:
    try:
        value = decode_json(data)
    except Rejected:
        raise Malformed from None
    if not isinstance(value, dict):
        raise Malformed
    return value


def _error_in(event: Event, said: dict[str, Any]) -> dict[str, Any] | None:
    """The error that an event tells: of OpenAI itself, of proxies, of servers that know neither."""
    error = said.get("error")
    if isinstance(error, dict):
        return error
    told = error is not None or "error" in (event.name, said.get("type"), said.get("object"))
    return said if told else None


async def follow(
    chunks: AsyncIterator[bytes], api: str, *, max_bytes: int, listener: Listener
) -> dict[str, Any]:
    """Read a stream until its answer is whole, telling ``listener``; the body that one POST would bring.

    What ``listener`` raises comes out as it is.

    Raises:
        BadStream: it is malformed, cut off, or larger than ``max_bytes`` in one event or in its text.
    """
    reader = EventReader(max_bytes)
    answer: _Answer = _Responses() if api == "responses" else _Chat()
    left = max_bytes
    async for chunk in chunks:
        for number, event in enumerate(reader.feed(chunk), start=1):
            if number % _EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)
            if text := answer.take(event):
                left -= len(text)
                if left < 0:
                    raise TooLarge
                await listener.text(text)
            if answer.ended:
                return answer.body()
    if not answer.whole:
        raise CutOff
    return answer.body()
