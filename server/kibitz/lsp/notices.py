"""What the user is told, once: no message twice until it could be news again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.provider.fallback import MODEL_MISSING, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.provider.errors import OpenAIError


class Notices:
    """Passes each kind of message on once, until ``settle`` says that things work again."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._told: set[object] = set()

    def once(self, kind: object, message: str) -> None:
        """Show ``message`` unless one of that kind was shown since things worked last."""
        if kind not in self._told:
            self._told.add(kind)
            self._show(f"kibitz: {message}")

    def failure(self, error: OpenAIError) -> None:
        """Tell of a failed request; all of one kind are one piece of news."""
        if error.code == MODEL_MISSING:
            self.step(Kind.MODEL_MISSING, error.message)
        else:
            self.once(("provider", type(error).__name__), f"{error.kind}: {error.message}")

    def step(self, kind: Kind, message: str) -> None:
        """Tell of something that a provider's answers do not put right: once for good."""
        self.once(("step", kind), message)

    def settle(self) -> None:
        """The provider answered: its next failure is news."""
        self._told = {kind for kind in self._told if not _of_provider(kind)}


def _of_provider(kind: object) -> bool:
    return isinstance(kind, tuple) and kind[:1] == ("provider",)
