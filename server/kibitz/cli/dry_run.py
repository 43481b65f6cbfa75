"""``kibitz check --dry-run``: shows what would be sent, and sends nothing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kibitz.app.previewing import Showing, counted, show
from kibitz.cli import CLEAN, FAILED
from kibitz.cli.files import FileError
from kibitz.cli.output.visible import escape
from kibitz.cli.reviewing import read
from kibitz.cli.selecting import select
from kibitz.provider.errors import OpenAIError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.cli.selecting import Target
    from kibitz.config import Loaded


def dry_run(paths: Sequence[str], loaded: Loaded, form: str) -> int:
    """Print what a check of ``paths`` would send; 2 if a file can not be read."""
    selection = select([Path(path) for path in paths], loaded.settings)
    shown = [asyncio.run(_shown(target, loaded)) for target in selection.targets]
    left_out = [Showing(path, refusal=reason) for path, reason in selection.skipped]
    if form == "json":
        click.echo(json.dumps([each.as_json() for each in (*shown, *left_out)], indent=2))
    else:
        for each in (*shown, *left_out):
            click.echo("\n".join(map(_as_sent, each.lines())))
        if shown:
            requests, tokens = sum(len(each.requests) for each in shown), sum(each.tokens for each in shown)
            click.echo(f"{counted(requests, 'request')}, about {tokens} tokens. Nothing was sent.")
    return FAILED if not shown or any(each.refusal for each in shown) else CLEAN


def _as_sent(line: str) -> str:
    """A line in which tabs, which a request is full of, are themselves."""
    return "\t".join(map(escape, line.split("\t")))


async def _shown(target: Target, loaded: Loaded) -> Showing:
    if target.refusal:
        return Showing(target.shown, refusal=target.refusal)
    try:
        _, source = read(target, loaded.settings.max_file_bytes)
        return await show(loaded.settings, source, loaded.where)
    except (FileError, OpenAIError) as error:
        return Showing(target.shown, refusal=str(error))
