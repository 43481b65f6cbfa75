"""``kibitz usage``: what was asked, what it cost, and how it went."""

from __future__ import annotations

import asyncio
import re
from datetime import date, timedelta

import click

from kibitz.app.usage_overview import usage
from kibitz.cli import CLEAN, FAILED
from kibitz.cli.options import load_settings, settings_options
from kibitz.cli.output import usage_json
from kibitz.cli.output.streams import say
from kibitz.cli.output.visible import escape
from kibitz.config import setting_names
from kibitz.telemetry import logs
from kibitz.telemetry.tables import local_day

LONGEST_DAYS = 400
"""The ledger is kept for so long."""
_AGO = re.compile(r"([1-9][0-9]{0,3})([dw])")
_LENGTHS = {"d": 1, "w": 7}


def first_day(text: str, today: date) -> date:
    """The first of some days that end today: ``today``, ``7d``, ``4w``, or a date.

    Raises:
        click.BadParameter: it is no such thing.
    """
    first = today if text == "today" else None
    if (ago := _AGO.fullmatch(text)) is not None:
        first = today - timedelta(min(int(ago[1]) * _LENGTHS[ago[2]], LONGEST_DAYS) - 1)
    if first is None:
        try:
            first = date.fromisoformat(text)
        except ValueError:
            raise click.BadParameter(
                f"{escape(text)}: say today, 7d, 4w, or a date such as 2026-11-01", param_hint="--since"
            ) from None
    if first > today:
        raise click.BadParameter(f"{escape(text)} is still to come", param_hint="--since")
    return max(first, today - timedelta(LONGEST_DAYS - 1))


@click.command(name="usage")
@click.option(
    "--since", "since", metavar="DAY", default="30d", show_default=True, help="today, 7d, 4w, a date."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@settings_options(without=frozenset(setting_names()) - {"log_level", "log_file"})
def command(*, since: str, as_json: bool, **given: str | None) -> int:
    """Say what was asked, what it cost, and how it went: in all windows and runs on this machine.

    Costs are kept for a year and a month, all else for a hundred days.

    Exit codes: 0 it is told, 2 the state database cannot be read.
    """
    today = local_day()
    first = first_day(since, today)
    if load_settings(given).settings.log_file is None:
        logs.configure("error", None)  # What is wrong is told once, below.
    found = asyncio.run(usage(first, today))
    if found.problem:
        say(escape(found.problem))
        return FAILED
    if as_json:
        click.echo(usage_json.document(found))
        return CLEAN
    from kibitz.cli.output.terminal import console  # noqa: PLC0415 - rich, which JSON does not need
    from kibitz.cli.output.usage_text import parts  # noqa: PLC0415 - as above

    screen = console()
    for place, part in enumerate(parts(found)):
        if place:
            screen.print()
        screen.print(part, soft_wrap=False)
    return CLEAN
