"""The openai SDK, tamed: one POST, one body back (at once or as a stream), every failure translated.

The only place that calls the SDK. Importing it costs half a second of CPU and 40 MB: ``load`` does that and
builds the client, and is meant for a thread.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

# Would switch on the SDK's logging of what it sends, on stderr.
os.environ.pop("OPENAI_LOG", None)

import httpx2
import openai

from kibitz.guard.sanitize import Rejected, decode_json
from kibitz.provider import streaming, translate
from kibitz.provider.errors import OpenAIError
from kibitz.provider.transport import TOO_LARGE, Refused, http_client, reading_up_to, signed_with
from kibitz.provider.turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from kibitz.provider.call import Listener
    from kibitz.provider.config import OpenAIConfig
    from kibitz.provider.keys.key import Key

_PLACEHOLDER = "added-by-the-transport"
_PATHS = {"responses": "/responses", "chat": "/chat/completions", "completions": "/completions"}
_EVENT_STREAM = "text/event-stream"
_WRAPPING = 32
"""A stream wraps every few characters of an answer in some hundred bytes, which are not kept."""
_END_SECONDS = 0.1
"""A server has so long to end a stream after its last event."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A decoded answer with a status of success."""

    data: object
    request_id: str | None


class Sdk:
    """The SDK's client for one configuration. Blocks while it is built."""

    def __init__(self, config: OpenAIConfig) -> None:
        self._config = config
        self._turns = Turns()
        self._http = http_client(config, self._turns)
        self._client = openai.AsyncOpenAI(
            # Not the key: the transport adds that, so that nothing of the SDK's can show it.
            api_key=_PLACEHOLDER,
            base_url=config.endpoint.url,
            max_retries=0,
            timeout=self._http.timeout,
            http_client=self._http,
        )

    @property
    def client(self) -> openai.AsyncOpenAI:
        """For ``batch_sdk``: requests have to be signed, and failures translated."""
        return self._client

    @property
    def config(self) -> OpenAIConfig:
        """Where requests go, and how."""
        return self._config

    async def post(
        self,
        api: str,
        body: dict[str, Any],
        sent: str,
        *,
        key: Key | None,
        on_headers: Callable[[Mapping[str, str]], None],
    ) -> Reply:
        """Ask; ``sent`` is the text that must not be quoted in an error.

        ``on_headers`` gets the headers of whatever answer comes, also of a refusal.

        Raises:
            OpenAIError: whatever went wrong. ``CancelledError`` passes through, with the connection closed.
        """
        response = await self._posted(api, body, sent, key, on_headers)
        return self._reply(response.headers, response.content)

    async def stream(
        self,
        api: str,
        body: dict[str, Any],
        sent: str,
        *,
        key: Key | None,
        on_headers: Callable[[Mapping[str, str]], None],
        listener: Listener,
    ) -> Reply:
        """The same with a ``body`` that asks for a stream; ``listener`` hears the answer as it comes.

        The reply is what ``post`` would have brought. A server that does not stream brings just that.
        """
        with reading_up_to(self._config.max_response_bytes * _WRAPPING):
            response = await self._posted(api, body, sent, key, on_headers, streams=True)
        async with aclosing(response), aclosing(self._portions(response)) as portions:
            if _EVENT_STREAM in response.headers.get("content-type", ""):
                return await self._followed(response.headers, portions, api, listener)
            return self._reply(response.headers, await self._whole(portions))

    async def _posted(
        self,
        api: str,
        body: dict[str, Any],
        sent: str,
        key: Key | None,
        on_headers: Callable[[Mapping[str, str]], None],
        *,
        streams: bool = False,
    ) -> httpx2.Response:
        """An answer with a status of success; its body is still to be read if it ``streams``.

        Not by ``responses.create``, which would first look through the body for what has to be converted: a
        third of the time that the SDK takes, and there is nothing but plain JSON in it.
        """
        options: openai.RequestOptions = {"headers": {"accept": _EVENT_STREAM}} if streams else {}
        await self._turns.turn()
        try:
            with signed_with(key):
                response: httpx2.Response = await self._client.post(
                    _PATHS[api], cast_to=httpx2.Response, body=body, options=options, stream=streams
                )
        except Exception as error:
            if isinstance(error, openai.APIStatusError):
                on_headers(error.response.headers)
            raise translate.translate(error, self._config, sent, key=key) from error
        on_headers(response.headers)
        return response

    def _reply(self, headers: Mapping[str, str], content: bytes) -> Reply:
        request_id = translate.request_id_of(headers)
        try:
            return Reply(decode_json(content.decode("utf-8")), request_id)
        except (UnicodeDecodeError, Rejected) as error:
            # Not "from": the exception holds the body.
            cause = ValueError(type(error).__name__)
            content_type = headers.get("content-type", "")
            raise translate.unusable(self._config, content_type, request_id) from cause

    async def _portions(self, response: httpx2.Response) -> AsyncGenerator[bytes]:
        """A body as it comes in, every failure translated."""
        try:
            async for portion in response.aiter_bytes():
                yield portion
        except Exception as error:
            raise translate.translate(error, self._config) from error

    async def _whole(self, portions: AsyncGenerator[bytes]) -> bytes:
        content = bytearray()
        async for portion in portions:
            content += portion
            if len(content) > self._config.max_response_bytes:
                raise translate.translate(Refused(TOO_LARGE), self._config)
        return bytes(content)

    async def _followed(
        self, headers: Mapping[str, str], portions: AsyncGenerator[bytes], api: str, listener: Listener
    ) -> Reply:
        request_id = translate.request_id_of(headers)
        most = self._config.max_response_bytes
        try:
            data = await streaming.follow(portions, api, max_bytes=most, listener=listener)
        except streaming.CutOff as error:
            raise translate.cut_off(self._config, request_id) from error
        except streaming.Malformed as error:
            raise translate.unusable(self._config, _EVENT_STREAM, request_id) from error
        except streaming.TooLarge as error:
            raise translate.translate(Refused(TOO_LARGE), self._config) from error
        # The connection can serve again only if it was read to its end.
        with suppress(TimeoutError, OpenAIError):
            async with asyncio.timeout(_END_SECONDS):
                async for _ in portions:
                    pass
        return Reply(data, request_id)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def load(config: OpenAIConfig) -> Sdk:
    """Build a client; blocks for half a second or more the first time."""
    return Sdk(config)
