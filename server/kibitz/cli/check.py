"""``kibitz check``: review files, print what is found, and mend what is safe to mend."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from kibitz.app.choice import choice_of, names_whom
from kibitz.app.scope import scope_of
from kibitz.cli import CLEAN, FAILED, FINDINGS
from kibitz.cli.again import BUSY_S, Invocation, Meaning, command_key, remember
from kibitz.cli.options import EDITOR_ONLY, load_settings, settings_options
from kibitz.cli.output.streams import say
from kibitz.cli.output.terminal import console
from kibitz.cli.output.visible import escape
from kibitz.cli.progress import CheckProgress
from kibitz.cli.reviewing import Plan, refused, review_all
from kibitz.cli.selecting import select
from kibitz.cli.sieve import Wanted, sieve_of
from kibitz.cli.starting import started, usable
from kibitz.cli.sweeping import Brief, Swept, sweep
from kibitz.cli.totals import Tally
from kibitz.findings.finding import Severity
from kibitz.provider.errors import OpenAIError
from kibitz.state.places import database_path
from kibitz.state.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kibitz.app import App
    from kibitz.cli.report import FileReport
    from kibitz.cli.sieve import Sieve
    from kibitz.cli.totals import Totals
    from kibitz.config import Loaded, Settings
    from kibitz.review.batch_result import Outcome
    from kibitz.review.reviewer import Reviewer

_NEVER = "never"


class _Output(Protocol):
    """What a format does; see ``kibitz.cli.output``."""

    def file(self, report: FileReport) -> None: ...

    def end(self, totals: Totals) -> None: ...


@click.command(name="check")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    show_default=True,
)
@click.option(
    "--fail-on",
    type=click.Choice([*(severity.value for severity in Severity), _NEVER]),
    default=Severity.WARNING.value,
    show_default=True,
    help="The least severe finding that makes the exit code 1.",
)
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N", help="Files at a time.")
@click.option("--fix", is_flag=True, help="Apply the fixes that are safe: sure, verified, not overlapping.")
@click.option(
    "--batch", is_flag=True, help="Ask through the provider's Batch API: half the price, within a day."
)
@click.option("--since", metavar="REF", help="Show what is found on lines that differ from that git commit.")
@click.option("--baseline", metavar="FILE", help="Show what is not in FILE.")
@click.option("--write-baseline", metavar="FILE", help="Write what is found to FILE, for --baseline.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and to whom. Sends nothing.")
@click.option("--local", is_flag=True, help="Use the embedded model: short for --provider local.")
@settings_options(without=EDITOR_ONLY)
def command(
    *,
    paths: tuple[str, ...],
    form: str,
    fail_on: str,
    jobs: int | None,
    fix: bool,
    batch: bool,
    since: str | None,
    baseline: str | None,
    write_baseline: str | None,
    dry_run: bool,
    local: bool,
    **given: str | None,
) -> int:
    """Review files, and the source files below folders.

    Folders are searched for source code that no ignore file excludes. A file that is named is reviewed even
    if one does, unless it may hold secrets.

    Exit codes: 0 nothing at or above --fail-on; 1 findings; 2 something could not be reviewed, whatever was
    found elsewhere.
    """
    if local:
        if given.get("provider") not in {None, "local"}:
            raise click.UsageError("--local and --provider contradict each other; leave one out")
        given["provider"] = "local"
    loaded = load_settings(given)
    if dry_run:
        if fix or batch or since or baseline or write_baseline or form not in {"text", "json"}:
            raise click.UsageError("--dry-run goes with --format text or json, and with no other task")
        from kibitz.cli.dry_run import dry_run as shown  # noqa: PLC0415 - few ask

        return shown(paths, loaded, form)
    settings = loaded.settings
    sieve = sieve_of(Wanted(since, baseline, write_baseline), paths, most=settings.max_findings, batch=batch)
    plain = form == "text" and not fix and not batch and sieve is None
    begun = click.get_current_context().find_object(Invocation) or Invocation(())
    swept = begun.swept or _swept(paths, loaded, begun.arguments if plain else (), sieve)
    plan = Plan(jobs or settings.max_concurrency, settings.max_file_bytes, fix, sieve=sieve)
    check = _Check(swept, loaded, plan, batch=paths if batch else ())
    totals = asyncio.run(check.run(_output(form)))
    if not swept.files and not swept.rest:
        say(_nothing(paths, swept, since))
    if fix and form != "text":
        say(f"{totals.fixed} findings fixed")
    if sieve is not None and sieve.recording is not None:
        return CLEAN if sieve.record(totals) else FAILED
    return _exit_code(totals, fail_on)


def _swept(paths: tuple[str, ...], loaded: Loaded, arguments: tuple[str, ...], sieve: Sieve | None) -> Swept:
    """The first pass; see ``kibitz.cli.sweeping``. What the ``arguments`` mean is remembered, if any are."""
    settings = loaded.settings
    brief = Brief(settings.exclude, settings.include, settings.max_file_bytes, _scope(settings))
    wanted = None if sieve is None else sieve.has
    if not brief.scope:
        selection = select([Path(path) for path in paths], settings, wanted)
        such_as = ": ".join(selection.skipped[0]) if selection.skipped else ""
        return Swept(rest=selection.targets, skipped=len(selection.skipped), such_as=such_as)
    store = Store(database_path(), BUSY_S)
    try:
        # Problems are to be said each time, a log file is to be opened, and what is installed may change.
        if arguments and not loaded.problems and settings.log_file is None and names_whom(settings):
            remember(store, command_key(arguments), Meaning(paths, brief))
        return sweep(paths, brief, store, wanted=wanted)
    finally:
        store.close()


def _scope(settings: Settings) -> str:
    """Whose answers count; empty where none are kept, or that cannot be told."""
    if not settings.disk_cache or not settings.cache_ttl_s:
        return ""
    try:
        return scope_of(settings, choice_of(settings))
    except OpenAIError:
        return ""  # the review will say so


def _nothing(paths: Sequence[str], swept: Swept, since: str | None) -> str:
    message = f"no source files to review in {', '.join(paths)}"
    if since is not None:
        message += f" that differ from {since}"
    if swept.skipped:
        message += f"; {swept.skipped} left out, such as {swept.such_as}"
    return escape(message)


def _untrusted(root: Path) -> str:
    return (
        f"{root} has rules or notes for reviewers, which are not used, since you never said that you trust "
        f"it; to use them, run: kibitz trust {root} (with --revoke, to hear no more of it)"
    )


@dataclass(slots=True)
class _Check:
    """One run of the command."""

    swept: Swept
    loaded: Loaded
    plan: Plan
    batch: Sequence[str]
    """The paths as they were given, if they are to be asked about in a batch; else empty."""
    free: bool = False
    """Whether requests cost no money."""
    batched: Outcome | None = None
    """What came of the batch."""

    async def run(self, output: _Output) -> Totals:
        """Review all."""
        began = time.monotonic()
        tally, targets = Tally(), self.swept.rest
        tally.add_clean(self.swept.files, self.swept.units, self.swept.dropped)
        with CheckProgress(len(targets)) as progress:

            def printed(report: FileReport) -> None:
                with progress.printing(report):
                    output.file(report)
                tally.add(report)

            if any(not target.refusal for target in targets):
                await self._review(progress, printed)
            else:
                for target in targets:
                    printed(refused(target))
        seconds = self.swept.seconds + time.monotonic() - began
        totals = self._with_batch(tally.totals(seconds, free=self.free))
        if (sieve := self.plan.sieve) is not None:
            sieve.note_clean(self.swept.clean)
            totals = sieve.totals(totals)
        output.end(totals)
        return totals

    async def _review(self, progress: CheckProgress, printed: Callable[[FileReport], None]) -> None:
        async with started(self.loaded, progress) as (app, reviewer):
            self.free = app.choice.provider == "local"
            if app.choice.review == "list":
                folders = {target.path.parent for target in self.swept.rest if not target.refusal}
                for root in app.projects.undecided(sorted(folders)):
                    progress.tell(escape(_untrusted(root)))
            if self.batch:
                await self._ask_in_batch(app, reviewer, progress)
            on_report = usable(app, printed)
            await review_all(
                self.swept.rest, reviewer, self.plan, on_report=on_report, on_progress=progress.partial
            )

    async def _ask_in_batch(self, app: App, reviewer: Reviewer, progress: CheckProgress) -> None:
        from kibitz.cli.batching import Trip, unanswered  # noqa: PLC0415 - few need it

        trip = Trip(app, reviewer, paths=self.batch, tell=progress.tell, show=progress.saying)
        self.batched = outcome = await trip.run(self.swept.rest, wait=True)
        if outcome.problems:
            # Nothing is asked at the full price that was to be had at half of it.
            raise click.ClickException("; ".join(outcome.problems))
        if left := unanswered(outcome):
            progress.tell(f"{left}; asking again at once, at the full price")

    def _with_batch(self, totals: Totals) -> Totals:
        if self.batched is None:
            return totals
        return replace(
            totals,
            usage=totals.usage + self.batched.usage,
            cached_units=max(totals.cached_units - self.batched.landed, 0),
        )


def _output(form: str) -> _Output:
    """The format's writer; only the one that is wanted is imported."""
    match form:
        case "json":
            from kibitz.cli.output.json_document import JsonOutput  # noqa: PLC0415 - see above

            return JsonOutput(sys.stdout)
        case "sarif":
            from kibitz.cli.output.sarif import SarifOutput  # noqa: PLC0415 - see above

            return SarifOutput(sys.stdout)
        case "github":
            from kibitz.cli.output.github import GithubOutput  # noqa: PLC0415 - see above

            return GithubOutput(sys.stdout)
        case _:
            from kibitz.cli.output.text import TextOutput  # noqa: PLC0415 - see above

            return TextOutput(console(), console(stderr=True))


def _exit_code(totals: Totals, fail_on: str) -> int:
    # A file that was not reviewed might hold anything: that must not look like a clean run.
    if totals.failed:
        return FAILED
    if fail_on != _NEVER and totals.at_least(Severity(fail_on)):
        return FINDINGS
    return CLEAN
