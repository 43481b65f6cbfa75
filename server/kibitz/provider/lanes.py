"""Limits and breakers by whom they belong to.

A provider counts requests and tokens by key and by family of models, so there is one gate for each endpoint,
family and key. What fails, fails for a model at an endpoint with a key: one breaker for each of these.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.provider.breaker import Breaker
from kibitz.provider.limits.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from kibitz.provider.breaker import State
    from kibitz.provider.config import OpenAIConfig
    from kibitz.provider.limits.quota import SharedQuota

_SNAPSHOT = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{4}|\d{8}|latest|preview)$")
NO_KEY = "none"
"""Stands for a key's id where a server wants none."""


def family(model: str) -> str:
    """Models that share their limits: the snapshots of one name."""
    return _SNAPSHOT.sub("", model)


def scope(config: OpenAIConfig, key_id: str) -> str:
    """The name of a gate's limits in what several processes share; shows neither key nor address."""
    scheme, host, port = config.endpoint.origin
    whole = "|".join((f"{scheme}://{host}:{port}", family(config.model), key_id))
    return hashlib.sha256(whole.encode()).hexdigest()[:24]


class Gates:
    """One gate for each endpoint, family and key."""

    def __init__(self, quota: SharedQuota | None) -> None:
        self._quota = quota
        self._gates: dict[tuple[object, ...], Gate] = {}

    def of(self, config: OpenAIConfig, key_id: str, held: Collection[str]) -> Gate:
        """The gate of a key; ``held`` are all keys that are current.

        A key that took the place of another takes over its gate, with what that had used: mostly they are
        keys of one account, which would be asked for too much if each began afresh.
        """
        group = (config.endpoint.origin, family(config.model))
        name = (*group, key_id)
        if name not in self._gates:
            gone = next((n for n in self._gates if n[:2] == group and n[2] not in held), None)
            gate = self._made(config) if gone is None else self._gates.pop(gone)
            gate.rename(scope(config, key_id))
            self._gates[name] = gate
        return self._gates[name]

    async def aclose(self) -> None:
        """Wait until the shared quota knows what was used."""
        for gate in self._gates.values():
            await gate.aclose()

    def _made(self, config: OpenAIConfig) -> Gate:
        return Gate(
            requests_per_minute=config.requests_per_minute,
            tokens_per_minute=config.tokens_per_minute,
            max_concurrency=config.max_concurrency,
            quota=self._quota,
        )


@dataclass(frozen=True, slots=True)
class Lane:
    """What one key's requests for one model pass."""

    key_id: str
    gate: Gate
    breaker: Breaker


class Lanes:
    """The lanes of one model at one endpoint."""

    def __init__(
        self,
        config: OpenAIConfig,
        gates: Gates,
        *,
        clock: Callable[[], float],
        on_breaker: Callable[[str, State], None],
    ) -> None:
        self._config = config
        self._gates = gates
        self._clock = clock
        self._on_breaker = on_breaker
        self._breakers: dict[str, Breaker] = {}

    def of(self, key_id: str, held: Collection[str]) -> Lane:
        """The lane of a key; ``held`` are all keys that are current."""
        gate = self._gates.of(self._config, key_id, held)
        for gone in self._breakers.keys() - {*held, key_id}:
            del self._breakers[gone]
        if key_id not in self._breakers:
            self._breakers[key_id] = Breaker(
                clock=self._clock, on_change=lambda state: self._on_breaker(key_id, state)
            )
        return Lane(key_id, gate, self._breakers[key_id])
