"""What was asked and what it cost, in this window and on this machine, and what the cache saved of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.lsp.status import counts_json
from kibitz.provider.status_text import counts_line
from kibitz.telemetry.cachecounts import total
from kibitz.telemetry.counts import Counts
from kibitz.telemetry.savings_text import savings_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kibitz.app import App
    from kibitz.telemetry.cachecounts import CacheCounts

SECONDS = 2.0
"""How long the state database may take."""
_UNKNOWN = "what others cost today is not known: the state database does not answer"


@dataclass(frozen=True, slots=True)
class Spending:
    """Costs, in tokens and money."""

    run: Counts
    """In this window, since it was opened."""
    models: Mapping[str, Counts] | None
    """In all windows and runs today, by model; None: the state database did not answer."""
    saved: Mapping[str, Mapping[str, CacheCounts]]
    """What the cache knew, by period and tier."""

    @property
    def today(self) -> Counts | None:
        """In all windows and runs today."""
        return None if self.models is None else sum(self.models.values(), Counts())

    def lines(self) -> list[str]:
        """All of it, in sentences without full stops."""
        lines = [counts_line("this run", self.run) if self.run.requests else "nothing was sent yet"]
        today = self.today
        if today is None:
            lines.append(_UNKNOWN)
        elif today != self.run:
            lines.append(counts_line("today, in all windows", today))
        return [*lines, *filter(None, [savings_line(self.saved)])]

    def by_model(self) -> list[str]:
        """Today's costs of each model, where there are several."""
        models = self.models or {}
        return (
            [counts_line(f"today, {name}", models[name]) for name in sorted(models)]
            if len(models) > 1
            else []
        )

    def as_json(self) -> dict[str, object]:
        """As it goes to the editor; ``cache`` has hits and misses of lookups, by period."""
        today, models = self.today, self.models or {}
        return {
            "run": counts_json(self.run),
            "today": None if today is None else counts_json(today),
            "models": {name: counts_json(models[name]) for name in sorted(models)},
            "cache": {period: _saved(total(tiers.values())) for period, tiers in self.saved.items()},
        }


def _saved(counts: CacheCounts) -> dict[str, object]:
    return {
        "lookedUp": counts.looked_up,
        "hits": counts.hits,
        "savedInputTokens": counts.saved_input_tokens,
        "savedOutputTokens": counts.saved_output_tokens,
        "savedUsd": None if counts.saved_usd is None else float(counts.saved_usd),
    }


async def today(app: App) -> Counts | None:
    """What all of this machine's processes asked today; None: the state database does not answer."""
    try:
        async with asyncio.timeout(SECONDS):
            return await app.ledger.today()
    except TimeoutError:
        return None


async def spending(app: App) -> Spending:
    """All of it."""
    models: Mapping[str, Counts] | None = None
    saved = {"this run": app.cachebook.run}
    try:
        async with asyncio.timeout(SECONDS):
            found = await app.ledger.today_by_model()
            saved["today, in all windows"] = await app.cachebook.since(1)
            models = found
    except TimeoutError:
        pass  # it is told: None
    return Spending(app.ledger.run, models, saved)
