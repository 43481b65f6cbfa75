"""``kibitz warm``: review files ahead of time; nothing is printed but what it took."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kibitz.cli import CLEAN, FAILED
from kibitz.cli.files import FileError
from kibitz.cli.options import EDITOR_ONLY, load_settings, settings_options
from kibitz.cli.output.streams import say
from kibitz.cli.output.text import counted, price
from kibitz.cli.output.visible import escape
from kibitz.cli.progress import CheckProgress
from kibitz.cli.reviewing import Plan, read, review_all
from kibitz.cli.selecting import select
from kibitz.cli.starting import started, usable
from kibitz.provider.errors import OpenAIError, RateLimitExceeded
from kibitz.provider.limits.priority import Priority
from kibitz.telemetry import booking
from kibitz.telemetry.counts import Counts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from kibitz.app import App
    from kibitz.cli.report import FileReport
    from kibitz.cli.reviewing import Target
    from kibitz.config import Loaded, Settings
    from kibitz.provider.models import Usage
    from kibitz.review.batch_result import Outcome
    from kibitz.review.reviewer import Reviewer


@click.command(name="warm")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option(
    "--batch", is_flag=True, help="Ask through the provider's Batch API: half the price, within a day."
)
@click.option("--no-wait", is_flag=True, help="With --batch: send, take what is done, and do not wait.")
@click.option("--cancel", is_flag=True, help="With --batch: stop what is under way for these paths.")
@click.option(
    "--budget",
    type=click.IntRange(min=1),
    metavar="TOKENS",
    help="Ask for no more files than about so many input tokens allow.",
)
@settings_options(without=EDITOR_ONLY)
def command(
    *,
    paths: tuple[str, ...],
    batch: bool,
    no_wait: bool,
    cancel: bool,
    budget: int | None,
    **given: str | None,
) -> int:
    """Review files ahead of time, and keep the answers on disk for editors and later checks.

    What changed last goes first. Goes last when others want to be answered, and stops when the provider wants
    fewer requests, or when --budget does not allow for the next file. With --batch, the same command again
    takes the results, also after a crash and days later.

    Exit codes: 0 all is answered, or under way in a batch; 2 something is not; 130 interrupted, and what was
    answered by then is kept.
    """
    if (no_wait or cancel) and not batch:
        raise click.UsageError("--no-wait and --cancel are for batches: add --batch")
    if budget is not None and batch:
        raise click.UsageError("--budget is for what is asked at once: leave out --batch or --budget")
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
    return asyncio.run(warm.batch(wait=not no_wait) if batch else warm.now(budget))


@dataclass(slots=True)
class _Outcome:
    """What came of asking at once."""

    reports: list[FileReport] = field(default_factory=list)
    used: Counts = field(default_factory=Counts)
    unaffordable: int = 0
    """Files that the budget did not allow for."""
    limited: bool = False
    """Whether the provider wanted fewer requests."""


@dataclass(slots=True)
class _Warm:
    """One run of the command."""

    targets: Sequence[Target]
    loaded: Loaded
    paths: Sequence[str]

    async def now(self, budget: int | None) -> int:
        """Ask at once, for about so many tokens at most; what is done is told even if it is interrupted."""
        outcome = _Outcome()
        try:
            await self._ask(outcome, budget)
        except asyncio.CancelledError:
            self._told(outcome)
            raise
        return self._told(outcome)

    async def _ask(self, outcome: _Outcome, budget: int | None) -> None:
        from kibitz.review.recent import newest_first  # noqa: PLC0415 - bad options are told before
        from kibitz.review.warm import unless  # noqa: PLC0415 - as above

        limited = asyncio.Event()

        def failed(error: OpenAIError) -> None:
            if isinstance(error, RateLimitExceeded):
                outcome.limited = True
                limited.set()

        settings = self.loaded.settings
        places = {target.path: target for target in self.targets}
        targets = [places[path] for path in await asyncio.to_thread(newest_first, places)]
        async with _started(self) as (app, reviewer, progress):
            app.recorder.on_failure = failed

            def done(report: FileReport) -> None:
                with progress.printing(report):
                    outcome.reports.append(report)

            if budget is not None:
                progress.saying("looking up what is known")
                targets = await _affordable(targets, reviewer, budget, settings)
                outcome.unaffordable = len(self.targets) - len(targets)
            plan = Plan(
                settings.max_concurrency, settings.max_file_bytes, priority=Priority.WARMING, verify=False
            )
            try:
                work = review_all(
                    targets, reviewer, plan, on_report=usable(app, done), on_progress=progress.partial
                )
                with booking.purpose("warm"):
                    await unless(limited, work)
            finally:
                outcome.used = app.ledger.run

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

    def _told(self, outcome: _Outcome) -> int:
        reports = outcome.reports
        failed = [report for report in reports if report.errors]
        for report in failed:
            say(escape(f"{report.path}: {'; '.join(report.errors)}"))
        known = sum(report.cached_units for report in reports)
        answered = sum(report.units - report.cached_units for report in reports if not report.errors)
        files = f"{len(reports) - len(failed)} of {len(self.targets)} files"
        bill = _bill(outcome.used)
        click.echo(f"{files}: {counted(known, 'unit')} known before, {answered} answered now · {bill}")
        if outcome.limited:
            say("stopped, because the provider wants fewer requests; run it again later to go on")
        if outcome.unaffordable:
            say(
                f"stopped, because the budget does not allow for the next file; left are "
                f"{counted(outcome.unaffordable, 'file')}, what changed least lately"
            )
        complete = len(reports) == len(self.targets) and not failed
        return CLEAN if complete else FAILED

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


async def _affordable(
    targets: Sequence[Target], reviewer: Reviewer, budget: int, settings: Settings
) -> list[Target]:
    """As many of the first ``targets`` as can be asked for with ``budget`` input tokens, by the estimate."""
    from kibitz.review.warm import tokens_of  # noqa: PLC0415 - loaded by now

    seen: set[str] = set()
    for count, target in enumerate(targets):
        if target.refusal:
            continue
        try:
            _, source = await asyncio.to_thread(read, target, settings.max_file_bytes)
        except FileError:
            continue  # its report will say why
        missing = [entry for entry in (await reviewer.missing(source))[0] if entry.digest not in seen]
        seen.update(entry.digest for entry in missing)
        budget -= tokens_of(missing, settings.max_request_tokens)
        if budget < 0:
            return list(targets[:count])
    return list(targets)


def _bill(usage: Usage | Counts) -> str:
    cost = price(usage.cost_usd) if usage.requests else "no cost"
    tokens = f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out"
    return f"{counted(usage.requests, 'request')} · {tokens} · {cost}"
