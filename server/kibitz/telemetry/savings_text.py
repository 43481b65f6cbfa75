"""What the cache saved, in a sentence: for the editor and the doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.telemetry.cachecounts import total

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kibitz.telemetry.cachecounts import CacheCounts


def savings_line(periods: Mapping[str, Mapping[str, CacheCounts]]) -> str:
    """What was looked up in each period, by tier, as a sentence without its full stop; empty if nothing was.

    Such as ``cache, today: 80 % of 15 answers cost nothing, which saved 1200 tokens in, 80 out, $0.0123``.
    """
    said: list[str] = []
    seen: CacheCounts | None = None
    for name, tiers in periods.items():
        counts = total(tiers.values())
        # What is the same as before says nothing new.
        if counts.looked_up and counts != seen:
            said.append(f"{name}: {_saved(counts)}")
        seen = counts
    return f"cache, {'; '.join(said)}" if said else ""


def _saved(counts: CacheCounts) -> str:
    answers = f"{counts.looked_up} answer" + ("" if counts.looked_up == 1 else "s")
    line = f"{100 * counts.hits // counts.looked_up} % of {answers} cost nothing"
    if counts.saved_input_tokens or counts.saved_output_tokens:
        line += f", which saved {counts.saved_input_tokens} tokens in, {counts.saved_output_tokens} out"
        line += "" if counts.saved_usd is None else f", ${counts.saved_usd:.4f}"
    return line
