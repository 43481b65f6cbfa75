"""Reviews all that is missing in a run, so many at a time, and keeps each review as soon as it is there."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.evaluation.scoring import mended
from kibitz.evaluation.testing import run_tests
from kibitz.provider.preview import preview

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from kibitz.evaluation.asking import Asker
    from kibitz.evaluation.kept import Kept
    from kibitz.evaluation.pairs import Pair
    from kibitz.evaluation.reviewed import Reviewed
    from kibitz.provider.preview import Outgoing

_IN_A_ROW = 5
"""So many failures one after the other end a run: the next ones would fail alike."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """About what it will take to go on."""

    reviews: int
    requests: int
    tokens: int
    """Of the input."""
    cost_usd: Decimal | None
    """With short answers, and without verification; None where no price is known."""


async def estimate(kept: Kept, asker: Asker) -> Estimate:
    """About what the missing reviews will take. Sends nothing."""
    todo = kept.missing()
    outgoing: list[Outgoing] = []
    for pair, side in todo:
        for pieces in await asker.missing(pair, side):
            shown = await asyncio.to_thread(preview, pieces, asker.client.config, ())
            outgoing += shown.requests
    costs = [each.cost_usd for each in outgoing]
    known = [cost for cost in costs if cost is not None]
    return Estimate(
        reviews=len(todo),
        requests=len(outgoing),
        tokens=sum(each.tokens for each in outgoing),
        cost_usd=sum(known[1:], known[0]) if known and len(known) == len(costs) else None,
    )


async def run(kept: Kept, asker: Asker, jobs: int, on_done: Callable[[Reviewed], None]) -> str:
    """Review what is missing. Why it ended before that was done; empty if it was.

    Cancelling it, or killing it, loses no answer that has come.
    """
    todo, failures = deque(kept.missing()), deque[str](maxlen=_IN_A_ROW)
    stopped = ""

    async def worker() -> None:
        nonlocal stopped
        while todo and not stopped:
            pair, side = todo.popleft()
            review, hopeless = await asker.review(pair, side)
            kept.add(review)
            on_done(review)
            if review.is_whole:
                failures.clear()
                continue
            failures.append(review.errors[0])
            if hopeless or len(failures) == _IN_A_ROW:
                stopped = review.errors[0]

    workers = [asyncio.create_task(worker()) for _ in range(min(jobs, len(todo)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for each in workers:
            each.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return stopped


async def check_fixes(kept: Kept, on_done: Callable[[Pair], None]) -> None:
    """Run the tests of each pair on what its fix gives. See ``testing`` for what that means."""
    kept.begin_tests()
    for pair in kept.pairs:
        buggy = kept.reviews(pair).get("buggy")
        if not pair.tests or buggy is None or (code := mended(pair, buggy)) is None:
            continue
        digest = hashlib.sha256(f"{code}\0{pair.tests}".encode("utf-8", "replace")).hexdigest()[:16]
        known = kept.verdict(pair)
        if known is None or known[0] != digest:
            kept.add_verdict(pair, digest, await asyncio.to_thread(run_tests, code, pair.tests))
        on_done(pair)
