"""Leave to send one request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.provider.limits.allowance import Allowance, Taken
    from kibitz.provider.limits.headers import Observed
    from kibitz.provider.limits.sharing import Claim, Sharing


class Permit:
    """Has tokens taken, and corrects that. ``changed`` is called when others may be able to go now."""

    __slots__ = ("_allowance", "_changed", "_claim", "_observed", "_over", "_sharing", "_taken", "_tokens")

    def __init__(
        self, taken: Taken, allowance: Allowance, claim: Claim, sharing: Sharing, changed: Callable[[], None]
    ) -> None:
        self._taken = taken
        self._tokens = claim.tokens
        self._allowance = allowance
        self._claim = claim
        self._sharing = sharing
        self._changed = changed
        self._observed: Observed | None = None
        self._over = False

    def settle(self, tokens: float) -> None:
        """Say how many tokens it took. The last word counts; without one, what was asked for stays taken."""
        difference, self._tokens = tokens - self._tokens, tokens
        self._allowance.settle(difference)
        if self._over:
            self.close()
        if difference < 0:
            self._changed()

    def unused(self) -> None:
        """Say, once, that nothing was sent: the request is given back too."""
        self._allowance.unsent(self._taken)
        self.settle(0)

    def learn(self, observed: Observed | None) -> None:
        """Pass on what the headers of this request's answer (or refusal) say."""
        if observed is not None:
            self._observed = observed
            self._allowance.learn(self._taken, observed)
            self._changed()

    def close(self) -> None:
        """Tell the other processes the last word. The gate calls this when the request is over."""
        self._over = True
        seen = self._observed
        used = self._allowance.used(self._taken, seen) if seen is not None else 0.0
        self._sharing.settle(self._claim, self._tokens, used)
