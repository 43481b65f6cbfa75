"""The service behind the server: the reviewer of ``kibitz.app``, and what is around it."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.lsp.service import Assignment
from kibitz.provider.limits.priority import Priority
from kibitz.telemetry import booking

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kibitz.app import App
    from kibitz.config import Settings
    from kibitz.findings.finding import Finding
    from kibitz.guard.trust import Decision
    from kibitz.lsp.scopes import Scopes
    from kibitz.lsp.service import Health, Outcome, Survey
    from kibitz.lsp.spending import Spending
    from kibitz.provider.errors import OpenAIError
    from kibitz.provider.limits.priority import Urgency
    from kibitz.provider.models import Context, ContextAnalysis, Suggestion, Usage
    from kibitz.review.result import Dismissed, Source
    from kibitz.review.reviewer import Review, Reviewer
    from kibitz.review.suppress import Suppression
    from kibitz.review.warm import Pace
    from kibitz.telemetry.counts import Counts
    from kibitz.text.spans import Span

WARMED_FILES = 32
"""So many files that changed lately are prepared for."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A ``Review`` as the server sees it."""

    findings: Sequence[Finding]
    unreviewed: Sequence[Span]
    dismissed: Sequence[Dismissed]
    errors: Sequence[OpenAIError]
    usage: Usage


class AppService:
    """A reviewer, and what is around it."""

    def __init__(self, app: App, reviewer: Reviewer, scopes: Scopes) -> None:
        self._app = app
        self._reviewer = reviewer
        self._scopes = scopes
        self._model = app.describe()
        self._limited = asyncio.Event()
        app.recorder.on_failure = self._failed
        app.spending.use_folders(scopes.roots)

    def set_roots(self, roots: Sequence[str]) -> None:
        """See ``ReviewService``."""
        self._scopes.move(roots)
        self._app.spending.use_folders(self._scopes.roots)

    def adjust(self, settings: Settings, folders: Mapping[str, Settings]) -> bool:
        """Go by other settings from now on. False if they ask for another service."""
        if self._scopes.differs(settings):
            return False
        self._scopes.use(settings, folders)
        self._reviewer.settings = self._scopes.view_at(None)
        self._app.projects.forget()
        return True

    async def review(
        self, assignment: Assignment, urgency: Urgency, on_progress: Callable[[Outcome], None]
    ) -> Outcome:
        """See ``ReviewService``."""
        review = await self._reviewer.review(
            _source_of(assignment),
            urgency=urgency,
            verify=assignment.verify,
            ask=assignment.ask,
            retry=urgency.priority is Priority.EXPLICIT,
            settings=self._scopes.view_at(assignment.path),
            on_progress=lambda so_far: on_progress(_found(so_far)),
        )
        return _found(review)

    async def prepare(self, assignment: Assignment) -> None:
        """See ``ReviewService``."""
        path = assignment.path
        if path is None or await asyncio.to_thread(self.refusal, path) is None:
            await self._reviewer.prepare(_source_of(assignment), verify=assignment.verify)

    async def suggest(self, place: Context) -> Sequence[Suggestion]:
        """See ``ReviewService``."""
        return await (await self._app.client()).generate_suggestions(place)

    async def explain(self, place: Context) -> ContextAnalysis:
        """See ``ReviewService``."""
        return await (await self._app.client()).analyze_context(place)

    async def ready(self) -> None:
        """See ``ReviewService``."""
        await self._app.client()

    @property
    def dismissals(self) -> Suppression:
        """See ``ReviewService``."""
        return self._app.dismissals

    def refusal(self, path: str) -> str | None:
        """See ``ReviewService``."""
        return self._scopes.refusal(path)

    async def allow(self, origin: str, place: str) -> None:
        """See ``ReviewService``."""
        await asyncio.to_thread(self._app.consents.allow, origin, place)

    async def undecided(self) -> Sequence[Path]:
        """See ``ReviewService``."""
        if self._app.choice.review != "list":
            return ()  # There is no place for rules in what it asks.
        return await asyncio.to_thread(self._app.projects.undecided, self._scopes.roots)

    async def decide(self, root: Path, decision: Decision) -> None:
        """See ``ReviewService``."""
        await asyncio.to_thread(self._app.projects.decide, root, decision)

    async def clear_cache(self) -> str:
        """See ``ReviewService``."""
        await self._reviewer.forget()
        if not self._app.shares_answers:
            return ""
        return "the team's are kept, but not read in this window any more (kibitz cache clear --team)"

    async def raise_budget(self) -> str:
        """See ``ReviewService``."""
        return await self._app.spending.go_on()

    async def reload_keys(self) -> Sequence[str]:
        """See ``ReviewService``."""
        from kibitz.provider.status_text import key_lines  # noqa: PLC0415 - few ask

        client = await self._app.client()
        await client.reload_keys()
        return () if self._app.choice.provider == "local" else key_lines(client.status())

    async def warm(
        self, pace: Pace, is_open: Callable[[str], bool], on_step: Callable[[int, int], None]
    ) -> str:
        """See ``ReviewService``."""
        from kibitz.review.recent import recent_files  # noqa: PLC0415 - after the open documents' reviews
        from kibitz.review.warm import Warmer  # noqa: PLC0415 - as above
        from kibitz.review.warm_budget import DailyBudget  # noqa: PLC0415 - as above

        settings = self._scopes.common
        if settings.warm == "off" or not settings.cache_ttl_s:
            return ""
        budget = DailyBudget(self._app.database, settings.warm_max_tokens)
        warmer = Warmer(
            self._reviewer,
            lambda path: self._source(path, is_open),
            pace=pace,
            limited=self._limited,
            budget=budget if settings.warm == "recent" else None,
            on_step=on_step,
        )
        await pace.wait()
        paths = await asyncio.to_thread(recent_files, self._scopes.roots, WARMED_FILES, refusal=self.refusal)
        with booking.purpose("warm"):
            return str(await warmer.run(paths))

    async def _source(self, path: Path, is_open: Callable[[str], bool]) -> Source | None:
        """What there is to prepare for in a file, unless it is open or must not be sent."""
        from kibitz.review.recent import source_at  # noqa: PLC0415 - loaded by now

        def source() -> Source | None:
            if self.refusal(str(path)) is not None:
                return None
            found = source_at(path, self._scopes.settings_at(str(path)).max_file_bytes)
            accepted = found is not None and self._scopes.accepts(str(path), found.language)
            return found if accepted else None

        return None if is_open(str(path)) else await asyncio.to_thread(source)

    def _failed(self, error: OpenAIError) -> None:
        from kibitz.provider.errors import RateLimitExceeded  # noqa: PLC0415 - loaded by now

        if isinstance(error, RateLimitExceeded):
            # Whoever was told so: as long as this service lives, nothing more is asked ahead of time.
            self._limited.set()

    async def survey(self, on_step: Callable[[int, int], None]) -> Survey:
        """See ``ReviewService``."""
        from kibitz.lsp.survey import estimate, files_below  # noqa: PLC0415 - few ask

        ended = threading.Event()
        try:
            paths, left_out = await asyncio.to_thread(files_below, self._scopes, ended.is_set)
        finally:
            ended.set()
        return await estimate(
            self._app, self._reviewer, paths, self._read, left_out=left_out, on_step=on_step
        )

    async def assignment(self, path: str) -> Assignment | None:
        """See ``ReviewService``."""
        if not any(Path(path).is_relative_to(root) for root in self._scopes.roots):
            return None
        source = await self._read(path)
        return None if source is None else Assignment(source.text, source.language, path)

    async def _read(self, path: str) -> Source | None:
        return await self._source(Path(path), lambda _path: False)

    async def status(self) -> Sequence[str]:
        """See ``ReviewService``."""
        from kibitz.lsp.spending import spending  # noqa: PLC0415 - few ask
        from kibitz.provider.status_text import engine_lines  # noqa: PLC0415 - as above

        app = self._app
        if app.choice.provider == "local":
            lines = [f"asks {app.describe()}"]
        else:
            lines = [*engine_lines((await app.client()).status())]
        budget = await app.spending.lines()
        return (*lines, *(await spending(app)).lines(), *budget, *app.cache_problems())

    def health(self) -> Health:
        """See ``ReviewService``."""
        from kibitz.lsp.health import health_of  # noqa: PLC0415 - loaded by now

        return health_of(self._app, self._model)

    async def today(self) -> Counts | None:
        """See ``ReviewService``."""
        from kibitz.lsp.spending import today  # noqa: PLC0415 - after the first review

        return await today(self._app)

    async def usage(self) -> Spending:
        """See ``ReviewService``."""
        from kibitz.lsp.spending import spending  # noqa: PLC0415 - few ask

        return await spending(self._app)

    async def written(self) -> None:
        """Write the books, so that others can read in them."""
        await self._app.written()

    async def aclose(self) -> None:
        """See ``ReviewService``."""
        await self._app.aclose()


def _source_of(assignment: Assignment) -> Source:
    from kibitz.review.reviewer import Source  # noqa: PLC0415 - loaded with the app

    path = assignment.path or ""
    name = Path(path).name if path else ""
    return Source(assignment.text, assignment.language, name, path=path, edited=assignment.edited)


def _found(review: Review) -> _Found:
    silent = (*review.pending, *review.unreviewed)
    return _Found(review.findings, silent, review.dismissed, review.errors, review.stats.usage)
