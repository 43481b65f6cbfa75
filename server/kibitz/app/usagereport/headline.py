"""What matters most, large: the sums, and how much of each budget is spent."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from kibitz.app.usagereport import figures, words
from kibitz.app.usagereport.elements import element
from kibitz.app.usagereport.figures import Plot, Series
from kibitz.app.usagereport.parts import section
from kibitz.telemetry.cachebook import total
from kibitz.telemetry.caps import LEVELS
from kibitz.telemetry.catalogue import DISMISSED, FIXED, SHOWN
from kibitz.telemetry.metrics import Distribution

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from kibitz.app.usage_overview import Usage
    from kibitz.telemetry.caps import Cap


def tiles(usage: Usage) -> Element:
    """The sums."""
    made = [
        element("div", element("dt", name), element("dd", number), element("dd", more, class_="more"))
        for name, number, more in _tiles(usage)
    ]
    return element("dl", *made, class_="tiles")


def _tiles(usage: Usage) -> Iterator[tuple[str, str, str]]:
    whole, answers = usage.total, total(usage.cache.values())
    yield "Cost", words.cost(whole).shown, words.plural(whole.requests, "request")
    yield "Tokens", words.about(whole.tokens), f"{words.about(whole.output_tokens)} of them written"
    saved = f"saved {words.dollars(answers.saved_usd).shown}" if answers.saved_usd else "of all answers"
    yield "From the cache", words.share(answers.hits, answers.looked_up).shown, saved
    latencies = usage.metric("kibitz_request_seconds").distributions.values()
    latency = sum(latencies, Distribution((), ()))
    half, most = (words.seconds(latency.quantile(share)).shown for share in (0.5, 0.95))
    yield "Median latency", half, f"95 of a hundred: {most}"
    fates = Counter[str]()
    for (_, fate), number in usage.metric("kibitz_findings_total").numbers.items():
        fates[fate] += round(number)
    became = f"{fates[FIXED]:,} fixed, {fates[DISMISSED]:,} dismissed"
    yield "Findings", f"{fates[SHOWN]:,}", became
    yield "Failed", f"{whole.failed:,}", f"and {words.plural(whole.retries, 'retry', 'retries')}"


def budgets(usage: Usage) -> Element:
    """How much of each cap is spent by now."""
    gauges = [_gauge(f"budget-{place}", *each) for place, each in enumerate(usage.budgets)]
    said = "No budget is set, so nothing holds back what is spent."
    if gauges:
        said = "How much of what may be spent is spent by now."
    made = element("div", *gauges, class_="gauges") if gauges else None
    return section("budgets", "Budgets", said, made, width="small")


def _gauge(key: str, cap: Cap, spent: int) -> Element:
    part = spent / cap.most if cap.most else 1.0
    when = "this hour" if cap.period == "hour" else "today"
    said = f"{cap.shown(spent)} of {cap.shown(cap.most)} {when}"
    share = words.SHARES.say(part)
    title = f"{share} of {cap.words} is spent"
    plot = Plot(key, title, said, [when], [Series("spent", [part])], words.SHARES)
    _, much, everything = LEVELS
    state = "all" if 100 * part >= everything else "much" if 100 * part >= much else "some"
    caption = element("figcaption", element("strong", share), said)
    return element("figure", figures.gauge(plot), caption, class_=f"gauge {state}")
