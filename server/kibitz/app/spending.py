"""What one app may spend, on whose behalf it does, and by which prices."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.guard.invisible import strip_invisible
from kibitz.provider import pricing
from kibitz.provider.purse import Purse
from kibitz.state.places import state_dir
from kibitz.telemetry.budget import Budget
from kibitz.telemetry.caps import Cap
from kibitz.telemetry.install import Names
from kibitz.telemetry.ledger_table import PICO
from kibitz.telemetry.masking import mask
from kibitz.telemetry.vigil import Vigil

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from decimal import Decimal

    from kibitz.config import Settings
    from kibitz.state.database import Database
    from kibitz.telemetry.cachecounts import CacheCounts
    from kibitz.telemetry.ledger import Ledger

LONGEST_NAME = 200
"""Characters of a document's name that are written down."""


class Spending:
    """The budget and the purse of an app. Belongs to one event loop."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        database: Database,
        *,
        cache: Callable[[], Awaitable[tuple[CacheCounts, CacheCounts]]] | None = None,
    ) -> None:
        """Do no I/O. ``cache`` says what the cache had today, and in the week before."""
        pricing.use(settings.prices)
        self.budget = Budget(ledger, database, () if settings.ignore_budget else tuple(caps_of(settings)))
        most = settings.unusual_usage
        if settings.ignore_budget and most == "pause":
            most = "tell"
        self.vigil = Vigil(ledger, database, most, cache=cache)
        self.purse = Purse(
            ledger, self.budget, vigil=self.vigil, workspace=self.workspace_of, name=self.name_of
        )
        self._names = Names(state_dir())
        self._codes: dict[str, str] = {}
        self._folders: tuple[str, ...] = ()

    def look(self) -> None:
        """Know where this runs, until somebody says which folders are open. Blocks: for a thread."""
        with suppress(OSError):
            self.use_folders([Path.cwd()])

    def use_folders(self, folders: Sequence[Path]) -> None:
        """These are open now: what is asked about their files is counted for them."""
        self._folders = tuple(sorted(map(str, folders), key=len, reverse=True))
        self._codes = {folder: self._names.code(folder) for folder in self._folders}

    def workspace_of(self, document: str | None) -> str:
        """The code of the folder that a document is in; of the only one, where that is not known."""
        inside = [folder for folder in self._folders if document and _is_in(document, folder)]
        if not inside and document and Path(document).is_absolute():
            return ""
        found = inside or (self._folders if len(self._folders) == 1 else ())
        return self._codes[found[0]] if found else ""

    def name_of(self, document: str | None) -> str:
        """What a document is called within the folder that it is in, as it may be written down and shown.

        Empty where it is in none of the open folders, or has no path.
        """
        if not document:
            return ""
        inside = [folder for folder in self._folders if _is_in(document, folder)]
        if inside:
            document = document[len(inside[0]) :].lstrip(os.sep)
        elif len(self._folders) != 1 or Path(document).is_absolute():
            return ""
        name = os.path.normpath(document).replace(os.sep, "/")
        # Nothing above the folder; and the end of a long name says more than its beginning.
        return "" if name.split("/")[0] in {"", ".", ".."} else mask(strip_invisible(name))[-LONGEST_NAME:]

    async def lines(self) -> list[str]:
        """How much of each cap is spent, in sentences without full stops."""
        caps = self.budget.caps
        found = (await self.budget.standing()).of(caps) if caps else []
        return [f"{cap.words}: {cap.shown(spent)} spent" for cap, spent in found]

    async def go_on(self) -> str:
        """The user wants to go on, in all windows: as much again may be spent, and all of it is theirs."""
        unusual = await self.vigil.confirm()
        if self.budget.caps and (self.budget.refusal or not unusual):
            await self.budget.raise_today()
            return "as much again as the budget may be spent today, in all windows"
        if unusual:
            return "today's use is yours, so nothing is held back for it"
        return "there is no budget: no cap is set, or it is ignored"

    async def aclose(self) -> None:
        """Finish what is under way."""
        await self.vigil.aclose()
        await self.budget.aclose()


def caps_of(settings: Settings) -> Iterator[Cap]:
    """The caps that are set."""
    for period in ("hour", "day"):
        usd: Decimal | None = getattr(settings, f"budget_usd_per_{period}")
        if usd is not None:
            yield Cap("usd", period, int(usd * PICO))
        for kind in ("requests", "tokens"):
            most: int | None = getattr(settings, f"budget_{kind}_per_{period}")
            if most is not None:
                yield Cap(kind, period, most)


def _is_in(document: str, folder: str) -> bool:
    return document == folder or document.startswith(folder.rstrip(os.sep) + os.sep)
