"""A review of all files in the open folders, because somebody asked for it: of those that are not open, too.

Nobody types in them, so each is reviewed once, as it lies on the disk, after all that is being looked at.
What becomes of what is found is told in ``closed_files.py``.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kibitz.lsp.closed_files import ClosedFiles
from kibitz.lsp.faults import describe
from kibitz.lsp.reviews import PROGRESS_AFTER_SECONDS
from kibitz.provider.errors import ConfigError, OpenAIError, RateLimitExceeded
from kibitz.provider.limits.priority import Priority, Urgency

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lsprotocol import types

    from kibitz.lsp.capabilities import Client
    from kibitz.lsp.clock import Clock
    from kibitz.lsp.reviews import Progress
    from kibitz.lsp.service import Outcome, ReviewService, Survey
    from kibitz.lsp.session import Session

logger = logging.getLogger(__name__)

PROGRESS_KEY = "kibitz:workspace"
"""Stands for a document's URI where the editor is shown what goes on."""
CONFIRMED_TOKENS = 20_000
"""What costs money and takes more than that is asked about only with the user's word."""
REVIEW, NOT_NOW = "Review them", "Not now"
_AT_ONCE = 4
_HOPELESS_IN_A_ROW = 8
"""After so many files that failed, one after the other, the next will fail, too."""
_SURVEYED = 10
"""Per cent of the progress that the survey takes."""
_TITLE = "Reviewing the workspace"


class Editor(Protocol):
    """What a review of the workspace tells the editor."""

    def publish(self, uri: str, version: int | None, diagnostics: Sequence[types.Diagnostic]) -> None:
        """These are all diagnostics of the file now."""

    def progress(self, title: str, uri: str) -> Progress:
        """Show that something is under way, if the editor can."""

    def show(self, message: str) -> None:
        """Tell the user that something needs them."""

    def tell(self, message: str) -> None:
        """Answer the user, who asked."""

    async def choose(self, message: str, choices: Sequence[str]) -> str | None:
        """Which of the choices the user takes; None if none of them, or if the editor cannot ask."""


@dataclass(slots=True)
class _Tally:
    files: int = 0
    findings: int = 0
    with_findings: int = 0
    failed: int = 0
    in_a_row: int = 0
    """So many failed since one did not."""
    stopped: str = ""
    """Why the rest was left out."""

    def add(self, outcome: Outcome) -> None:
        self.files += 1
        self.findings += len(outcome.findings)
        self.with_findings += bool(outcome.findings)
        self.failed += bool(outcome.errors)
        self.in_a_row = self.in_a_row + 1 if outcome.errors else 0
        for error in outcome.errors:
            if _is_hopeless(error) or self.in_a_row >= _HOPELESS_IN_A_ROW:
                self.stopped = self.stopped or error.message

    def __str__(self) -> str:
        failed = f"; {self.failed} of them not, or not whole" if self.failed else ""
        stopped = f"; the rest was left out: {self.stopped}" if self.stopped else ""
        where = f" in {_files(self.with_findings)}" if self.findings else ""
        findings = "1 finding" if self.findings == 1 else f"{self.findings} findings"
        return f"{_files(self.files)} reviewed{failed}: {findings}{where}{stopped}"


class _Meter:
    """The progress of one run, as far as the editor shows it; what takes no time is not shown."""

    def __init__(self, editor: Editor, clock: Clock) -> None:
        self._editor = editor
        self._progress: Progress | None = None
        self._told = 0
        self._timer = clock.call_later(PROGRESS_AFTER_SECONDS, self._begin)

    def _begin(self) -> None:
        self._progress = self._editor.progress(_TITLE, PROGRESS_KEY)

    def surveyed(self, done: int, of: int) -> None:
        self._report(f"looking at {done} of {of} files", _SURVEYED * done // max(of, 1))

    def reviewed(self, done: int, of: int) -> None:
        self._report(f"{done} of {of} files", _SURVEYED + (100 - _SURVEYED) * done // max(of, 1))

    def end(self) -> None:
        self._timer.cancel()
        if self._progress is not None:
            self._progress.end()

    def _report(self, message: str, percentage: int) -> None:
        percentage = min(percentage, 99)
        if self._progress is not None and percentage > self._told:
            self._told = percentage
            self._progress.report(message, percentage)


class Workspace:
    """At most one such review at a time. Belongs to the event loop."""

    def __init__(self, session: Session, editor: Editor, client: Client, clock: Clock) -> None:
        self.closed_files = ClosedFiles(session, editor, client)
        self._session = session
        self._editor = editor
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self, *, confirmed: bool) -> str:
        """Begin; why not, or nothing. ``confirmed``: whatever it costs."""
        session = self._session
        if self._task is not None:
            return "it is being reviewed already; the command kibitz.stop ends that"
        if session.service is None:
            return "nobody can be asked; the command kibitz.showStatus says why"
        if session.paused:
            return "kibitz is paused; run the command kibitz.resume first"
        run = self._run(session.service, confirmed=confirmed)
        self._task = asyncio.get_running_loop().create_task(run)
        return ""

    def stop(self) -> None:
        """End it; what was found by then stays."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    def close(self) -> None:
        """End all of it."""
        self.stop()
        self.closed_files.close()

    async def _run(self, service: ReviewService, *, confirmed: bool) -> None:
        me, meter = asyncio.current_task(), _Meter(self._editor, self._clock)
        try:
            survey = await service.survey(meter.surveyed)
            if await self._may(survey, service, confirmed=confirmed):
                self._session.analyze(None)
                tally = await self._review(survey, service, meter)
                self._editor.tell(f"kibitz: {tally}{_left_out(survey)}")
        except OpenAIError as error:
            self._editor.show(f"kibitz: the workspace is not reviewed: {error.message}")
        except Exception as error:  # noqa: BLE001 - our own mistake; nobody waits for the task
            logger.error("a review of the workspace failed: %s", describe(error))  # noqa: TRY400 - no messages
            self._editor.show(
                "kibitz: the workspace is not reviewed for a reason of its own; its log says where."
            )
        finally:
            meter.end()
            if self._task is me:
                self._task = None

    async def _may(self, survey: Survey, service: ReviewService, *, confirmed: bool) -> bool:
        """Say what will be sent, and have the user's word for it if it is much."""
        if not survey.paths:
            self.closed_files.retain(())
            self._editor.tell("kibitz: there are no files to review in the open folders")
            return False
        if not survey.tokens:
            return True
        price = "" if survey.cost_usd is None else f", about ${survey.cost_usd:.2f}"
        sends = (
            f"{survey.asked} of {_files(len(survey.paths))} not known yet: that sends about "
            f"{survey.tokens:,} tokens to {service.health().model}{price}"
        )
        if confirmed or survey.is_free or survey.tokens <= CONFIRMED_TOKENS:
            self._editor.tell(f"kibitz: reviewing the workspace; {sends}")
            return True
        answer = await self._editor.choose(f"kibitz: Review the workspace? {sends}.", (REVIEW, NOT_NOW))
        if answer is None:
            again = 'to have it done, run kibitz.analyzeWorkspace with {"confirmed": true}'
            self._editor.show(f"kibitz: the workspace is not reviewed. {sends}; {again}.")
        return answer == REVIEW

    async def _review(self, survey: Survey, service: ReviewService, meter: _Meter) -> _Tally:
        tally, waiting, done = _Tally(), deque(survey.paths), 0
        self.closed_files.retain(survey.paths)

        async def work() -> None:
            nonlocal done
            while waiting and not tally.stopped:
                await self._review_file(waiting.popleft(), service, tally)
                done += 1
                meter.reviewed(done, len(survey.paths))

        async with asyncio.TaskGroup() as workers:
            for _ in range(_AT_ONCE):
                workers.create_task(work())
        return tally

    async def _review_file(self, path: str, service: ReviewService, tally: _Tally) -> None:
        files = self.closed_files
        assignment = await files.assignment(path)
        if self._session.service is not service:
            tally.stopped = "the settings have changed"
        elif assignment is not None:
            try:
                outcome = await service.review(assignment, Urgency(Priority.WARMING), lambda _so_far: None)
            except OpenAIError as error:
                tally.stopped = error.message
            else:
                tally.add(outcome)
                files.show(path, assignment, outcome)
        elif not files.is_open(path):
            files.drop(path)


def _is_hopeless(error: OpenAIError) -> bool:
    """Whether the next file would meet it as well."""
    return isinstance(error, ConfigError) or (isinstance(error, RateLimitExceeded) and not error.retryable)


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"


def _left_out(survey: Survey) -> str:
    if not survey.left_out:
        return ""
    return f"; about {_files(survey.left_out)} more were left out: kibitz check reviews any number"
