"""What can go wrong between kibitz and a provider.

    OpenAIError
    ├── ConfigError         the settings, the key or the model are wrong: the user has to act
    ├── RateLimitExceeded   too many requests or tokens, or no credit left
    ├── Timeout             no whole answer before the deadline
    ├── InvalidResponse     an answer came, and cannot be used
    └── APIError            everything else: refused, unreachable, broken upstream

Each says what happened and what to do, keeps its cause (``__cause__``), the provider's request id where
there is one, and whether trying again can help. No message ever holds a key or source code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kibitz.provider.models import Usage, Verification


class OpenAIError(Exception):
    """The base of all five kinds."""

    kind = "openai error"

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.retryable = retryable
        self.retry_after = retry_after
        """Seconds the provider asked to wait, if it did."""
        self.status = status
        self.code = code
        """The provider's own error code, such as ``insufficient_quota``."""
        self.request_id = request_id
        self.usage = usage
        """What the failed call used all the same, where that is known."""
        self.verification: Verification | None = None
        """What came of verifying the rest, where only a part of the call failed."""
        self.pieces = 1
        """How many pieces the request was about: of several, any may be the trouble."""
        self.singled_out = False
        """Whether the other pieces of the same request were answered without this one."""

    def __str__(self) -> str:
        suffix = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.kind}: {self.message}{suffix}"


class APIError(OpenAIError):
    """The provider refused, failed, or could not be reached."""

    kind = "API error"


class RateLimitExceeded(OpenAIError):  # noqa: N818 - the specification's name
    """The provider wants fewer requests, or its credit is used up (then ``retryable`` is false)."""

    kind = "rate limit exceeded"


class ConfigError(OpenAIError):
    """A setting, the key or the model name is wrong; trying again cannot help."""

    kind = "configuration error"


class Timeout(OpenAIError):  # noqa: N818 - the specification's name
    """No whole answer came before the deadline of ``after_ms`` milliseconds."""

    kind = "request timeout"

    def __init__(self, message: str, *, after_ms: int, **details: object) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]  # forwarded as they came
        self.after_ms = after_ms


class InvalidResponse(OpenAIError):  # noqa: N818 - the specification's name
    """An answer came that cannot be used: cut off, refused, not JSON, or not in the schema."""

    kind = "invalid response"
