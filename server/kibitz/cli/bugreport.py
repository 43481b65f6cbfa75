"""``kibitz bugreport``: what helps to find a fault, as an archive without source code and keys."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kibitz.app.bugreport import Scrubber, default_name, gather, write
from kibitz.app.projects import root_of
from kibitz.cli import CLEAN
from kibitz.cli.options import EDITOR_ONLY, settings_options
from kibitz.cli.output.visible import escape
from kibitz.config import load
from kibitz.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kibitz.app.bugreport import Part


@click.command(name="bugreport")
@click.option(
    "--output", "output", metavar="PATH", help="The file to write, or the folder for it; else here."
)
@click.option("--show", is_flag=True, help="Print all that would be in it, and write nothing.")
@click.option("--ask", is_flag=True, help="Ask the model one question of a few words, as kibitz doctor does.")
@settings_options(without=EDITOR_ONLY)
def command(*, output: str | None, show: bool, ask: bool, **given: str | None) -> int:
    """Put what helps to find a fault into an archive, and say what is in it.

    Versions, settings, what kibitz doctor says, counts, and the ends of the logs: no source code, no key.
    Your home folder and your name are replaced. Nothing is sent anywhere.

    Exit codes: 0 it is written, 2 it could not be.
    """
    loaded = load(cli={name: value for name, value in given.items() if value is not None})
    logs.configure("error", None)  # What is wrong is among the doctor's lines.
    folders = [folder for folder in (root_of(Path.cwd()), Path.cwd()) if folder is not None]
    parts = asyncio.run(gather(loaded, Scrubber.of_user(loaded.settings, folders), offline=not ask))
    for line in _whole(parts) if show else _listing(parts):
        click.echo(escape(line))
    if show:
        return CLEAN
    path = Path(output or default_name()).absolute()
    try:
        written = write(parts, path)
    except FileExistsError as error:
        raise click.ClickException(f"{error.filename} is there already, and is left as it is") from error
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
    click.echo(
        f"\nIt is in {escape(str(written))}, readable by you alone. Look through it before you give it away."
    )
    return CLEAN


def _listing(parts: Sequence[Part]) -> Iterator[str]:
    yield "The report holds:"
    for part in parts:
        yield f"  {part.name:<22}{len(part.text.encode()):>9,} bytes  {part.what}"


def _whole(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        yield f"--- {part.name}"
        yield from part.text.splitlines()
