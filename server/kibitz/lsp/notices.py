"""What the user is told, once: no message twice until it could be news again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.provider.errors import ConfigError, RateLimitExceeded
from kibitz.provider.fallback import BUDGET, MODEL_MISSING, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.provider.errors import OpenAIError


@dataclass(frozen=True, slots=True)
class Trouble:
    """What does not work at the provider, and what the user can do; empty: wait."""

    message: str
    action: str


class Notices:
    """Passes each kind of message on once, until ``settle`` says that things work again."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._told: set[object] = set()
        self.trouble: Trouble | None = None
        """The last failure, as long as nothing has worked since."""

    def once(self, kind: object, message: str) -> None:
        """Show ``message`` unless one of that kind was shown since things worked last."""
        if kind not in self._told:
            self._told.add(kind)
            # What is about kibitz itself has its name already.
            self._show(message if message.startswith("kibitz ") else f"kibitz: {message}")

    def failure(self, error: OpenAIError) -> None:
        """Tell of a failed request; all of one kind are one piece of news."""
        self.trouble = Trouble(f"{error.kind}: {error.message}", _advice(error))
        if error.code == MODEL_MISSING:
            self.step(Kind.MODEL_MISSING, error.message)
        else:
            self.once(("provider", type(error).__name__), f"{error.kind}: {error.message}")

    def step(self, kind: Kind, message: str) -> None:
        """Tell of something that a provider's answers do not put right: once for good."""
        self.once(("step", kind), message)

    def forget(self, kind: str) -> None:
        """What was told of that kind is news again."""
        self._told = {told for told in self._told if not (isinstance(told, tuple) and told[:1] == (kind,))}

    def settle(self) -> None:
        """The provider answered: its next failure is news."""
        self.trouble = None
        self.forget("provider")


def _advice(error: OpenAIError) -> str:
    if isinstance(error, ConfigError):
        return "put that right, then run the command kibitz.reloadKey"
    if error.code == BUDGET:
        return "run the command kibitz.raiseBudget to go on"
    if isinstance(error, RateLimitExceeded) and not error.retryable:
        return "see to the provider's account, then run the command kibitz.analyzeDocument"
    return "nothing: kibitz tries again with the next review (kibitz.doctor looks closer)"
