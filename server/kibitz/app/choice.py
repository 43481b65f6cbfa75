"""Who reviews, decided once.

An OpenAI-compatible API where a key or an address is set, else the embedded model where it is installed, else
nobody, with a message that says what to do. Light to import.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.local.errors import LocalModelError
from kibitz.provider.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from kibitz.config import Settings

NOBODY = (
    "kibitz has nobody to ask: no API key is set, and the embedded model is not installed. Set "
    "OPENAI_API_KEY, or fetch the embedded model with `kibitz model pull` (1.1 GB, then works offline); "
    "`kibitz doctor` shows what is there."
)
NOTHING_SET = "nothing_set"
"""Code of that error: nothing is wrong, but nothing was configured either."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Who reviews, and how it is asked."""

    provider: Literal["openai", "local"]
    review: Literal["list", "rewrite"]


def choice_of(settings: Settings) -> Choice:
    """Decide who reviews, by the settings and by what is installed; starts nothing.

    Raises:
        ConfigError: nobody can review; the message says what to do.
    """
    try:
        return choose(settings, embedded=lambda: _embedded(settings))
    except LocalModelError as error:
        raise ConfigError(str(error)) from error


def choose(settings: Settings, *, embedded: Callable[[], bool]) -> Choice:
    """Decide who reviews; ``embedded`` tells whether the embedded model could (asked only when it matters).

    Raises:
        ConfigError: nobody can.
    """
    provider = settings.provider
    if provider == "auto":
        if names_whom(settings):
            provider = "openai"
        elif embedded():
            provider = "local"
        else:
            raise ConfigError(NOBODY, code=NOTHING_SET)
    # Asked to list, a small model flags everything; asked to rewrite, it mostly changes what is wrong.
    automatic: Literal["list", "rewrite"] = "rewrite" if provider == "local" else "list"
    return Choice(provider, automatic if settings.review == "auto" else settings.review)


def names_whom(settings: Settings) -> bool:
    """Whether the settings alone tell who reviews, whatever is installed."""
    return settings.provider != "auto" or bool(
        settings.base_url is not None
        or settings.api_key
        or settings.api_keys
        or settings.api_key_file
        or settings.api_key_command
        or settings.api_key_keyring
    )


def _embedded(settings: Settings) -> bool:
    from kibitz.local import engine, weights  # noqa: PLC0415 - 0.1 s that most need not wait for

    return engine.available() and weights.installed(weights.find(settings.local_model))
