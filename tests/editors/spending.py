"""Money that was spent before the editor is opened."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

from kibitz.state.database import Database
from kibitz.telemetry.counts import Account, Counts
from kibitz.telemetry.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path


def spend(state: Path, usd: str) -> None:
    """Have spent so much today, in another window. (Models on this machine cost nothing.)"""
    state.mkdir(mode=0o700)
    asyncio.run(_spend(state, Decimal(usd)))


async def _spend(state: Path, usd: Decimal) -> None:
    database = Database(state / "state.db")
    ledger = Ledger(database)
    ledger.add(Account("gpt"), Counts(requests=1, input_tokens=1000, output_tokens=100, cost_usd=usd))
    await ledger.aclose()
    await database.aclose()
