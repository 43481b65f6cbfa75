"""The app behind a command, from its start to its end."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from kibitz.cli.telling import listen
from kibitz.provider.errors import OpenAIError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from kibitz.app import App
    from kibitz.cli.progress import CheckProgress
    from kibitz.cli.report import FileReport
    from kibitz.config import Loaded
    from kibitz.review.reviewer import Reviewer


@asynccontextmanager
async def started(loaded: Loaded, progress: CheckProgress) -> AsyncIterator[tuple[App, Reviewer]]:
    """The app and its reviewer while the block runs; what users should know meanwhile goes to ``progress``.

    Raises:
        click.ClickException: nobody can review; the message says why, and what to do.
    """
    from kibitz.app import App  # noqa: PLC0415 - the SDK costs a second; bad options are told before

    try:
        app = App.create(loaded.settings, loaded.where)
    except OpenAIError as error:
        raise click.ClickException(str(error)) from error
    try:
        listen(app, progress.tell)
        app.on_starting = lambda: progress.saying(f"starting {app.describe()}")
        try:
            reviewer = await app.reviewer()
        except OpenAIError as error:
            raise click.ClickException(str(error)) from error
        yield app, reviewer
    finally:
        await app.aclose()


def usable(app: App, on_report: Callable[[FileReport], None]) -> Callable[[FileReport], None]:
    """``on_report``, which ends the run at the first file that fails because nobody can be asked at all."""

    def told(report: FileReport) -> None:
        if report.errors and app.unusable is not None:
            raise click.ClickException(str(app.unusable))
        on_report(report)

    return told
