"""A report from a language server: it goes where only the user looks."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from kibitz.app.spending import caps_of
from kibitz.app.usage_overview import usage
from kibitz.telemetry.tables import local_day

if TYPE_CHECKING:
    from pathlib import Path

    from kibitz.app.usage_overview import Usage
    from kibitz.config import Settings


async def make(settings: Settings, days: int) -> Path:
    """Write a report of so many days, of which the last is today; where it is.

    Raises:
        OSError: the books cannot be read, or the page not be written.
    """
    today = local_day()
    caps = () if settings.ignore_budget else tuple(caps_of(settings))
    found = await usage(today - timedelta(days - 1), today, caps)
    if found.problem:
        raise OSError(found.problem)
    return await asyncio.to_thread(_save, found)


def _save(found: Usage) -> Path:
    from kibitz.app.usagereport.page import save  # noqa: PLC0415 - pygal takes a tenth of a second

    return save(found)
