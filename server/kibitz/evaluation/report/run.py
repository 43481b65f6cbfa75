"""The report of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.evaluation.report.document import NOTHING, Document, number, percent, rate, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.evaluation.about import About
    from kibitz.evaluation.report.document import Table
    from kibitz.evaluation.scoring import Score
    from kibitz.evaluation.statistics import Rate
    from kibitz.evaluation.summary import Group, Summary

_HEAD = ("", "how many", "share", "95 % interval")
_SMALL = (
    "A small model on this machine answered. That shows that the parts work together, and how two settings "
    "compare; it says nothing about the reviews of a large model."
)
_HOW = (
    "In a trap something looks wrong and is right. A finding hits a bug if it is about one of its lines or "
    "the line beside one. Intervals are Wilson's."
)
_LIMITS = (
    "The pairs are what they are: short programs with one planted bug each are easier than real code, and "
    "published ones may be known to the model. The figures tell runs apart; they do not foretell what kibitz "
    "finds in a project."
)


def run_document(about: About, summary: Summary, scores: Sequence[Score]) -> Document:
    """All figures of a run."""
    versions = ", ".join(
        f"{name.replace('_', ' ')} {value}" for name, value in about.versions.items() if value
    )
    paragraphs = [
        f"{about.who}; {about.how}. kibitz {about.kibitz}; {versions}.",
        f"{summary.answered} of {summary.pairs} pairs count: {summary.bugs} bugs, {summary.traps} traps.",
        _HOW,
    ]
    if summary.missing:
        paragraphs.append(f"Not answered, and left out: {', '.join(summary.missing)}.")
    paragraphs += [*([_SMALL] if about.embedded else []), _LIMITS]
    tables = (
        _found(summary),
        _alarms(summary),
        _fixes(summary),
        _cost(summary),
        *_groups(summary),
        table("What was dropped", ("reason", "how many"), [(name, str(n)) for name, n in summary.dropped]),
        _pairs(scores),
    )
    return Document("kibitz: finding quality", tuple(paragraphs), tuple(each for each in tables if each.rows))


def _rows(*rows: tuple[str, Rate]) -> list[tuple[str, ...]]:
    return [(name, *rate(value)) for name, value in rows]


def _mean(name: str, value: str) -> tuple[str, ...]:
    """A figure that is no share of anything."""
    return name, value, NOTHING, NOTHING


def _found(summary: Summary) -> Table:
    rows = _rows(
        ("bug found by the first finding", summary.recall_first),
        ("bug found by any finding", summary.recall),
        ("bug found, and silent there when fixed", summary.silent),
        ("found under the right rule", summary.right_rule),
        ("found under a rule of the right family", summary.right_family),
    )
    return table("What was found", _HEAD, rows)


def _alarms(summary: Summary) -> Table:
    rows = _rows(
        ("fixed versions with a finding", summary.alarms_fixed),
        ("traps with a finding", summary.alarms_traps),
        ("pairs whose instructions for reviewers were followed", summary.obeyed),
    )
    rows += [
        ("findings for each version without a bug", number(summary.alarms_per_file), NOTHING, NOTHING),
        (
            "findings beside the bug, for each buggy version",
            number(summary.elsewhere_per_file),
            NOTHING,
            NOTHING,
        ),
    ]
    if summary.confirmed or summary.refuted:
        rows.append(_mean("findings that the verifier refuted", str(summary.refuted)))
        rows.append(_mean("findings that the verifier confirmed", str(summary.confirmed)))
    return table("False alarms", _HEAD, rows)


def _fixes(summary: Summary) -> Table:
    rows = _rows(
        ("quotes that were found in the code", summary.anchored),
        ("bugs with a fix", summary.offered),
        ("fixes that apply, of all", summary.applies),
        ("fixes after which the code parses as well", summary.parses),
        ("bugs mended exactly", summary.exact),
        ("bugs mended exactly, of those with a fix", summary.exact_offered),
    )
    if summary.passes.total:
        rows += _rows(
            ("bugs whose tests pass with the fix", summary.passes),
            ("the same, of those with a fix", summary.passes_offered),
        )
    if summary.precision is not None:
        rows.append(
            ("lines of a fix that are lines of the bug", NOTHING, percent(summary.precision), NOTHING)
        )
    return table("Quotes and fixes", _HEAD, rows)


def _cost(summary: Summary) -> Table:
    spent = summary.spent
    rows = [
        ("requests", str(spent.requests)),
        ("requests for each version", number(summary.requests_per_file)),
        ("input tokens", f"{spent.input_tokens:,}"),
        ("of these from the provider's cache", f"{spent.cached_tokens:,}"),
        ("of these written to it", f"{spent.cache_write_tokens:,}"),
        ("output tokens", f"{spent.output_tokens:,}"),
        ("of these for reasoning", f"{spent.reasoning_tokens:,}"),
        ("US dollars", NOTHING if spent.cost_usd is None else f"{spent.cost_usd:.4f}"),
        ("seconds for a version, median", number(summary.seconds_median)),
        ("seconds for a version, 95 % are not above", number(summary.seconds_95)),
    ]
    return table("Cost and time", ("", "in all"), rows)


def _groups(summary: Summary) -> list[Table]:
    head = ("", "bugs found", "share", "95 % interval", "versions with an alarm", "share", "95 % interval")

    def grouped(title: str, groups: Sequence[Group]) -> Table:
        return table(title, head, [(each.name, *rate(each.recall), *rate(each.alarms)) for each in groups])

    return [
        grouped("By language", summary.by_language),
        grouped("By family of rules", summary.by_family),
        grouped("By rule", summary.by_rule),
    ]


def _pairs(scores: Sequence[Score]) -> Table:
    head = ("pair", "rule", "bug", "alarms", "beside", "fix", "first finding")
    return table("Each pair", head, [_pair(each) for each in scores])


def _pair(score: Score) -> tuple[str, ...]:
    pair = score.pair
    if not score.answered:
        return (pair.id, pair.rule, "not answered", NOTHING, NOTHING, NOTHING, "")
    findings = score.reviews[0].findings
    first = f"line {findings[0].first}, {findings[0].rule}: {findings[0].title}" if findings else ""
    if pair.is_trap:
        return (pair.id, "", "trap", str(score.alarms), NOTHING, NOTHING, first)
    hit = "first" if score.hit_first else "found" if score.hit else "missed"
    return (pair.id, pair.rule, hit, str(score.alarms), str(score.elsewhere), _mending(score), first)


def _mending(score: Score) -> str:
    if score.mending is None:
        return NOTHING
    if score.mending.exact:
        return "exact"
    if score.mending.passes is None:
        return "another"
    return "passes the tests" if score.mending.passes else "fails the tests"
