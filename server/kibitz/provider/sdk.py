"""The openai SDK, tamed: one POST, one body back, every failure translated.

The only place that calls the SDK. Importing it costs half a second of CPU and 40 MB: ``load`` does that and
builds the client, and is meant for a thread.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

# Would switch on the SDK's logging of what it sends, on stderr.
os.environ.pop("OPENAI_LOG", None)

import openai
import openai.resources.chat
import openai.resources.responses

from kibitz.guard.sanitize import Rejected, decode_json
from kibitz.provider import translate
from kibitz.provider.transport import http_client, signed_with

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kibitz.provider.config import OpenAIConfig
    from kibitz.provider.keys.key import Key

_PLACEHOLDER = "added-by-the-transport"


@dataclass(frozen=True, slots=True)
class Reply:
    """A decoded answer with a status of success."""

    data: object
    request_id: str | None


class Sdk:
    """The SDK's client for one configuration. Blocks while it is built."""

    def __init__(self, config: OpenAIConfig) -> None:
        self._config = config
        self._http = http_client(config)
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
        create = self._client.responses if api == "responses" else self._client.chat.completions
        try:
            with signed_with(key):
                raw = await create.with_raw_response.create(**body)
        except Exception as error:
            if isinstance(error, openai.APIStatusError):
                on_headers(error.response.headers)
            raise translate.translate(error, self._config, sent, key=key) from error
        on_headers(raw.headers)
        request_id = translate.request_id_of(raw.headers)
        try:
            return Reply(decode_json(raw.content.decode("utf-8")), request_id)
        except (UnicodeDecodeError, Rejected) as error:
            # Not "from": the exception holds the body.
            cause = ValueError(type(error).__name__)
            content_type = raw.headers.get("content-type", "")
            raise translate.unusable(self._config, content_type, request_id) from cause

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def load(config: OpenAIConfig) -> Sdk:
    """Build a client; blocks for half a second or more the first time."""
    return Sdk(config)
