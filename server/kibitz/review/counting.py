"""What looking units up came to, tier by tier: for the books. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.provider.models import PieceAnalysis
from kibitz.telemetry.cachecounts import CacheCounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kibitz.review.known import Known

_ASKED = CacheCounts(looked_up=1)
_MISSED = CacheCounts(looked_up=1, misses=1)


def counted(looked_up: Iterable[Known | None], tiers: Sequence[str]) -> dict[str, CacheCounts]:
    """By tier.

    Args:
        looked_up: for each unit what was known of it, or None.
        tiers: their names, in the order in which they are asked.
    """
    counts = dict.fromkeys(tiers, CacheCounts())
    for known in looked_up:
        found_in = tiers[-1] if known is None else known.tier
        for tier in tiers[: tiers.index(found_in)]:
            counts[tier] += _ASKED
        counts[found_in] += _MISSED if known is None else _found(known)
    return {tier: count for tier, count in counts.items() if count.looked_up}


def _found(known: Known) -> CacheCounts:
    if known.fresh_s <= 0:
        return CacheCounts(looked_up=1, stale=1)
    if not isinstance(known.answer, PieceAnalysis):
        return CacheCounts(looked_up=1, hits=1)
    paid = known.answer.paid
    return CacheCounts(
        looked_up=1,
        hits=1,
        saved_input_tokens=paid.input_tokens,
        saved_output_tokens=paid.output_tokens,
        saved_usd=paid.cost_usd,
    )
