"""``kibitz doctor``: is everything in order, and if not, what to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from kibitz.app.doctor import Line, State, examine
from kibitz.cli import CLEAN, FINDINGS
from kibitz.cli.options import EDITOR_ONLY, settings_options
from kibitz.cli.output.terminal import console
from kibitz.cli.output.visible import escape
from kibitz.config import load
from kibitz.telemetry import logs

if TYPE_CHECKING:
    from rich.console import Console

    from kibitz.config import Loaded

_STYLES = {State.OK: "green", State.NOTE: "dim", State.PROBLEM: "bold red"}


@click.command(name="doctor")
@click.option("--offline", is_flag=True, help="Ask no model: look at this machine only.")
@settings_options(without=EDITOR_ONLY)
def command(*, offline: bool, **given: str | None) -> int:
    """Say whether everything is in order, and what to do where it is not.

    Asks the model one question of a few words, unless --offline. Shows no key, only its fingerprint.

    Exit codes: 0 all is well, 1 something needs you.
    """
    loaded = load(cli={name: value for name, value in given.items() if value is not None})
    settings = loaded.settings
    # Steps of the engine have lines of their own below; nobody needs them on standard error, too.
    logs.configure(settings.log_level if settings.log_file else "error", settings.log_file)
    return CLEAN if asyncio.run(_is_well(loaded, console(), offline=offline)) else FINDINGS


async def _is_well(loaded: Loaded, screen: Console, *, offline: bool) -> bool:
    """Print each line as soon as it is known; whether there is no problem among them."""
    well = True
    async for line in examine(loaded, offline=offline):
        well = well and line.state is not State.PROBLEM
        _print(screen, line)
    return well


def _print(screen: Console, line: Line) -> None:
    from rich.text import Text  # noqa: PLC0415 - loaded with the console

    text = Text.assemble((f"{line.state:<8}", _STYLES[line.state]), escape(line.what))
    if line.advice:
        text.append("\n" + " " * 8 + escape(line.advice), "dim" if line.state is not State.PROBLEM else "")
    screen.print(text, soft_wrap=True)
