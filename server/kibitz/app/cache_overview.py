"""What ``kibitz cache stats`` knows, gathered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.state.database import StateUnavailable
from kibitz.telemetry.cachebook import TIERS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kibitz.app.caching import Caches
    from kibitz.cache.disk import DiskStats
    from kibitz.telemetry.cachebook import CacheCounts

PERIODS = {"today": 1, "last 7 days": 7, "last 30 days": 30}
"""By name, in calendar days that end today."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The tiers, and of what use they were."""

    memory_limit: int
    """Bytes, of each process."""
    path: Path
    """Of the state database."""
    disk_used: bool
    """Whether answers are kept on disk by now."""
    disk_limit: int
    """Bytes."""
    disk: DiskStats | None
    disk_problem: str
    team: str
    """Where the team's server is; empty where none is used."""
    team_problem: str
    use: Mapping[str, Mapping[str, CacheCounts]]
    """By period and tier, of all processes."""


async def overview(caches: Caches, *, reach: bool = True) -> Overview:
    """Look at everything; what cannot be used is a problem of its own.

    ``reach``: whether to find out if the team's server answers, which may take seconds.
    """
    settings, team = caches.settings, caches.team
    try:
        disk, problem = await caches.disk.stats(), ""
    except StateUnavailable as error:
        disk, problem = None, str(error)
    if team is not None and reach:
        await team.remote.ready()
    return Overview(
        memory_limit=settings.cache_max_bytes,
        path=caches.database.path,
        disk_used=settings.disk_cache,
        disk_limit=settings.disk_cache_max_bytes,
        disk=disk,
        disk_problem=problem,
        team="" if team is None else team.remote.name,
        team_problem="" if team is None else team.tier.problem,
        use={name: _ordered(await caches.book.since(days)) for name, days in PERIODS.items()},
    )


def _ordered(counts: Mapping[str, CacheCounts]) -> dict[str, CacheCounts]:
    return {tier: counts[tier] for tier in TIERS if tier in counts}
