"""What a hover says about a finding. Pure.

The model's words are data: in Markdown nothing of them may become a link, an image or markup.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kibitz.findings.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from kibitz.findings.finding import Origin
    from kibitz.lsp.shown import Shown
    from kibitz.provider.models import ContextAnalysis

_MARKUP = re.compile(
    r"[\\`*\[\]<>&~|@]"  # anywhere
    r"|(?<![^\W_])_|_(?![^\W_])"  # between letters it stands for itself, and names are full of it
    r"|:(?=//)|(?<=www)\.|(?<=xmpp):|(?<=mailto):"  # addresses become links by themselves
    r"|^[#+=-]",  # heads, lists, lines
    re.IGNORECASE,
)
_NUMBER = re.compile(r"^(\d+)([.)])")
"""Begins a numbered list."""
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def about(shown: Shown, explained: ContextAnalysis | None, *, now: float, markdown: bool) -> str:
    """The finding in a few lines.

    Args:
        shown: the finding.
        explained: its explanation, if somebody asked for one.
        now: seconds since 1970.
        markdown: whether the client renders Markdown; else it is plain text.
    """
    shield = escape if markdown else str
    finding = shown.finding
    rule = RULES.get(finding.rule)
    lines = [f"**{shield(finding.title)}**" if markdown else finding.title, shield(finding.trigger)]
    if doubt := _doubt(shown):
        lines.append(shield(doubt))
    if explained is not None:
        lines.extend(shield(each) for each in _explanation(explained))
    name = f"{rule.name} ({finding.rule})" if rule else finding.rule
    facts = [name, finding.confidence.value, *_origin(finding.origin, now)]
    lines.append(shield(" · ".join(facts)))
    return ("\n\n" if markdown else "\n").join(lines)


def escape(text: str) -> str:
    """The text as Markdown that shows just that."""
    return _NUMBER.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", " ".join(text.split())))


def _doubt(shown: Shown) -> str:
    if shown.dismissed:
        return f"Dismissed: {shown.dismissed}"
    if shown.stale:
        return f"Not re-checked: {shown.stale}"
    return "To be re-checked: you edited this since" if shown.touched else ""


def _explanation(explained: ContextAnalysis) -> Iterator[str]:
    yield from filter(None, (explained.explanation or explained.summary,))
    for head, each in (("Relies on", explained.relies_on), ("Breaks when", explained.breaks_when)):
        if each:
            yield f"{head}: {'; '.join(each)}"


def _origin(origin: Origin | None, now: float) -> Iterator[str]:
    if origin is None:
        return
    if origin.model:
        yield origin.model
    if origin.at is not None:
        yield _age(now - origin.at)
    if origin.cost_usd is not None:
        yield from _cost(origin.cost_usd, cached=origin.cached)


def _cost(usd: Decimal, *, cached: bool) -> Iterator[str]:
    if not usd:
        # This machine's own model.
        yield "from the cache" if cached else "no cost"
    else:
        yield f"from the cache (had cost ${usd:.4f})" if cached else f"${usd:.4f}"


def _age(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
