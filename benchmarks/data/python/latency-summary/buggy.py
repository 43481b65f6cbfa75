"""Sums up response times by host."""

from collections import defaultdict
from collections.abc import Iterable


def by_host(samples: Iterable[tuple[str, float]]) -> dict[str, list[float]]:
    grouped: dict[str, list[float]] = defaultdict(list)
    for host, milliseconds in samples:
        grouped[host].append(milliseconds)
    return grouped


def mean(values: list[float]) -> float:
    """The mean; 0.0 where there are no values."""
    return sum(values) / len(values)


def summary(hosts: list[str], samples: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The mean of each of ``hosts``, also of those that answered nothing."""
    grouped = by_host(samples)
    return {host: mean(grouped.get(host, [])) for host in hosts}
