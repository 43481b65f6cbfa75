"""kibitz: a quiet AI reviewer that any LSP editor can have.

The client that stands behind the language server is a library of its own::

    from kibitz import OpenAIClient, OpenAIConfig
    from pydantic import SecretStr

    async with OpenAIClient(OpenAIConfig(api_key=SecretStr("sk-…"))) as client:
        analysis = await client.process_code(source, language="python")

Names are imported when they are first used: the SDK behind them costs a second of CPU, and a language
server has to answer its editor before that.
"""

# First of all, and without `from __future__`, which is an import like any other: see there.
import kibitz._working_folder  # noqa: F401

# isort: split
import importlib
from typing import TYPE_CHECKING

from kibitz._version import __version__

if TYPE_CHECKING:
    from kibitz.findings.finding import Confidence, Finding, Fix, Severity
    from kibitz.provider.client import OpenAIClient
    from kibitz.provider.config import OpenAIConfig, RetryConfig
    from kibitz.provider.errors import (
        APIError,
        ConfigError,
        InvalidResponse,
        OpenAIError,
        RateLimitExceeded,
        Timeout,
    )
    from kibitz.provider.keys.file import FileKeys
    from kibitz.provider.keys.pool import KeyPool
    from kibitz.provider.limits.priority import Priority, Urgency
    from kibitz.provider.models import (
        BatchAnalysis,
        CodeAnalysis,
        Context,
        ContextAnalysis,
        Diagnostic,
        Edit,
        Piece,
        PieceAnalysis,
        Probe,
        Suggestion,
        Usage,
        Verification,
    )
    from kibitz.provider.status import EngineStatus
    from kibitz.text.spans import Span

_HOMES = {
    "APIError": "kibitz.provider.errors",
    "BatchAnalysis": "kibitz.provider.models",
    "CodeAnalysis": "kibitz.provider.models",
    "Confidence": "kibitz.findings.finding",
    "ConfigError": "kibitz.provider.errors",
    "Context": "kibitz.provider.models",
    "ContextAnalysis": "kibitz.provider.models",
    "Diagnostic": "kibitz.provider.models",
    "Edit": "kibitz.provider.models",
    "EngineStatus": "kibitz.provider.status",
    "FileKeys": "kibitz.provider.keys.file",
    "Finding": "kibitz.findings.finding",
    "Fix": "kibitz.findings.finding",
    "InvalidResponse": "kibitz.provider.errors",
    "KeyPool": "kibitz.provider.keys.pool",
    "OpenAIClient": "kibitz.provider.client",
    "OpenAIConfig": "kibitz.provider.config",
    "OpenAIError": "kibitz.provider.errors",
    "Piece": "kibitz.provider.models",
    "PieceAnalysis": "kibitz.provider.models",
    "Priority": "kibitz.provider.limits.priority",
    "Probe": "kibitz.provider.models",
    "RateLimitExceeded": "kibitz.provider.errors",
    "RetryConfig": "kibitz.provider.config",
    "Severity": "kibitz.findings.finding",
    "Span": "kibitz.text.spans",
    "Suggestion": "kibitz.provider.models",
    "Timeout": "kibitz.provider.errors",
    "Urgency": "kibitz.provider.limits.priority",
    "Usage": "kibitz.provider.models",
    "Verification": "kibitz.provider.models",
}

__all__ = [
    "APIError",
    "BatchAnalysis",
    "CodeAnalysis",
    "Confidence",
    "ConfigError",
    "Context",
    "ContextAnalysis",
    "Diagnostic",
    "Edit",
    "EngineStatus",
    "FileKeys",
    "Finding",
    "Fix",
    "InvalidResponse",
    "KeyPool",
    "OpenAIClient",
    "OpenAIConfig",
    "OpenAIError",
    "Piece",
    "PieceAnalysis",
    "Priority",
    "Probe",
    "RateLimitExceeded",
    "RetryConfig",
    "Severity",
    "Span",
    "Suggestion",
    "Timeout",
    "Urgency",
    "Usage",
    "Verification",
    "__version__",
]


def __getattr__(name: str) -> object:
    """Import a public name's module when the name is first asked for (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return __all__
