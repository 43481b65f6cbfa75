"""All that kibitz measures: one instance for each process, handed down from whoever builds the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.telemetry.metrics import MOMENTS, Counter, Described, Family, Gauge, Histogram
from kibitz.telemetry.resident import resident_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kibitz.telemetry.cachecounts import CacheCounts

SHOWN, FIXED, DISMISSED = "shown", "fixed", "dismissed"
"""What becomes of a finding."""


class Metrics:
    """See the module. Belongs to one event loop."""

    def __init__(self) -> None:
        """Count from nothing."""
        self.requests = Counter(
            Described(
                "kibitz_requests_total",
                "Requests that went to a provider, by what came of them: `answered`, `cancelled`, or the "
                "kind of error.",
                ("model", "purpose", "outcome"),
                kept=True,
            )
        )
        self.latency = Histogram(
            Described(
                "kibitz_request_seconds",
                "From sending a request to the last byte of its answer, or its end.",
                ("model", "purpose"),
                "seconds",
                kept=True,
            )
        )
        self.waits = Histogram(
            Described(
                "kibitz_queue_wait_seconds",
                "How long requests waited for their limits before they were sent.",
                ("model",),
                "seconds",
                kept=True,
            )
        )
        self.first_finding = Histogram(
            Described(
                "kibitz_first_finding_seconds",
                "From the begin of a review that asked somebody to its first finding.",
                unit="seconds",
                kept=True,
            )
        )
        self.tokens = Counter(
            Described(
                "kibitz_tokens_total",
                "Tokens, as providers counted them. `cached` and `cache_write` are part of `input`, "
                "`reasoning` is part of `output`.",
                ("model", "kind"),
                "tokens",
            )
        )
        self.cost = Counter(
            Described(
                "kibitz_cost_usd_total", "What requests cost, where prices are known.", ("model",), "usd"
            )
        )
        self.unpriced = Counter(
            Described("kibitz_unpriced_requests_total", "Requests whose price is not known.", ("model",))
        )
        self.saved = Counter(
            Described(
                "kibitz_saved_usd_total",
                "What answers that the cache had cost when they were asked for.",
                ("tier",),
                "usd",
            )
        )
        self.saved_tokens = Counter(
            Described("kibitz_saved_tokens_total", "The same in tokens.", ("tier", "kind"), "tokens")
        )
        self.lookups = Counter(
            Described(
                "kibitz_cache_lookups_total",
                "Answers that each tier of the cache was asked for: `hit`, `stale`, `miss` (no tier had it; "
                "counted at the last), or `passed` on to the next tier.",
                ("tier", "result"),
            )
        )
        self.retries = Counter(
            Described(
                "kibitz_retries_total",
                "Attempts that were repeated, by why: HTTP's status, or the kind of error.",
                ("reason",),
                kept=True,
            )
        )
        self.rate_limited = Counter(
            Described("kibitz_rate_limited_total", "Answers with HTTP's status 429.", ("model",), kept=True)
        )
        self.findings = Counter(
            Described(
                "kibitz_findings_total",
                "Findings in the editor, by rule and what became of them: `shown`, `fixed` (the fix's text "
                "stands in their place) or `dismissed`.",
                ("rule", "fate"),
                kept=True,
            )
        )
        self.dropped = Counter(
            Described(
                "kibitz_dropped_total",
                "What models claimed and kibitz did not show, or fixes that it did not offer, by the gate "
                "that stopped it.",
                ("gate",),
                kept=True,
            )
        )
        self.lag = Histogram(
            Described(
                "kibitz_event_loop_lag_seconds",
                "How much later than asked for the event loop was back, while there is something to do.",
                unit="seconds",
            ),
            MOMENTS,
        )
        self.breakers = Gauge(
            Described(
                "kibitz_breaker_state",
                "Whether a model is asked: 0 yes (closed), 1 one request looks (half open), 2 no (open).",
                ("target", "key"),
            )
        )
        self.in_flight = Gauge(
            Described("kibitz_requests_in_flight", "Requests under way.", ("target", "key"))
        )
        self.queued = Gauge(
            Described("kibitz_requests_queued", "Requests that wait for their limits.", ("target", "key"))
        )
        self.memory = Gauge(Described("kibitz_resident_memory_bytes", "Memory of the process.", unit="bytes"))
        self.memory.read = resident_bytes

    def __iter__(self) -> Iterator[Counter | Gauge | Histogram]:
        """All instruments, in the order of the documentation."""
        return iter(vars(self).values())

    def families(self) -> list[Family]:
        """All that is known now. Takes a millisecond at most."""
        return [instrument.family() for instrument in self]

    def looked_up(self, tier: str, counts: CacheCounts) -> None:
        """What looking up in a tier of the cache came to."""
        passed = counts.looked_up - counts.hits - counts.stale - counts.misses
        results = {"hit": counts.hits, "stale": counts.stale, "miss": counts.misses, "passed": passed}
        for result, count in results.items():
            self.lookups.add(tier, result, amount=count)
        self.saved_tokens.add(tier, "input", amount=counts.saved_input_tokens)
        self.saved_tokens.add(tier, "output", amount=counts.saved_output_tokens)
        self.saved.add(tier, amount=float(counts.saved_usd or 0))
