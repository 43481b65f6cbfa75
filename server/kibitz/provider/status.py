"""What the engine is doing, for people: plain data, no key, no source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kibitz.provider.breaker import BreakerStatus
    from kibitz.provider.fallback import Step
    from kibitz.provider.keys.pool import KeyStatus
    from kibitz.provider.limits.gate import GateStatus


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """One key's requests for one model."""

    key_id: str
    """The key's fingerprint, or ``none``."""
    gate: GateStatus
    breaker: BreakerStatus


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """One model at one endpoint."""

    name: str
    """Such as ``gpt-6-luna at api.openai.com``."""
    down: str
    """Why it is not asked now; empty if it is."""
    lanes: tuple[LaneStatus, ...]
    keys: tuple[KeyStatus, ...]
    problem: str = ""
    """What is wrong at the place of its keys; empty if nothing is."""


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The engine at one moment."""

    using: str
    """Who answered last, or would be asked first."""
    targets: tuple[TargetStatus, ...]
    """In the order in which they are asked."""
    steps: tuple[Step, ...]
    """The last steps down and up the ladder, oldest first."""
