"""Reviews many files at a time and hands out their reports in the order of the files."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from kibitz.cli import files
from kibitz.cli.files import FileError
from kibitz.cli.fixing import apply
from kibitz.cli.report import FileReport
from kibitz.cli.selecting import Target
from kibitz.provider.errors import ConfigError
from kibitz.provider.fallback import BUDGET
from kibitz.provider.limits.priority import Priority, Urgency
from kibitz.review.result import Source
from kibitz.text.languages import PLAIN, language_of

__all__ = ["Plan", "Target", "read", "refused", "review_all"]

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kibitz.cli.files import Content
    from kibitz.cli.sieve import Sieve
    from kibitz.provider.errors import OpenAIError
    from kibitz.review.result import Review
    from kibitz.review.reviewer import Reviewer

_AHEAD = 256
"""Files that may be done while one before them is not."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to go about it."""

    jobs: int
    max_bytes: int
    fix: bool = False
    priority: Priority = Priority.EXPLICIT
    verify: bool = True
    """Whether findings are verified, if that is done on demand."""
    sieve: Sieve | None = None
    """What of the findings is shown; None: all."""


@dataclass(frozen=True, slots=True)
class _Done:
    """A file whose review is over."""

    target: Target
    report: FileReport
    content: Content | None = None
    """None where there was no review."""
    language: str = PLAIN


def refused(target: Target) -> FileReport:
    """The report of a target that is not reviewed."""
    return FileReport(target.shown, errors=(target.refusal,))


def read(target: Target, max_bytes: int) -> tuple[Content, Source]:
    """A target's bytes and what is to be reviewed of them. Raises ``FileError``."""
    content = files.read(target.path, max_bytes)
    first_line = content.text[:200].partition("\n")[0]
    language = language_of(target.path, first_line) or PLAIN
    return content, Source(content.text, language, target.shown, str(target.path))


async def review_all(
    targets: Sequence[Target],
    reviewer: Reviewer,
    plan: Plan,
    *,
    on_report: Callable[[FileReport], None],
    on_progress: Callable[[FileReport], None] = lambda _: None,
) -> None:
    """Review ``targets``, so many at a time.

    ``on_report`` gets each file's report in the order of ``targets``, as soon as it and those before it are
    done; ``on_progress`` gets what is known of a file whenever that grows. What they raise ends the run.
    """
    gate = asyncio.Semaphore(plan.jobs)
    run = _Run(reviewer, plan, on_progress)

    async def one(target: Target) -> _Done:
        async with gate:
            return await run.review(target)

    tasks: deque[asyncio.Task[_Done]] = deque()
    rest = iter(targets)
    try:
        while True:
            # Not all at once: ten thousand reports that wait for a slow one before them take memory.
            for target in islice(rest, plan.jobs + _AHEAD - len(tasks)):
                tasks.append(asyncio.create_task(one(target), name=f"review {target.shown}"))
            if not tasks:
                return
            on_report(run.report(await tasks[0]))
            tasks.popleft()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Run:
    """What the files of one run share."""

    def __init__(self, reviewer: Reviewer, plan: Plan, on_progress: Callable[[FileReport], None]) -> None:
        self._reviewer = reviewer
        self._plan = plan
        self._on_progress = on_progress
        self._hopeless: OpenAIError | None = None

    async def review(self, target: Target) -> _Done:
        if target.refusal:
            return _Done(target, refused(target))
        empty = FileReport(target.shown)
        try:
            content, source = read(target, self._plan.max_bytes)
        except FileError as error:
            return _Done(target, replace(empty, errors=(str(error),)))
        if self._hopeless:
            # A wrong key or model, or a budget that is used up, fails every file alike.
            return _Done(target, replace(empty, errors=(str(self._hopeless),)))
        sieve = self._plan.sieve
        review = await self._reviewer.review(
            source if sieve is None else sieve.source(target, source),
            urgency=Urgency(self._plan.priority),
            verify=self._plan.verify,
            # Nobody would be there to see what is found later.
            stale=False,
            settings=None if sieve is None else sieve.settings(self._reviewer.settings),
            on_progress=lambda partial: self._tell(_report(target, content, partial)),
        )
        self._hopeless = self._hopeless or next(
            (e for e in review.errors if isinstance(e, ConfigError) or e.code == BUDGET), None
        )
        return _Done(target, _report(target, content, review), content, source.language)

    def report(self, done: _Done) -> FileReport:
        """What is told of a file, after what is to be mended was. Called in the order of the files."""
        target, sieve, report = done.target, self._plan.sieve, done.report
        if sieve is not None:
            report = sieve.sift(target, report)
        if self._plan.fix and done.content is not None:
            report = self._fixed(target, done.content, done.language, report)
        if sieve is not None:
            sieve.note(target, done.report, report)
        return report

    def _tell(self, partial: FileReport) -> None:
        # Which of these will be shown is not known before all of the files before it are done.
        shown = partial if self._plan.sieve is None else replace(partial, findings=())
        self._on_progress(shown)

    def _fixed(self, target: Target, content: Content, language: str, report: FileReport) -> FileReport:
        result = apply(content.text, language, report.findings)
        if result.applied:
            try:
                files.write(target.path, content, result.text)
            except FileError as error:
                return replace(report, errors=(*report.errors, f"not fixed: {error}"))
        return replace(report, fixed=result.applied, left=result.left)


def _report(target: Target, content: Content, review: Review) -> FileReport:
    errors = tuple(dict.fromkeys(str(error) for error in review.errors))
    if review.complete and review.unreviewed and not errors:
        errors = ("parts of it were not reviewed",)
    stats = review.stats
    return FileReport(
        target.shown,
        content.text,
        review.findings,
        errors,
        reviewed=True,
        units=stats.units,
        cached_units=stats.cached_units,
        hidden=stats.hidden,
        dismissed=len(review.dismissed),
        dropped=sum(stats.dropped.values()),
        usage=stats.usage,
        verification=stats.verification,
    )
