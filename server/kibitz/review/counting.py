"""What looking units up came to, tier by tier: for the books. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from kibitz.provider.models import PieceAnalysis
from kibitz.telemetry.cachecounts import CacheCounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kibitz.review.known import Known


def counted(looked_up: Iterable[Known | None], tiers: Sequence[str]) -> dict[str, CacheCounts]:
    """By tier.

    Args:
        looked_up: for each unit what was known of it, or None.
        tiers: their names, in the order in which they are asked.
    """
    # Done for all units of a document after each pause in the typing, so one sum for each tier.
    found: dict[str, list[Known]] = {tier: [] for tier in tiers}
    missing = 0
    for known in looked_up:
        if known is None:
            missing += 1
        else:
            found[known.tier].append(known)
    left = missing + sum(map(len, found.values()))
    counts: dict[str, CacheCounts] = {}
    for tier in tiers:
        if left:
            counts[tier] = _of_tier(found[tier], left, missing if tier == tiers[-1] else 0)
        left -= len(found[tier])
    return counts


def _of_tier(found: Sequence[Known], asked: int, missing: int) -> CacheCounts:
    fresh = [known.answer for known in found if known.fresh_s > 0]
    paid = [answer.paid for answer in fresh if isinstance(answer, PieceAnalysis)]
    priced = [usage.cost_usd for usage in paid if usage.cost_usd is not None]
    return CacheCounts(
        looked_up=asked,
        hits=len(fresh),
        stale=len(found) - len(fresh),
        misses=missing,
        saved_input_tokens=sum(usage.input_tokens for usage in paid),
        saved_output_tokens=sum(usage.output_tokens for usage in paid),
        saved_usd=sum(priced, Decimal(0)) if priced else None,
    )
