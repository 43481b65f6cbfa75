"""Events that one request can be, whatever is usual: rules, without I/O and without a clock of their own."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kibitz.telemetry.cachecounts import CacheCounts

BURST, BURST_S = 5, 600.0
"""So many refused keys, or failed handshakes and redirects, within so many seconds."""
REPEATS, REPEATS_S = 3, 3600.0
"""So often the same question may be answered within so many seconds: the cache should have known it."""
RATIO, RATIO_TOKENS = 10, 2000
"""An answer of so many times its question's tokens, if it is of as many tokens at least."""
QUESTIONS = 512
"""The latest that are remembered."""
LOOKED_UP, COLLAPSE = 200, 0.25
"""So many answers were looked for today, and the cache had less than this share of what it used to have."""
_TRANSPORT = frozenset({"tls", "certificate", "redirect"})
_REFUSED = "401"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that is over."""

    at: float
    """Seconds of a clock that only goes forward."""
    origin: str = ""
    model: str = ""
    key: str = ""
    """Its fingerprint."""
    question: int = 0
    """A hash of it; 0: not known."""
    trouble: str = ""
    """The status or the code of what went wrong; empty: it was answered."""
    input_tokens: int = 0
    output_tokens: int = 0


class Rules:
    """See the module. Remembers little, and only what is not anybody's text."""

    def __init__(self) -> None:
        self._bursts: dict[str, deque[float]] = {}
        self._questions: OrderedDict[int, deque[float]] = OrderedDict()

    def broken(self, seen: Seen) -> Iterator[str]:
        """The rules that the request breaks: ``refusals``, ``transport``, ``repeated`` or ``ratio``."""
        if seen.trouble == _REFUSED and self._burst("refusals", seen.at):
            yield "refusals"
        if seen.trouble in _TRANSPORT and self._burst("transport", seen.at):
            yield "transport"
        if seen.question and not seen.trouble and self._is_repeated(seen):
            yield "repeated"
        if seen.output_tokens >= max(RATIO_TOKENS, RATIO * max(seen.input_tokens, 1)):
            yield "ratio"

    def _burst(self, rule: str, at: float) -> bool:
        times = self._bursts.setdefault(rule, deque())
        return _count(times, at, BURST_S) >= BURST

    def _is_repeated(self, seen: Seen) -> bool:
        times = self._questions.setdefault(seen.question, deque())
        self._questions.move_to_end(seen.question)
        if len(self._questions) > QUESTIONS:
            self._questions.popitem(last=False)
        return _count(times, seen.at, REPEATS_S) > REPEATS


def _count(times: deque[float], at: float, seconds: float) -> int:
    times.append(at)
    while times[0] <= at - seconds:
        times.popleft()
    return len(times)


def collapsed(today: CacheCounts, week: CacheCounts) -> bool:
    """Whether the cache has hardly anything today of what it has in a week, today included."""
    if today.looked_up < LOOKED_UP or week.looked_up < 2 * LOOKED_UP:
        return False
    return (today.hit_rate or 0.0) < COLLAPSE * (week.hit_rate or 0.0)
