"""``kibitz warm``: review files ahead of time; nothing is printed but what it took."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kibitz.cli import CLEAN, FAILED
from kibitz.cli.options import EDITOR_ONLY, load_settings, settings_options
from kibitz.cli.output.streams import say
from kibitz.cli.output.text import counted, price
from kibitz.cli.output.visible import escape
from kibitz.cli.progress import CheckProgress
from kibitz.cli.reviewing import Plan, review_all
from kibitz.cli.selecting import select
from kibitz.cli.starting import started, usable
from kibitz.provider.errors import OpenAIError, RateLimitExceeded
from kibitz.provider.limits.priority import Priority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from kibitz.app import App
    from kibitz.cli.report import FileReport
    from kibitz.cli.reviewing import Target
    from kibitz.config import Loaded
    from kibitz.provider.models import Usage
    from kibitz.review.batch_result import Outcome
    from kibitz.review.reviewer import Reviewer
    from kibitz.telemetry.daybook import Counts


@click.command(name="warm")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option(
    "--batch", is_flag=True, help="Ask through the provider's Batch API: half the price, within a day."
)
@click.option("--no-wait", is_flag=True, help="With --batch: send, take what is done, and do not wait.")
@click.option("--cancel", is_flag=True, help="With --batch: stop what is under way for these paths.")
@settings_options(without=EDITOR_ONLY)
def command(*, paths: tuple[str, ...], batch: bool, no_wait: bool, cancel: bool, **given: str | None) -> int:
    """Review files ahead of time, and keep the answers on disk for editors and later checks.

    Goes last when others want to be answered, and stops when the provider wants fewer requests. With --batch,
    the same command again takes the results, also after a crash and days later.

    Exit codes: 0 all is answered, or under way in a batch; 2 something is not.
    """
    if (no_wait or cancel) and not batch:
        raise click.UsageError("--no-wait and --cancel are for batches: add --batch")
    loaded = load_settings(given)
    settings = loaded.settings
    if not settings.disk_cache or not settings.cache_ttl_s:
        raise click.UsageError("warm keeps answers on disk: set disk_cache to true, and cache_ttl_s above 0")
    selection = select([Path(path) for path in paths], settings)
    if not selection.targets:
        say(escape(f"no source files in {', '.join(paths)}"))
        return CLEAN
    warm = _Warm(selection.targets, loaded, paths)
    if cancel:
        return asyncio.run(warm.cancel())
    return asyncio.run(warm.batch(wait=not no_wait) if batch else warm.now())


@dataclass(slots=True)
class _Warm:
    """One run of the command."""

    targets: Sequence[Target]
    loaded: Loaded
    paths: Sequence[str]

    async def now(self) -> int:
        """Ask one by one."""
        limited = asyncio.Event()
        reports: list[FileReport] = []

        def failed(error: OpenAIError) -> None:
            if isinstance(error, RateLimitExceeded):
                limited.set()

        async with _started(self) as (app, reviewer, progress):
            app.recorder.on_failure = failed

            def done(report: FileReport) -> None:
                with progress.printing(report):
                    reports.append(report)

            settings = self.loaded.settings
            plan = Plan(
                settings.max_concurrency,
                settings.max_file_bytes,
                priority=Priority.WARMING,
                verify=False,
            )
            on_report = usable(app, done)
            work = review_all(self.targets, reviewer, plan, on_report=on_report, on_progress=progress.partial)
            await _until(limited, work)
            used = app.daybook.run
        return self._told(reports, used, stopped=limited.is_set())

    async def batch(self, *, wait: bool) -> int:
        """Ask in batches."""
        from kibitz.cli.batching import Trip  # noqa: PLC0415 - few need it

        async with _started(self) as (app, reviewer, progress):
            trip = Trip(app, reviewer, paths=self.paths, tell=progress.tell, show=progress.saying)
            outcome = await trip.run(self.targets, wait=wait)
        return self._told_of_batch(outcome)

    async def cancel(self) -> int:
        """Stop batches."""
        from kibitz.cli.batching import Trip  # noqa: PLC0415 - few need it

        async with _started(self) as (app, reviewer, progress):
            trip = Trip(app, reviewer, paths=self.paths, tell=progress.tell, show=progress.saying)
            count = await trip.cancel(self.targets)
        if not count:
            click.echo("nothing was under way")
            return CLEAN
        click.echo(
            f"{counted(count, 'batch')} stopped; what was answered by then is paid, and taken by the same "
            "command without --cancel"
        )
        return CLEAN

    def _told(self, reports: Sequence[FileReport], used: Counts, *, stopped: bool) -> int:
        failed = [report for report in reports if report.errors]
        for report in failed:
            say(escape(f"{report.path}: {'; '.join(report.errors)}"))
        known = sum(report.cached_units for report in reports)
        answered = sum(report.units for report in reports) - known
        files = f"{len(reports) - len(failed)} of {len(self.targets)} files"
        click.echo(f"{files}: {counted(known, 'unit')} known before, {answered} answered now · {_bill(used)}")
        if stopped:
            say("stopped, because the provider wants fewer requests; run it again later to go on")
        return FAILED if failed or stopped else CLEAN

    def _told_of_batch(self, outcome: Outcome) -> int:
        from kibitz.cli.batching import unanswered  # noqa: PLC0415 - loaded by now

        refused = [target for target in self.targets if target.refusal]
        for target in refused:
            say(escape(f"{target.shown}: {target.refusal}"))
        for problem in outcome.problems:
            say(problem)
        if left := unanswered(outcome):
            say(f"{left}; run it again to ask anew, or without --batch to ask at once")
        if outcome.usage.requests or not outcome.waiting:
            known = counted(outcome.known, "unit")
            bill = f"{_bill(outcome.usage)} at the batch price"
            click.echo(f"{known} known before, {outcome.landed} answered now · {bill}")
        if outcome.waiting:
            click.echo(
                f"{counted(outcome.waiting, 'unit')} to come in {counted(outcome.batches, 'batch')}; run the "
                "same command again to take them"
            )
        return FAILED if outcome.problems or outcome.failed or refused else CLEAN


@asynccontextmanager
async def _started(warm: _Warm) -> AsyncIterator[tuple[App, Reviewer, CheckProgress]]:
    """The app and its reviewer while a block runs, with progress on a terminal."""
    with CheckProgress(len(warm.targets)) as progress:
        async with started(warm.loaded, progress) as (app, reviewer):
            yield app, reviewer, progress


async def _until(event: asyncio.Event, work: Coroutine[object, object, None]) -> None:
    """Do ``work`` to its end, or until the event."""
    tasks = [asyncio.ensure_future(work), asyncio.ensure_future(event.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            await tasks[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _bill(usage: Usage | Counts) -> str:
    cost = price(usage.cost_usd) if usage.requests else "no cost"
    tokens = f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out"
    return f"{counted(usage.requests, 'request')} · {tokens} · {cost}"
