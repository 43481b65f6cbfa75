"""The server's way to the rest of kibitz: settings and reviewers, imported when they are wanted."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from kibitz.lsp.faults import EARLY_LOG
from kibitz.lsp.service import Loading, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from kibitz.app import App
    from kibitz.app.doctor import Line
    from kibitz.config import Loaded, Reported, Settings
    from kibitz.lsp.app_service import AppService
    from kibitz.lsp.measuring import Measuring
    from kibitz.lsp.service import Listener, ReviewService
    from kibitz.telemetry.budget import Warned
    from kibitz.telemetry.catalogue import Metrics


class AppBackend:
    """Settings by ``kibitz.config``, reviewers by ``kibitz.app``."""

    def __init__(
        self, protect: Callable[[], None] = lambda: None, measuring: Measuring | None = None
    ) -> None:
        """Prepare.

        Args:
            protect: hides what the environment holds, in a thread, before it is read here.
            measuring: what is measured from one service to the next; None: of each by itself.
        """
        self._protect = protect
        self._measuring = measuring
        self._loaded: Loaded | None = None
        self._service: AppService | None = None
        self._reported: Reported | None = None

    async def load(self, editor: object, cli: Mapping[str, object], folders: Mapping[str, object]) -> Loading:
        """See ``Backend``."""
        loaded, trouble = await asyncio.to_thread(self._load, editor, cli, folders)
        # Told only if nobody gave up waiting for it.
        fresh = self._reported.fresh(loaded.problems) if self._reported else loaded.problems
        self._loaded = loaded
        if self._measuring is not None and (why := await self._measuring.use(loaded.settings)):
            trouble = (*trouble, why)
        fits = self._service is not None and self._service.adjust(loaded.settings, loaded.folders)
        return Loading(
            loaded.settings,
            (*map(str, fresh), *trouble),
            tuple(map(str, loaded.problems)),
            rebuild=not fits,
            folders=loaded.folders,
        )

    async def build(self, roots: Sequence[str], listener: Listener) -> ReviewService:
        """See ``Backend``."""
        if self._loaded is None:
            raise RuntimeError("the settings are loaded first")
        from kibitz.lsp.app_service import AppService  # noqa: PLC0415 - after initialize
        from kibitz.lsp.scopes import Scopes  # noqa: PLC0415 - as above

        self._service = None
        loaded = self._loaded
        measuring = self._measuring
        metrics = None if measuring is None else measuring.metrics
        app = await asyncio.to_thread(_create, loaded.settings, loaded.where, metrics)
        app.recorder.on_step, app.recorder.on_consent = listener.stepped, listener.unconsented
        app.recorder.on_over = None if measuring is None else measuring.over
        app.spending.budget.on_warning = lambda warned: _warn(listener, warned)
        app.spending.budget.on_unpriced = listener.warned
        try:
            reviewer = await app.reviewer()
        except BaseException:
            await app.aclose()
            raise
        reviewer.on_renewed = listener.forget_reviews
        scopes = Scopes(loaded.settings, loaded.folders, roots, app.dismissals)
        self._service = AppService(app, reviewer, scopes)
        return self._service

    async def examine(self, *, offline: bool) -> Sequence[Line]:
        """See ``Backend``."""
        from kibitz.app.doctor import examine  # noqa: PLC0415 - few ask
        from kibitz.config import load  # noqa: PLC0415 - loaded by now, mostly

        loaded = self._loaded
        if loaded is None:
            loaded = await asyncio.to_thread(load)
        return [line async for line in examine(loaded, offline=offline)]

    async def report(self, server: Mapping[str, object], folders: Sequence[Path]) -> Report:
        """See ``Backend``."""
        from kibitz.app.bugreport import make  # noqa: PLC0415 - few ask
        from kibitz.config import load  # noqa: PLC0415 - loaded by now, mostly

        loaded = self._loaded
        if loaded is None:
            loaded = await asyncio.to_thread(load)
        path, parts = await make(loaded, server, folders)
        return Report(path, tuple(f"{part.name}: {part.what}" for part in parts))

    async def usage_report(self, days: int) -> Path:
        """See ``Backend``."""
        from kibitz.app.usagereport.making import make  # noqa: PLC0415 - few ask
        from kibitz.config import load  # noqa: PLC0415 - loaded by now, mostly

        if self._service is not None:
            await self._service.written()
        loaded = self._loaded
        if loaded is None:
            loaded = await asyncio.to_thread(load)
        return await make(loaded.settings, days)

    def _load(
        self, editor: object, cli: Mapping[str, object], folders: Mapping[str, object]
    ) -> tuple[Loaded, tuple[str, ...]]:
        from kibitz.config import Reported, load  # noqa: PLC0415 - 0.1 s, after initialize
        from kibitz.telemetry import logs  # noqa: PLC0415 - as above

        self._protect()
        loaded = load(cli=cli, lsp=editor, folders=folders)
        _note_refused(loaded)
        if self._reported is None:
            self._reported = Reported()
        trouble = logs.configure(loaded.settings.log_level, loaded.settings.log_file, records_only=True)
        root = logging.getLogger()
        for handler in [handler for handler in root.handlers if handler.name == EARLY_LOG]:
            root.removeHandler(handler)
        return loaded, (trouble,) if trouble else ()


def _note_refused(loaded: Loaded) -> None:
    """What the editor, and so perhaps the repository that is open, tried to set and may not."""
    from kibitz.config import Source, setting_names  # noqa: PLC0415 - loaded by now
    from kibitz.config.settings import owned  # noqa: PLC0415 - as above
    from kibitz.telemetry import security  # noqa: PLC0415 - as above

    for problem in loaded.problems:
        name = problem.setting
        if problem.source is Source.LSP and name in setting_names() and Source.LSP not in owned(name).by:
            security.note(security.Event.SETTING_REFUSED, setting=name)


def _warn(listener: Listener, warned: Warned) -> None:
    # That all of it is spent, the user is asked about.
    if not warned.is_all:
        listener.warned(warned.message)


def _create(settings: Settings, where: Callable[[str], str], metrics: Metrics | None) -> App:
    from kibitz.app import App  # noqa: PLC0415 - the SDK costs a second

    return App.create(settings, where, metrics)
