"""What a check found, and what it took, in two lines for people. Light to import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.findings.finding import Severity

if TYPE_CHECKING:
    from decimal import Decimal

    from kibitz.cli.totals import Totals
    from kibitz.provider.models import Verification


def summary(totals: Totals) -> list[tuple[str, str]]:
    """The two lines as pieces of text, each with its style."""
    found = ", ".join(counted(count, severity) for severity, count in totals.counts if count)
    pieces = [(found or "No findings", "bold"), (f" in {counted(totals.files, 'file')}", "")]
    if totals.fixed:
        pieces.append((f"; {totals.fixed} fixed", "bold green"))
    if totals.hidden:
        pieces.append((f"; {totals.hidden} more below the settings' limits", ""))
    if totals.dismissed:
        pieces.append((f"; {totals.dismissed} dismissed", ""))
    if totals.known:
        pieces.append((f"; {totals.known} known from the baseline", ""))
    if totals.gone:
        pieces.append((f"; {totals.gone} of the baseline no longer found", ""))
    if totals.unchanged:
        pieces.append((f"; {totals.unchanged} more on lines that did not change", ""))
    if totals.failed:
        pieces.append((f"; {counted(totals.failed, 'file')} not (fully) reviewed", "bold red"))
    usage = totals.usage
    facts = [
        f"{counted(totals.units, 'unit')}, {totals.cached_units} from the cache",
        counted(usage.requests, "request"),
        f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out",
        cost(totals),
        *_verified(totals.verification),
        f"{totals.seconds:.1f} s",
    ]
    pieces.append(("\n" + " · ".join(facts), "dim"))
    return pieces


def _verified(checked: Verification) -> list[str]:
    """What came of verifying, if anything was verified now, and what that took of the whole."""
    if not checked.usage.requests:
        return []
    words = f"{checked.confirmed + checked.refuted} verified, {checked.refuted} refuted"
    if checked.unanswered:
        words += f", {checked.unanswered} without a verdict"
    return [f"{words} ({price(checked.usage.cost_usd)})"]


def cost(totals: Totals) -> str:
    """The price in words; a model without a known price is not free, it is unknown."""
    return price(totals.usage.cost_usd) if totals.usage.requests else "no cost"


def price(cost_usd: Decimal | None) -> str:
    """US dollars in words."""
    if cost_usd is None:
        return "cost unknown"
    return "no cost" if cost_usd == 0 else f"${cost_usd:.4f}"


def counted(number: int, noun: str) -> str:
    """``1 unit``, ``2 units``, ``3 batches``."""
    if noun == Severity.INFO:
        return f"{number} info"
    plural = "es" if noun.endswith("ch") else "s"
    return f"{number} {noun}" + ("" if number == 1 else plural)
