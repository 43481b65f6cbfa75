"""``kibitz usage``: what was asked, what it cost, and how it went."""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import date, timedelta
from typing import TYPE_CHECKING

import click

from kibitz.app.spending import caps_of
from kibitz.app.usage_overview import usage
from kibitz.cli import CLEAN, FAILED
from kibitz.cli.options import load_settings, settings_options
from kibitz.cli.output import usage_json
from kibitz.cli.output.streams import say
from kibitz.cli.output.visible import escape
from kibitz.config import setting_names
from kibitz.telemetry import logs
from kibitz.telemetry.tables import local_day

if TYPE_CHECKING:
    from kibitz.app.usage_overview import Usage

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
@click.option("--html", "as_html", is_flag=True, help="One page with plots; at a terminal it becomes a file.")
@settings_options(without=frozenset(setting_names()) - {"log_level", "log_file"})
def command(*, since: str, as_json: bool, as_html: bool, **given: str | None) -> int:
    """Say what was asked, what it cost, and how it went: in all windows and runs on this machine.

    All of it is kept for a year and a month.

    Exit codes: 0 it is told, 2 the state database cannot be read.
    """
    if as_json and as_html:
        raise click.UsageError("--json or --html, not both.")
    today = local_day()
    first = first_day(since, today)
    settings = load_settings(given).settings
    if settings.log_file is None:
        logs.configure("error", None)  # What is wrong is told once, below.
    found = asyncio.run(usage(first, today, () if settings.ignore_budget else tuple(caps_of(settings))))
    if found.problem:
        say(escape(found.problem))
        return FAILED
    if as_json:
        click.echo(usage_json.document(found))
        return CLEAN
    if as_html:
        return _page(found)
    from kibitz.cli.output.terminal import console  # noqa: PLC0415 - rich, which JSON does not need
    from kibitz.cli.output.usage_text import parts  # noqa: PLC0415 - as above

    screen = console()
    for place, part in enumerate(parts(found, draw=screen.encoding.startswith("utf"))):
        if place:
            screen.print()
        screen.print(part, soft_wrap=False)
    return CLEAN


def _page(found: Usage) -> int:
    """The page: at a terminal, where nobody could read it, into a file; else to whoever wants to have it."""
    from kibitz.app.usagereport.page import page, save  # noqa: PLC0415 - pygal, which few need

    if not sys.stdout.isatty():
        click.echo(page(found), nl=False)
        return CLEAN
    try:
        path = save(found)
    except OSError as error:
        why = escape(str(error))
        say(f"the report cannot be written: {why}. Send it elsewhere: kibitz usage --html > FILE")
        return FAILED
    click.echo(escape(path.as_uri()))
    return CLEAN
