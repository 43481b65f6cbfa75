"""What ``check --batch`` and ``warm --batch`` share: a folder's way through the provider's Batch API."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from typing import TYPE_CHECKING

import click

from kibitz.cli.files import FileError
from kibitz.cli.output.text import counted, price
from kibitz.cli.reviewing import read
from kibitz.provider.errors import OpenAIError
from kibitz.review.batch_state import BatchStates
from kibitz.review.batching import Batching
from kibitz.state.database import StateUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from decimal import Decimal

    from kibitz.app import App
    from kibitz.cli.reviewing import Target
    from kibitz.provider.models import Usage
    from kibitz.review.batch_result import Estimate, Outcome, Progress
    from kibitz.review.result import Source
    from kibitz.review.reviewer import Reviewer

GO_ON = "what was sent runs on at the provider; run the same command again to take its results"


class Trip:
    """The targets of one command on their way.

    Args:
        paths: as they were given: the same ones again are the same command.
        tell: says something to keep; ``show`` what is going on, in place of what it was told before.
    """

    def __init__(
        self,
        app: App,
        reviewer: Reviewer,
        *,
        paths: Sequence[str],
        tell: Callable[[str], None],
        show: Callable[[str], None],
    ) -> None:
        self._app = app
        self._reviewer = reviewer
        self._scope = scope_of(paths)
        self._tell = tell
        self._show = show
        self._sent = False

    async def run(self, targets: Sequence[Target], *, wait: bool) -> Outcome:
        """See ``Batching.run``. Raises ``click.ClickException``, which says how to go on."""
        try:
            sources = _sources(targets, self._app.settings.max_file_bytes)
            return await (await self._batching()).run(sources, self._scope, self, wait=wait)
        except (OpenAIError, StateUnavailable) as error:
            raise click.ClickException(f"{error}; {GO_ON}" if self._sent else str(error)) from error
        except asyncio.CancelledError:
            if self._sent:
                self._tell(f"not waiting any longer; {GO_ON}")
            raise

    async def cancel(self, targets: Sequence[Target]) -> int:
        """See ``Batching.cancel``. Raises ``click.ClickException``."""
        try:
            sources = _sources(targets, self._app.settings.max_file_bytes)
            return await (await self._batching()).cancel(sources, self._scope, self)
        except (OpenAIError, StateUnavailable) as error:
            raise click.ClickException(str(error)) from error

    def planned(self, estimate: Estimate) -> None:
        """See ``Watcher``."""
        self._sent = True
        self._tell(
            f"sending {counted(estimate.units, 'unit')} in {counted(estimate.requests, 'request')}: about "
            f"{estimate.usage.input_tokens:,} tokens, {_about(estimate.usage.cost_usd)}; the answers come "
            "within a day, mostly much sooner"
        )

    def taken(self, usage: Usage) -> None:
        """See ``Watcher``."""
        self._app.recorder.taken(usage, model=self._app.settings.model)

    def waiting(self, progress: Progress) -> None:
        """See ``Watcher``."""
        self._sent = True
        batches = counted(progress.batches, "batch")
        done = f" · {progress.done} of {progress.total} requests" if progress.total else ""
        self._show(f"{batches} {progress.status}{done}")

    async def _batching(self) -> Batching:
        if self._app.choice.provider == "local":
            raise click.ClickException("the embedded model has no Batch API; leave out --batch")
        client = await self._app.client()
        return Batching(await client.batches(), self._reviewer, BatchStates(self._app.database))


def scope_of(paths: Sequence[str]) -> str:
    """A name for a command's paths that tells nothing about them."""
    absolute = sorted({os.path.abspath(path) for path in paths})  # noqa: PTH100 - resolve() would follow links
    return hashlib.sha256(json.dumps(absolute).encode()).hexdigest()[:32]


def unanswered(outcome: Outcome) -> str:
    """What was asked without an answer, in words; empty if all was answered."""
    reasons = ", ".join(f"{why.replace('_', ' ')}: {count}" for why, count in sorted(outcome.failed.items()))
    count = outcome.failed.total()
    return f"{counted(count, 'unit')} not answered in the batch ({reasons})" if count else ""


def _about(cost_usd: Decimal | None) -> str:
    return price(cost_usd) if cost_usd is None else f"about {price(cost_usd)}, which is the batch price"


def _sources(targets: Sequence[Target], max_bytes: int) -> Iterator[Source]:
    """The texts of the targets. One that cannot be read is told of by the review that follows."""
    for target in targets:
        if target.refusal:
            continue
        try:
            _, source = read(target, max_bytes)
        except FileError:
            continue
        yield source
