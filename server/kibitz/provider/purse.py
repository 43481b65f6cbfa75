"""The purse: every request is held before it is sent, and booked once it is over. The one place that books.

What is held is the most that a request can take; what is booked is what the provider counted. A request that
was cancelled is booked as it was estimated: it was read, perhaps, and nobody says what that cost.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from kibitz.provider.errors import RateLimitExceeded
from kibitz.provider.fallback import BUDGET
from kibitz.telemetry.access import current_document
from kibitz.telemetry.booking import current_purpose
from kibitz.telemetry.budget import BudgetUsedUpError
from kibitz.telemetry.caps import Amount
from kibitz.telemetry.counts import Account, Counts
from kibitz.telemetry.events import Seen
from kibitz.telemetry.ledger_table import pico
from kibitz.telemetry.vigil import UnusualUsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.provider.usage import Usage
    from kibitz.telemetry.budget import Budget
    from kibitz.telemetry.ledger import Ledger
    from kibitz.telemetry.vigil import Vigil

_PURPOSES = {
    "findings": "review",
    "rewrite": "review",
    "bug": "review",
    "verdicts": "verify",
    "suggestions": "suggest",
    "analysis": "explain",
    "probe": "doctor",
}
"""By what a question's answer is called."""
_SLACK_S = 60.0
"""A request is over at its deadline, and booked so much later at most."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A request that is about to be sent."""

    model: str
    purpose: str
    """As the question says it."""
    usage: Usage
    """The most that it can take, with its price where that is known."""
    seconds: float
    """The longest that it can take."""
    is_free: bool = False
    """Whether it stays on this machine: then it costs nothing, unless the user says what it costs."""
    is_retry: bool = False
    is_asked: bool = True
    """Whether somebody asked for it, and waits."""
    origin: str = ""
    key: str = ""
    """The fingerprint of the key that it is signed with."""
    question: int = 0
    """A hash of what is asked."""


class Hold:
    """What is held for one request. Settle it, or say that it was not needed."""

    def __init__(
        self, purse: Purse, account: Account, planned: Planned, name: str, document: str = ""
    ) -> None:
        self._purse = purse
        self._account = account
        self._document = document
        self._planned = planned
        self._name = name
        self._over = False

    def settle(self, usage: Usage, *, failed: bool = False, trouble: str = "") -> None:
        """The request is over, and took that; ``trouble`` is the status or code of what went wrong."""
        if not self._over:
            self._over = True
            planned = self._planned
            counts = counts_of(usage, failed=failed, is_retry=planned.is_retry, is_free=planned.is_free)
            self._purse.book(self._account, counts, self._name, self._document)
            self._purse.saw(planned, usage, trouble)

    def unused(self) -> None:
        """Nothing was sent. Does nothing once it is settled."""
        if not self._over:
            self._over = True
            self._purse.let_go(self._name)


class Purse:
    """See the module. Belongs to one event loop."""

    def __init__(
        self,
        ledger: Ledger,
        budget: Budget | None = None,
        *,
        vigil: Vigil | None = None,
        workspace: Callable[[str | None], str] = lambda _document: "",
        name: Callable[[str | None], str] = lambda _document: "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Do no I/O.

        Args:
            ledger: where it is booked.
            budget: what may be spent; None: as much as one likes.
            vigil: watches over it; None: nobody does.
            workspace: the code of the folder that a document is in.
            name: the document's name within that folder.
            clock: seconds that only go forward.
        """
        self._ledger = ledger
        self._budget = budget
        self._vigil = vigil
        self._workspace = workspace
        self._name = name
        self._clock = clock

    async def hold(self, planned: Planned, *, name: str = "") -> Hold:
        """Hold what a request may take.

        Raises:
            RateLimitExceeded: the budget does not allow for it, or use is unusual; trying again is no help.
        """
        if self._vigil is not None:
            try:
                await self._vigil.admit(is_asked=planned.is_asked)
            except UnusualUsageError as error:
                raise RateLimitExceeded(str(error), code=BUDGET) from error
        account = self.account(planned.model, planned.purpose)
        held = ""
        if self._budget is not None and self._budget.caps:
            usage = planned.usage
            if usage.cost_usd is None and not planned.is_free:
                self._budget.unpriced(planned.model)
            wanted = Amount(
                usage.requests, usage.input_tokens + usage.output_tokens, pico(usage.cost_usd) or 0
            )
            try:
                held = await self._budget.hold(wanted, planned.seconds + _SLACK_S, name=name)
            except BudgetUsedUpError as error:
                raise RateLimitExceeded(str(error), code=BUDGET) from error
        return Hold(self, account, planned, held, self._name(current_document()))

    def account(self, model: str, purpose: str) -> Account:
        """Under what a request is counted that is made here."""
        purpose = current_purpose() or _PURPOSES.get(purpose, purpose)
        return Account(model, self._workspace(current_document()), purpose)

    def book(self, account: Account, counts: Counts, held: str = "", document: str = "") -> None:
        """Write down what a request took, in the background, and let go of what was held for it."""
        self._ledger.book(account, counts, release=held, document=document)
        if self._budget is not None:
            self._budget.settled(held)

    def saw(self, planned: Planned, usage: Usage, trouble: str) -> None:
        """Have it looked at whether a request that is over was like the others."""
        if self._vigil is not None:
            tokens = (usage.input_tokens, usage.output_tokens)
            names = (planned.origin, planned.model, planned.key)
            self._vigil.saw(Seen(self._clock(), *names, planned.question, trouble, *tokens))

    def let_go(self, held: str) -> None:
        """What was held is not needed."""
        if self._budget is not None and held:
            self._budget.let_go(held)


def counts_of(usage: Usage, *, failed: bool = False, is_retry: bool = False, is_free: bool = False) -> Counts:
    """What a request took, for the ledger."""
    cost = Decimal(0) if usage.cost_usd is None and is_free else usage.cost_usd
    return Counts(
        requests=usage.requests,
        input_tokens=usage.input_tokens,
        cached_tokens=usage.cached_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cost_usd=cost,
        failed=int(failed),
        cache_write_tokens=usage.cache_write_tokens,
        retries=int(is_retry),
        unpriced=usage.requests if cost is None else 0,
    )
