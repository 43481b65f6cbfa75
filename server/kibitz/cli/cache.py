"""``kibitz cache``: what is kept, what it saved, and how to throw it away, mend it or carry it elsewhere."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import click

from kibitz.app import amounts
from kibitz.app.cache_overview import overview
from kibitz.app.caching import is_portable, is_sound, opened
from kibitz.cache import artefact
from kibitz.cli import CLEAN, FAILED
from kibitz.cli.artefacts import STANDARD, reading, writing
from kibitz.cli.options import load_settings, settings_options
from kibitz.cli.output import cache_json, cache_text
from kibitz.cli.output.streams import say
from kibitz.cli.output.text import counted
from kibitz.cli.output.visible import escape
from kibitz.config import setting_names
from kibitz.state.database import StateUnavailable
from kibitz.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, BinaryIO

    from kibitz.app.caching import Caches
    from kibitz.app.knowledge import Team
    from kibitz.cache.tier import Kept
    from kibitz.config import Settings

_LOCKED = "another process keeps the state database locked; run it again"


def _options(*names: str) -> Callable[[Any], Any]:
    """Options for these settings, and for the log."""
    return settings_options(without=frozenset(setting_names()) - {*names, "log_level", "log_file"})


def _settings(given: Mapping[str, object]) -> Settings:
    settings = load_settings(given).settings
    if settings.log_file is None:
        # What is wrong is what these commands are about: it is told once, by them.
        logs.configure("error", None)
    return settings


@click.group(name="cache")
def command() -> None:
    """Say what the cache holds and saved; clear it, verify it, or carry it to another machine."""


@command.command(name="stats")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@_options("disk_cache", "disk_cache_max_bytes", "cache_max_bytes", "shared_cache")
def stats(*, form: str, **given: str | None) -> None:
    """Say what is kept where, how often it was of use, and what that saved.

    The counts are those of all editor windows and runs on this machine.
    """

    async def look(settings: Settings) -> str:
        async with opened(settings) as caches:
            seen = await overview(caches)
        return cache_json.document(seen) if form == "json" else "\n".join(cache_text.lines(seen))

    click.echo(asyncio.run(look(_settings(given))))


@command.command(name="clear")
@click.option("--team", is_flag=True, help="Throw away the answers on the team's server, too: for everybody.")
@_options("shared_cache")
def clear(*, team: bool, **given: str | None) -> int:
    """Throw away the kept answers; what is reviewed from then on is paid again.

    Editors that run keep what is in their memory, until they end or are told so (kibitz.clearCache).

    Exit codes: 0 it is gone, 2 it could not be thrown away.
    """

    async def forget(settings: Settings) -> bool:
        async with opened(settings) as caches:
            if team and caches.team is None:
                raise click.UsageError("--team: no team's server is used; see redis_url and shared_cache")
            is_gone = await _clear_disk(caches)
            if caches.team is not None and not team:
                click.echo(
                    escape(f"the team's answers at {caches.team.remote.name} stay; --team clears those, too")
                )
            return (not team or caches.team is None or await _clear_team(caches.team)) and is_gone

    return CLEAN if asyncio.run(forget(_settings(given))) else FAILED


async def _clear_disk(caches: Caches) -> bool:
    try:
        before = await caches.disk.stats()
        if await caches.disk.clear():
            after = await caches.disk.stats()
            freed = max(0, before.file_bytes - after.file_bytes)
            click.echo(f"{amounts.amount(before)} thrown away; {amounts.size(freed)} of the disk freed")
            return True
    except StateUnavailable as error:
        say(escape(str(error)))
        return False
    say(escape(f"the answers on disk could not be thrown away: {caches.disk.problem or _LOCKED}"))
    return False


async def _clear_team(team: Team) -> bool:
    name = team.remote.name
    if await team.tier.clear():
        click.echo(escape(f"the team's answers at {name} are thrown away"))
        return True
    say(escape(f"the team's answers at {name} could not be thrown away: {team.tier.problem}"))
    return False


@command.command(name="verify")
@_options("shared_cache")
def verify(**given: str | None) -> int:
    """Look at everything that is kept, and mend what is damaged.

    Exit codes: 0 all is well; 2 something had to be mended, or cannot be used.
    """

    async def examine(settings: Settings) -> bool:
        async with opened(settings) as caches:
            is_well = await _verify_disk(caches)
            if caches.team is None:
                return is_well
            if await caches.team.remote.ready() and not caches.team.tier.problem:
                click.echo(escape(f"the team's server {caches.team.remote.name} answers"))
                return is_well
            say(escape(caches.team.tier.problem))
            return False

    return CLEAN if asyncio.run(examine(_settings(given))) else FAILED


async def _verify_disk(caches: Caches) -> bool:
    path = caches.database.path
    try:
        verdict = await caches.disk.verify(is_sound)
    except StateUnavailable as error:
        say(escape(str(error)))
        return False
    if verdict.rebuilt:
        say(
            escape(
                f"{path} was damaged: it is now {path}.damaged, and a new one has begun. What was kept is "
                "gone; nothing needs to be done"
            )
        )
    if verdict.bad:
        say(f"{amounts.entries(verdict.bad)} made no sense and went; what they were about is asked again")
    click.echo(escape(f"{amounts.entries(verdict.entries)} on disk in order ({path})"))
    return verdict.sound


@command.command(name="export")
@click.argument("file", metavar="FILE")
@_options()
def export(file: str, **given: str | None) -> None:
    """Write what is kept on disk into FILE, for `kibitz cache import` elsewhere ("-": standard output).

    What is in it are findings and the new lines of their fixes, under hashes; of the code nothing else.
    """

    async def write(settings: Settings, stream: BinaryIO) -> int:
        stream.write(artefact.header(time.time()))
        count = 0
        async with opened(settings) as caches:
            async for digest, kept in caches.disk.rows():
                if is_portable(digest, kept.value) and (line := artefact.entry(digest, kept)) is not None:
                    stream.write(line)
                    count += 1
        return count

    settings = _settings(given)
    try:
        with writing(file) as stream:
            count = asyncio.run(write(settings, stream))
    except StateUnavailable as error:
        raise click.ClickException(str(error)) from error
    if file == STANDARD:
        say(f"{amounts.entries(count)} written")
    else:
        click.echo(escape(f"{amounts.entries(count)} written to {file}"))


@command.command(name="import")
@click.argument("file", metavar="FILE")
@_options("disk_cache", "disk_cache_max_bytes", "cache_ttl_s", "cache_stale_s")
def import_(file: str, **given: str | None) -> None:
    """Keep on disk what `kibitz cache export` has written into FILE ("-": standard input).

    Whoever wrote the file has reviewed for you: import only from those whom you would let do that. Nothing
    replaces what is newer here.
    """
    settings = _settings(given)
    if not settings.disk_cache or not settings.cache_ttl_s:
        raise click.UsageError("answers are kept on disk: set disk_cache to true, and cache_ttl_s above 0")
    lives = artefact.Lives(settings.cache_ttl_s, settings.cache_ttl_s + settings.cache_stale_s)
    with reading(file) as stream:
        try:
            reader = artefact.Reader(stream, lives=lives, check=is_portable)
        except artefact.NotAnArtefact as error:
            raise click.ClickException(f"{escape(file)} cannot be imported: {error}") from error
        seen, taken = _import(reader, settings)
    click.echo(
        f"{amounts.entries(taken)} taken, {seen - taken:,} known as well, {reader.expired:,} too old, "
        f"{counted(reader.broken, 'line')} skipped that made no sense"
    )
    if reader.is_cut:
        say(f"it has more than {artefact.MAX_ENTRIES:,} lines; the rest was not read")


def _import(reader: artefact.Reader, settings: Settings) -> tuple[int, int]:
    """How many answers there were, and how many of them are kept now.

    The file is read outside of the loop: reading may take for ever, and has to be interruptible.
    """
    seen = taken = 0
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        caches = runner.run(stack.enter_async_context(opened(settings)))
        try:
            for batch in reader.batches():
                seen += len(batch)
                taken += runner.run(_keep(caches, batch))
        finally:
            runner.run(stack.aclose())
    return seen, taken


async def _keep(caches: Caches, batch: Mapping[str, Kept]) -> int:
    news = artefact.longer_lived(batch, await caches.disk.get(batch))
    if news and not await caches.disk.put(news):
        raise click.ClickException(
            f"not all of it could be kept: {caches.disk.problem or _LOCKED}. What was taken before stays"
        )
    return len(news)
