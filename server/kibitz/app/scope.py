"""Whose answers a review on demand goes by, from the settings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.app.configs import known_config
from kibitz.app.identities import identity, verifier
from kibitz.review.whole import whose

if TYPE_CHECKING:
    from kibitz.app.choice import Choice
    from kibitz.config import Settings


def scope_of(settings: Settings, choice: Choice) -> str:
    """``Whose.scope`` of what ``kibitz check`` asks.

    Raises:
        ConfigError: settings that are each right do not go together.
    """
    config = known_config(settings, choice)
    name = "embedded" if choice.provider == "local" else ""
    return whose(identity(config, name), verifier(config), settings.verify, asked=True).scope
