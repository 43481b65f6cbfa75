"""What stands out: rules and what became of their findings, documents by cost, models and purposes."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from kibitz.app.usagereport import figures, words
from kibitz.app.usagereport.elements import table
from kibitz.app.usagereport.figures import Plot, Series
from kibitz.app.usagereport.parts import figure, most_first, numbers, scrolling, section
from kibitz.telemetry.catalogue import DISMISSED, FIXED, SHOWN
from kibitz.telemetry.counts import Counts
from kibitz.telemetry.ledger import summed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree.ElementTree import Element

    from kibitz.app.usage_overview import Usage
    from kibitz.app.usagereport.elements import Cell
    from kibitz.telemetry.documents import Document

DRAWN = 10
"""So many rules, and so many documents."""
LISTED = 50
"""So many documents are spelt out."""
_FATES = (SHOWN, FIXED, DISMISSED)
_AMOUNTS = ("requests", "tokens in", "of these cached", "tokens out", "of these thoughts", "cost")


def findings(usage: Usage) -> Element:
    """Findings by rule, and what became of them."""
    rules: dict[str, Counter[str]] = {}
    for (rule, fate), number in usage.metric("kibitz_findings_total").numbers.items():
        rules.setdefault(rule, Counter())[fate] = round(number)
    rules = dict(sorted(rules.items(), key=lambda item: (-item[1][SHOWN], item[0])))
    whole: Counter[str] = sum(rules.values(), Counter())
    said = "No finding was shown in an editor in these days."
    if rules:
        shown = words.plural(whole[SHOWN], "finding")
        said = f"{shown} shown in editors; {whole[FIXED]:,} fixed, {whole[DISMISSED]:,} dismissed."
    drawn = dict([*rules.items()][:DRAWN])
    series = [
        *(Series(fate, [of[fate] for of in drawn.values()]) for fate in (FIXED, DISMISSED)),
        # What was fixed or dismissed in these days may have been shown before them.
        Series("neither", [max(of[SHOWN] - of[FIXED] - of[DISMISSED], 0) for of in drawn.values()]),
    ]
    plot = Plot("findings", "Findings by rule and fate", said, [*drawn], series, words.COUNTS)
    rows = [_rule(rule, of) for rule, of in rules.items()]
    dropped = {
        gate: round(number) for (gate,), number in usage.metric("kibitz_dropped_total").numbers.items()
    }
    return section(
        "findings-by-rule",
        "Findings by rule",
        said,
        figure(plot, figures.ranked, "fates"),
        numbers(
            "findings by rule",
            table("Findings by rule", ["Rule", *_FATES], rows, _rule("all", whole)),
            table("What was not shown", ["Stopped by", "dropped"], most_first(dropped)),
        ),
    )


def _rule(name: str, of: Counter[str]) -> Sequence[Cell]:
    return [name, *(words.count(of[fate]) for fate in _FATES)]


def documents(usage: Usage) -> Element:
    """The documents that cost most, or were asked about most where nothing costs money."""
    names, listed = _names(usage.documents), [*usage.documents.items()]
    what, unit = ("cost", words.MONEY) if usage.total.cost_usd else ("requests", words.COUNTS)
    drawn = listed[:DRAWN]
    values = [
        counts.cost_usd or Decimal(0) if unit is words.MONEY else Decimal(counts.requests)
        for _, counts in drawn
    ]
    said = "No document is known by name for these days."
    if listed:
        said = f"{words.plural(len(listed), 'document')}. The first is {names[listed[0][0]]}."
    places = [names[document] for document, _ in drawn]
    plot = Plot("documents", f"Documents by {what}", said, places, [Series(what, values)], unit)
    return section(
        "documents-by-cost",
        f"Documents by {what}",
        said,
        figure(plot, figures.ranked),
        numbers("documents", _documents(usage, names)),
    )


def _documents(usage: Usage, names: Mapping[Document, str]) -> Element:
    listed = [*usage.documents.items()]
    rows = [_document(names[document], counts) for document, counts in listed[:LISTED]]
    if more := listed[LISTED:]:
        rows.append(_document(f"({len(more):,} more)", summed(counts for _, counts in more)))
    known = summed(usage.documents.values())
    rows.append(_document("(about none, or not kept by name)", _less(usage.total, known)))
    head = ["Document", "requests", "tokens in", "tokens out", "cost"]
    return table("Documents", head, rows, _document("all", usage.total))


def _document(name: str, counts: Counts) -> Sequence[Cell]:
    amounts = (counts.requests, counts.input_tokens, counts.output_tokens)
    return [name, *map(words.count, amounts), words.cost(counts)]


def _less(whole: Counts, part: Counts) -> Counts:
    """What is left of the whole, of what is known of documents."""
    cost = whole.cost_usd
    if cost is not None and part.cost_usd is not None:
        cost -= part.cost_usd
    return Counts(
        whole.requests - part.requests,
        whole.input_tokens - part.input_tokens,
        output_tokens=whole.output_tokens - part.output_tokens,
        cost_usd=cost,
        unpriced=whole.unpriced - part.unpriced,
    )


def _names(found: Mapping[Document, Counts]) -> Mapping[Document, str]:
    """What each is called on the page: with its folder's code, where another folder has one of its name."""
    often = Counter(document.name for document in found)
    return {
        document: document.name
        if often[document.name] == 1
        else f"{document.name} ({document.workspace[:4]})"
        for document in found
    }


def accounts(usage: Usage) -> Element:
    """What each model and each purpose took."""
    return section(
        "models-and-purposes",
        "Models and purposes",
        "Who was asked, and what for.",
        scrolling(_costs("By model", "Model", usage.models, usage.total)),
        scrolling(_costs("By purpose", "Purpose", usage.purposes, usage.total)),
        width="wide",
    )


def _costs(caption: str, head: str, counts: Mapping[str, Counts], whole: Counts) -> Element:
    rows = [_cost(name or "other", each) for name, each in counts.items()]
    return table(caption, [head, *_AMOUNTS], rows, _cost("all", whole))


def _cost(name: str, counts: Counts) -> Sequence[Cell]:
    amounts = (
        *(counts.requests, counts.input_tokens, counts.cached_tokens),
        *(counts.output_tokens, counts.reasoning_tokens),
    )
    return [name, *map(words.count, amounts), words.cost(counts)]
