"""Tells the user what the engine did in place of what they asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.app import App


def listen(app: App, tell: Callable[[str], None]) -> None:
    """``tell`` each such thing once: a model that is gone, a key that needs consent.

    Only where something else answers in its place; else it is an error, which nobody overlooks.
    """
    if app.settings.fallback_model is None and app.settings.fallback_base_url is None:
        return
    told: set[str] = set()

    def once(message: str) -> None:
        if message and message not in told:
            told.add(message)
            tell(message)

    app.recorder.on_step = lambda step: once(step.message)
    app.recorder.on_consent = lambda error: once(error.message)
