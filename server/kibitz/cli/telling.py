"""Tells the user what the engine did in place of what they asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.app import App


def listen(app: App, tell: Callable[[str], None]) -> None:
    """``tell`` each such thing once: a model that is gone, a key that needs consent, a budget that is spent.

    The first two only where something else answers instead; else it is an error, which nobody overlooks.
    """
    app.spending.budget.on_warning = lambda warned: tell(warned.message)
    app.spending.budget.on_unpriced = tell
    if app.settings.fallback_model is None and app.settings.fallback_base_url is None:
        return
    told: set[str] = set()

    def once(message: str) -> None:
        if message and message not in told:
            told.add(message)
            tell(message)

    app.recorder.on_step = lambda step: once(step.message)
    app.recorder.on_consent = lambda error: once(error.message)
