"""What a client needs to know: the specification's fields under its names and units, and ours."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from kibitz.config.checks import check_base_url, check_key
from kibitz.findings.dialogue import Marks  # noqa: TC001 - pydantic reads it
from kibitz.provider.endpoint import OPENAI_URL, Endpoint
from kibitz.provider.errors import ConfigError

_FROZEN = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

Api = Literal["auto", "responses", "chat"]
Effort = Literal["none", "minimal", "low", "medium", "high"]


class _Settings(BaseModel):
    """A frozen model whose constructor raises ``ConfigError``, so that no pydantic error has to be caught."""

    model_config = _FROZEN

    def __init__(self, **fields: object) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise ConfigError(_explain(error)) from error


def _explain(error: ValidationError) -> str:
    """One line per wrong field; never the value, which may be a key."""
    lines = []
    for wrong in error.errors(include_url=False, include_input=False, include_context=False):
        name = ".".join(map(str, wrong["loc"])) or "the settings"
        lines.append(f"{name}: {wrong['msg'].removeprefix('Value error, ')}")
    return "; ".join(lines)


class RetryConfig(_Settings):
    """How often, and after how long, a failed request is tried again."""

    max_retries: Annotated[int, Field(ge=0, le=10)] = 2
    """Attempts after the first one, as far as the client's budget for retries allows (see ``retry``)."""
    initial_backoff_ms: Annotated[int, Field(ge=0, le=600_000)] = 500
    """The longest wait before the first retry; it doubles from one to the next. Each wait is random
    between 0 and that (full jitter), but never shorter than what the provider asks for."""
    max_backoff_ms: Annotated[int, Field(ge=0, le=600_000)] = 20_000

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_backoff_ms < self.initial_backoff_ms:
            raise ValueError("max_backoff_ms must not be smaller than initial_backoff_ms")
        return self


class OpenAIConfig(_Settings):
    """How to reach a model, and how much of it to use.

    Raises:
        ConfigError: a value is out of its bounds; the message names each wrong field, never a key.
    """

    api_key: SecretStr | None = None
    """May be absent only for a server on this machine."""
    model: Annotated[str, Field(pattern=r"^[!-~]{1,200}$")] = "gpt-6-luna"
    max_tokens: Annotated[int, Field(ge=16, le=1_000_000)] = 4096
    """Most output tokens of one request, reasoning included."""
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    """Sent only when set: reasoning models refuse it."""
    timeout_ms: Annotated[int, Field(ge=1, le=3_600_000)] = 60_000
    """For one call with all its retries. Waiting for our own rate limit does not count."""
    retry_config: RetryConfig = RetryConfig()

    base_url: str | None = None
    """None is OpenAI itself. Plain ``http`` is accepted for this machine only."""
    fallback_model: Annotated[str, Field(pattern=r"^[!-~]{1,200}$")] | None = None
    """Asked at the same endpoint while ``model`` is missing, overloaded or held back by its limits."""
    fallback_base_url: str | None = None
    """Asked when the first endpoint cannot answer: for ``fallback_model``, or ``model`` without one."""
    fallback_api_key: SecretStr | None = None
    """For ``fallback_base_url`` alone; ``api_key`` is never sent there."""
    api: Api = "auto"
    """``auto``: Responses with OpenAI and Azure, Chat Completions elsewhere."""
    organization: Annotated[str, Field(pattern=r"^[!-~]{1,200}$")] | None = None
    project: Annotated[str, Field(pattern=r"^[!-~]{1,200}$")] | None = None
    reasoning_effort: Effort | None = "low"
    """The default is sent to OpenAI's own endpoint only; a value that was set is sent to any."""
    review: Literal["list", "rewrite"] = "list"
    """Ask for a list of findings, or (small models) for the corrected code."""
    infill: Marks | None = None
    """How ``model`` wants gaps to be put to it: in rewrite mode, what it changed is weighed again then."""
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 60
    tokens_per_minute: Annotated[int, Field(ge=1, le=1_000_000_000)] = 200_000
    """Input and output together."""
    max_concurrency: Annotated[int, Field(ge=1, le=1024)] = 4
    max_request_tokens: Annotated[int, Field(ge=64, le=1_000_000)] = 6000
    """Estimated input tokens up to which several pieces share one request."""
    verify: Literal["off", "on", "on-demand"] = "off"
    """Whether findings are checked by a second question: always, or where a call asks for it."""
    verify_model: Annotated[str, Field(pattern=r"^[!-~]{1,200}$")] | None = None
    """None verifies with ``model``."""
    max_response_bytes: Annotated[int, Field(ge=1024, le=64 * 1024 * 1024)] = 1024 * 1024
    """Of an answer's decompressed body; a longer one is refused while it arrives."""
    trust_env: bool = False
    """Whether ``HTTPS_PROXY``, ``SSL_CERT_FILE`` and their like from the environment apply."""
    _model_setting: str = PrivateAttr("model")

    @field_validator("api_key", "fallback_api_key")
    @classmethod
    def _sendable(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            check_key(key.get_secret_value())
        return key

    @field_validator("base_url", "fallback_base_url")
    @classmethod
    def _safe(cls, url: str | None) -> str | None:
        return None if url is None else check_base_url(url)

    @property
    def endpoint(self) -> Endpoint:
        """Where requests go."""
        return Endpoint(self.base_url or OPENAI_URL)

    @property
    def model_setting(self) -> str:
        """The setting that names ``model``."""
        return self._model_setting

    def with_model(self, setting: Literal["fallback_model", "verify_model"]) -> Self:
        """The same for the model that ``setting`` names."""
        other = self.model_copy(update={"model": getattr(self, setting)})
        other._model_setting = setting  # noqa: SLF001 - of the same class
        return other

    @property
    def effort(self) -> Effort | None:
        """The reasoning effort to send here, or None to send none."""
        chosen = "reasoning_effort" in self.model_fields_set
        return self.reasoning_effort if chosen or self.endpoint.is_openai else None
