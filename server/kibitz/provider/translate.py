"""The one boundary at which whatever went wrong becomes one of the five errors, in plain words.

Each message says what happened and what to do. What a provider says is quoted only where it helps, on one
line, without keys, and never where it repeats what was sent: that is source code. The exception that it came
from stays as the cause, with its own texts replaced, because tracebacks print causes too.

Imports openai and httpx2: load it in a thread.
"""

from __future__ import annotations

import email.utils
import json
import math
import re
import ssl
import time
from typing import TYPE_CHECKING

import httpx2
import openai

from kibitz.provider import transport
from kibitz.provider.errors import (
    APIError,
    ConfigError,
    InvalidResponse,
    OpenAIError,
    RateLimitExceeded,
    Timeout,
)
from kibitz.provider.fallback import MODEL_MISSING, TOO_LARGE
from kibitz.provider.wire import name_of
from kibitz.telemetry import security
from kibitz.telemetry.masking import mask
from kibitz.telemetry.security import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kibitz.provider.config import OpenAIConfig
    from kibitz.provider.keys.key import Key

_NO_CREDIT = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "billing_not_active",
        "organization_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "project_spend_limit_exceeded",
    }
)
_TOO_LONG = re.compile(
    r"context[ _](length|window|size)|maximum context|too many tokens|prompt is too long", re.IGNORECASE
)
_FIELDS = {
    "format": re.compile(r"(?i)response_format|text\.format|json_schema|json_object|structured.output"),
    "max_tokens": re.compile(r"\bmax_(completion_)?tokens\b"),
    "reasoning_effort": re.compile(r"\breasoning(_effort|\.effort)?\b"),
    "prompt_cache_key": re.compile(r"\bprompt_cache_key\b"),
    "logprobs": re.compile(r"\b(top_)?logprobs\b"),
    "temperature": re.compile(r"\btemperature\b"),
    "store": re.compile(r"\bstore\b"),
    "stream_options": re.compile(r"\bstream_options\b|\binclude_usage\b"),
    # Not just the word: gateways speak of the streams of their own connections, too.
    "stream": re.compile(r"(?i)\Astream\Z|verified to stream|stream(ing)? (is )?not supp|not support stream"),
}
_ONE_TOO_LARGE = re.compile(r"request too large|too large for", re.IGNORECASE)
"""What OpenAI says, with status 429, of a request that no minute has enough tokens for."""
_MODEL = re.compile(r"\bmodel\b", re.IGNORECASE)
_QUOTE_LENGTH = 200
_ECHO = 16
"""So many code points in a row that were sent, too, make a message an echo."""
_LONGEST_WAIT = 86_400.0


class FieldRefused(ConfigError):  # noqa: N818 - in line with the five
    """The endpoint does not know a field of the request; it may understand the request without it."""

    def __init__(self, message: str, *, field: str, status: int, request_id: str | None) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.field = field


def translate(
    error: Exception, config: OpenAIConfig, sent: str = "", *, key: Key | None = None
) -> OpenAIError:
    """The error to raise ``from error``, whose own texts are made harmless.

    ``sent`` is what was asked, and ``key`` what it was signed with.
    """
    translated = _translate(error, config, sent, key)
    if isinstance(error, openai.APIError):
        harmless = f"status {error.status_code}" if isinstance(error, openai.APIStatusError) else "failed"
        error.args, error.message, error.body = (harmless,), harmless, None
    elif isinstance(error, UnicodeError):
        error.args = ()
    return translated


def _translate(error: Exception, config: OpenAIConfig, sent: str, key: Key | None) -> OpenAIError:
    if isinstance(error, OpenAIError):
        return error
    if isinstance(error, transport.Refused):
        return _refused(error, config)
    if isinstance(error, openai.APIStatusError):
        return _Status(error, config, sent, key).translated()
    # httpx2's own errors come from streams, which are read without the SDK.
    if isinstance(error, openai.APIConnectionError | OSError | httpx2.HTTPError):
        return _connection(error, config)
    what = f"failed in an unexpected way ({type(error).__name__})"
    return APIError(f"the request to {config.endpoint.name} {what}; please report this")


def timed_out(config: OpenAIConfig, seconds: float | None = None) -> Timeout:
    """The deadline passed, which was ``seconds`` after the request went out."""
    after_ms = config.timeout_ms if seconds is None else round(seconds * 1000)
    return Timeout(
        f"{config.endpoint.name} gave no whole answer within {after_ms} ms; "
        "try again, or raise the setting timeout_ms",
        after_ms=after_ms,
        retryable=True,
    )


def unusable(config: OpenAIConfig, content_type: str, request_id: str | None) -> InvalidResponse:
    """A body that is not JSON came with a status that says success."""
    if "html" in content_type:
        what = "sent a web page in place of an answer; a proxy or a login page may be in between"
    else:
        what = "sent an answer that is not valid JSON"
    message = f"{config.endpoint.name} {what}; check the network and the setting base_url"
    return InvalidResponse(message, code="malformed", retryable=True, request_id=request_id)


def _refused(error: transport.Refused, config: OpenAIConfig) -> OpenAIError:
    name = config.endpoint.name
    match error.reason:
        case transport.REDIRECT:
            return APIError(
                f"{name} redirects to another address, where no source code is sent; if that address is "
                "right, set base_url to it",
                code=error.reason,
            )
        case transport.TOO_LARGE:
            return InvalidResponse(
                f"the answer of {name} is larger than {config.max_response_bytes} bytes and was not read; "
                "check the setting base_url, and proxies in between",
                code=error.reason,
            )
        case transport.ENCODING:
            return InvalidResponse(
                f"the answer of {name} is compressed in a way that cannot be read; check proxies in between",
                code=error.reason,
            )
        case _:
            return APIError(f"a request to another server than {name} was stopped; please report this")


def _connection(error: Exception, config: OpenAIConfig) -> OpenAIError:
    name = config.endpoint.name
    if _in_chain(error, httpx2.ConnectTimeout):
        return _unreachable(config, "it does not answer")
    if isinstance(error, openai.APITimeoutError | TimeoutError | httpx2.TimeoutException):
        return timed_out(config)
    if _in_chain(error, ssl.SSLError):
        return _untrusted(error, config)
    if _in_chain(error, httpx2.ConnectError):
        return _unreachable(config, "no connection")
    if _in_chain(error, httpx2.LocalProtocolError | httpx2.UnsupportedProtocol):
        return ConfigError(
            f"the request to {name} could not be written; check base_url, api_key and model for stray "
            "characters"
        )
    return cut_off(config)


def cut_off(config: OpenAIConfig, request_id: str | None = None) -> APIError:
    """The connection ended in the middle of an answer."""
    return APIError(
        f"the connection to {config.endpoint.name} broke before the answer was complete; try again",
        code="connection",
        retryable=True,
        request_id=request_id,
    )


def _untrusted(error: Exception, config: OpenAIConfig) -> OpenAIError:
    security.note(Event.TLS_REFUSED, origin=config.endpoint.address)
    if _in_chain(error, ssl.SSLCertVerificationError):
        return ConfigError(
            f"the certificate of {config.endpoint.name} is not trusted; check the clock and base_url, or add "
            "a company's own authority to the system's trusted certificates",
            code="certificate",
        )
    return APIError(
        f"no encrypted connection to {config.endpoint.name} came about; check base_url and proxies",
        code="tls",
    )


def _unreachable(config: OpenAIConfig, why: str) -> APIError:
    where = "the network"
    if config.endpoint.is_loopback:
        where = "that the server runs"
    return APIError(
        f"{config.endpoint.name} cannot be reached ({why}); check {where}, and the setting base_url",
        code="unreachable",
        retryable=True,
    )


class _Status:
    """An answer whose status says that the request failed."""

    def __init__(
        self, error: openai.APIStatusError, config: OpenAIConfig, sent: str, key: Key | None
    ) -> None:
        self._config = config
        self._key = key
        self._name = config.endpoint.name
        self._status = error.status_code
        self._headers = error.response.headers
        self._request_id = request_id_of(self._headers)
        body = error.body if isinstance(error.body, dict) else {}
        self._code = name_of(body.get("code")) or name_of(body.get("type"))
        self._param = body.get("param") if isinstance(body.get("param"), str) else None
        self._said = error.body[:2000] if isinstance(error.body, str) else _message_in(body)
        self._sent = sent

    def translated(self) -> OpenAIError:
        error = self._by_status()
        error.status, error.request_id = self._status, self._request_id
        error.code = error.code or self._code
        error.retry_after = retry_after(self._headers)
        asked = self._headers.get("x-should-retry")
        if asked in {"true", "false"} and not isinstance(error, ConfigError) and error.code not in _NO_CREDIT:
            error.retryable = asked == "true"
        return error

    def _by_status(self) -> OpenAIError:
        known: dict[int, Callable[[], OpenAIError]] = {
            401: self._bad_key,
            403: self._forbidden,
            404: self._not_found,
            408: self._not_now,
            409: self._not_now,
            413: self._too_long,
            425: self._not_now,
            429: self._too_many,
        }
        other = self._broken if self._status >= 500 else self._bad_request  # noqa: PLR2004 - HTTP's own line
        return known.get(self._status, other)()

    def _not_now(self) -> APIError:
        return APIError(f"{self._name} could not take the request just now; try again", retryable=True)

    def _forbidden(self) -> ConfigError:
        return ConfigError(
            f"{self._name} does not let this key use the model {self._config.model!r}; check the key's "
            "permissions, the project and the region, or choose another one with the setting "
            f"{self._config.model_setting}"
        )

    def _bad_key(self) -> ConfigError:
        if self._key is None:
            return ConfigError(f"{self._name} wants an API key; set OPENAI_API_KEY (or KIBITZ_API_KEY)")
        return ConfigError(
            f"{self._name} does not accept the API key from {self._key.place} "
            f"(fingerprint {self._key.id}); "
            "put a valid one there"
        )

    def _not_found(self) -> ConfigError:
        if self._code == "model_not_found" or _MODEL.search(self._said):
            return ConfigError(
                f"{self._name} has no model {self._config.model!r}, or not for this key; "
                f"set another one with the setting {self._config.model_setting}",
                code=MODEL_MISSING,
            )
        return ConfigError(
            f"{self._name} does not know the address that was asked; check the setting base_url (it mostly "
            'ends in /v1), or set api to "chat" or "responses"'
        )

    def _too_many(self) -> RateLimitExceeded:
        if self._code in _NO_CREDIT:
            return RateLimitExceeded(
                f"the credit or spending limit at {self._name} is used up; check the plan and billing there"
            )
        if _ONE_TOO_LARGE.search(self._said):
            return RateLimitExceeded(
                f"one request needs more tokens than {self._name} gives in a minute; lower the setting "
                "max_request_tokens",
                code=TOO_LARGE,
            )
        return RateLimitExceeded(
            f"{self._name} wants fewer requests or tokens; if this happens often, lower requests_per_minute "
            "or tokens_per_minute",
            retryable=True,
        )

    def _too_long(self) -> APIError:
        return APIError(
            "the request is longer than the model or server takes; lower the setting max_request_tokens",
            code="context_length_exceeded",
        )

    def _broken(self) -> OpenAIError:
        if refused := self._field_refused():
            return refused
        return APIError(
            f"{self._name} failed with status {self._status}; this is on its side, try again later",
            retryable=self._status != 501,  # noqa: PLR2004 - "not implemented" will not pass
        )

    def _bad_request(self) -> OpenAIError:
        if self._code == "context_length_exceeded" or _TOO_LONG.search(self._said):
            return self._too_long()
        if self._code == "model_not_found":
            return self._not_found()
        if refused := self._field_refused():
            return refused
        return APIError(f"{self._name} refused the request with status {self._status}{self._quoted()}")

    def _field_refused(self) -> OpenAIError | None:
        """A field of ours that the provider names as the trouble."""
        told = self._param or self._said
        for field, pattern in _FIELDS.items():
            if pattern.search(told):
                message = (
                    f"{self._name} does not accept the setting {field}{self._quoted()}; change or unset it"
                )
                return FieldRefused(message, field=field, status=self._status, request_id=self._request_id)
        return None

    def _quoted(self) -> str:
        said = quotable(self._said, self._sent)
        return f": {said!r}" if said else ""


def _message_in(body: Mapping[str, object]) -> str:
    """What the provider says in words: ``message``, or FastAPI's ``detail``."""
    message = body.get("message")
    if isinstance(message, str):
        return message[:2000]
    detail = body.get("detail")
    if isinstance(detail, list):
        kept = [{k: d.get(k) for k in ("loc", "msg")} for d in detail[:5] if isinstance(d, dict)]
        return json.dumps(kept)[:2000]
    return detail[:2000] if isinstance(detail, str) else ""


def quotable(said: str, sent: str) -> str:
    """A provider's words on one short line without keys; nothing if they repeat what was sent."""
    line = mask(" ".join("".join(c if c.isprintable() else " " for c in said).split()))[:_QUOTE_LENGTH]
    echoes = any(line[i : i + _ECHO] in sent for i in range(max(len(line) - _ECHO + 1, 0)))
    return "" if echoes else line


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """The provider's id of the request, if it is a plain one."""
    return name_of(headers.get("x-request-id"))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the provider asks to wait: milliseconds, seconds, or a date; None if it does not say."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return min(milliseconds / 1000, _LONGEST_WAIT)
    raw = headers.get("retry-after")
    if (seconds := _number(raw)) is not None:
        return min(seconds, _LONGEST_WAIT)
    if raw is None:
        return None
    try:
        at = email.utils.parsedate_to_datetime(raw).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(at - time.time(), 0.0), _LONGEST_WAIT)


def _number(raw: str | None) -> float | None:
    try:
        value = float(raw or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _in_chain(error: BaseException, kinds: object) -> bool:
    return any(isinstance(link, kinds) for link in _chain(error))  # type: ignore[arg-type]  # a class or a union
