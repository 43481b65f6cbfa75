"""The files of the open folders that can be reviewed, and what a review of all of them would take."""

from __future__ import annotations

import asyncio
import os
from decimal import Decimal
from typing import TYPE_CHECKING

from kibitz.app.configs import known_config
from kibitz.guard.walk import candidates, reason_of
from kibitz.lsp.folders import innermost
from kibitz.lsp.service import Survey
from kibitz.provider import pricing
from kibitz.provider.models import Usage
from kibitz.review.warm import tokens_of
from kibitz.text.languages import language_of_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from kibitz.app import App
    from kibitz.lsp.scopes import Scopes
    from kibitz.review.result import Source
    from kibitz.review.reviewer import Reviewer

MOST_FILES = 2000
"""So many files are reviewed at once; whoever has more takes ``kibitz check``, which shows them better."""
_ANSWER_TOKENS = 400
"""What an answer takes, for the estimate: mostly thoughts, and an empty list."""


def files_below(
    scopes: Scopes, ended: Callable[[], bool], most: int = MOST_FILES
) -> tuple[tuple[str, ...], int]:
    """The reviewable files of the open folders, each once, and about how many more there are.

    Reads folders and the heads of files: for a thread. Gives up once ``ended`` says so.
    """
    found: list[str] = []
    left_out = 0
    for path in _candidates(scopes):
        if ended():
            break
        language = language_of_name(os.path.basename(path))  # noqa: PTH119 - for all files there are
        if language is not None and not scopes.accepts(path, language):
            continue
        if len(found) >= most:
            left_out += language is not None
        elif reason_of(path, scopes.settings_at(path).max_file_bytes) is None:
            found.append(path)
    return tuple(found), left_out


def _candidates(scopes: Scopes) -> Iterator[str]:
    """Files by the rules of the innermost open folder that each is in, whatever links lead there."""
    roots: dict[str, Path] = {}
    for root in scopes.roots:
        roots.setdefault(os.path.realpath(root), root)
    for real, root in roots.items():
        for path in candidates(root, scopes.ignore_of(root), _nobody):
            # No link is followed below a root, so this is where the file really is.
            below = path[len(str(root)) :].lstrip("/")
            if innermost(f"{real.rstrip('/')}/{below}", roots) == real:
                yield path


def _nobody(_path: str, _reason: str) -> None:
    pass


async def estimate(
    app: App,
    reviewer: Reviewer,
    paths: Sequence[str],
    read: Callable[[str], Awaitable[Source | None]],
    *,
    left_out: int,
    on_step: Callable[[int, int], None],
) -> Survey:
    """What a review of the files would send: nothing for what is known. Sends nothing itself.

    ``read`` gives what there is to review in a file, if anything. ``on_step`` is told how many were looked
    at, of how many.
    """
    config = known_config(app.settings, app.choice)
    await asyncio.to_thread(pricing.load)
    names, tokens, asked, cost = [], 0, 0, Decimal(0)
    priced = True
    for done, path in enumerate(paths, 1):
        source = await read(path)
        if source is not None:
            names.append(path)
            missing, _ = await reviewer.missing(source)
            if missing:
                taken = tokens_of(missing, reviewer.settings.max_request_tokens)
                price = pricing.cost(
                    config.model, Usage(1, taken, output_tokens=_ANSWER_TOKENS), config.endpoint
                )
                tokens, asked, priced = tokens + taken, asked + 1, priced and price is not None
                cost += price or 0
        on_step(done, len(paths))
    return Survey(
        tuple(names),
        asked=asked,
        tokens=tokens,
        cost_usd=cost if priced else None,
        is_free=app.choice.provider == "local" or config.endpoint.is_loopback,
        left_out=left_out,
    )
