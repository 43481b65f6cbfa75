"""The report of two runs, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.evaluation.report.document import NOTHING, Document, number, rate, table

if TYPE_CHECKING:
    from kibitz.evaluation.about import About
    from kibitz.evaluation.comparing import Comparison, Difference

_HOW = (
    "p is how likely so uneven a split of the pairs that differ is by chance (McNemar's exact test); several "
    "figures are looked at, so a single p just below 0.05 says little."
)
_LIKELY = 0.05
_SHOWN = 30
"""Ids of pairs that are listed; more are counted."""


def comparison_document(first: About, second: About, comparison: Comparison) -> Document:
    """What differs between two runs."""
    paragraphs = [
        f"First: {first.who}; {first.how}. kibitz {first.kibitz}.",
        f"Second: {second.who}; {second.how}. kibitz {second.kibitz}.",
        _settings(first, second),
        f"Over the {comparison.common} pairs that both runs answered. {_HOW}",
    ]
    if comparison.left_out:
        paragraphs.append(f"Left out: {_listed(comparison.left_out)}.")
    if comparison.stability is not None:
        paragraphs.append(
            f"Of all findings, {number(100 * comparison.stability, 0)} % are in both runs (same rule, same "
            "quote)."
        )
    head = ("", "first", "share", "second", "share", "only first", "only second", "p", "")
    return Document(
        "kibitz: two runs compared",
        tuple(paragraphs),
        (
            table("Figures", head, [_row(each) for each in comparison.differences]),
            table(
                "Pairs that differ",
                ("figure", "only in the first run", "only in the second run"),
                [
                    (each.name, _listed(each.only_first), _listed(each.only_second))
                    for each in comparison.differences
                    if each.only_first or each.only_second
                ],
            ),
        ),
    )


def _row(each: Difference) -> tuple[str, ...]:
    count, share, _ = rate(each.first)
    other_count, other_share, _ = rate(each.second)
    only = (str(len(each.only_first)), str(len(each.only_second)))
    return (each.name, count, share, other_count, other_share, *only, number(each.p, 3), _verdict(each))


def _verdict(each: Difference) -> str:
    if each.p >= _LIKELY:
        return "no clear difference"
    more_first = len(each.only_first) > len(each.only_second)
    return "the first is better" if more_first == (each.better == "more") else "the second is better"


def _settings(first: About, second: About) -> str:
    both = ((first.asked, second.asked), (first.shown, second.shown), (first.versions, second.versions))
    differing = [
        f"{name.replace('_', ' ')} {_plain(one.get(name))} and {_plain(other.get(name))}"
        for one, other in both
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    ]
    if first.whole != second.whole:
        differing.append("whole files or definitions")
    if not differing:
        return "Nothing differs in how was asked."
    return f"What differs: {'; '.join(dict.fromkeys(differing))}."


def _plain(value: object) -> str:
    return NOTHING if value in (None, "", []) else str(value)


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown or NOTHING
