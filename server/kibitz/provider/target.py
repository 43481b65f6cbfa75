"""One model at one endpoint: a rung of the ladder, with its keys, its dialect, and how it is doing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.provider.errors import APIError, ConfigError
from kibitz.provider.fallback import BREAKER_OPEN, MODEL_MISSING
from kibitz.provider.keys.consent import ConsentNeeded, origin_of
from kibitz.provider.keys.pool import State as KeyState
from kibitz.provider.lanes import NO_KEY, Lanes
from kibitz.provider.link import Link
from kibitz.provider.status import LaneStatus, TargetStatus
from kibitz.provider.wire import Dialect

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from kibitz.provider.breaker import State
    from kibitz.provider.config import OpenAIConfig
    from kibitz.provider.keys.consent import Consents
    from kibitz.provider.keys.key import Key
    from kibitz.provider.keys.pool import KeyPool
    from kibitz.provider.lanes import Gates, Lane

_MISSING_SECONDS = 3600.0
"""So long a model that the endpoint does not have is not asked for again."""


class Target:
    """Where a question can go. Belongs to one event loop."""

    def __init__(
        self,
        config: OpenAIConfig,
        keys: KeyPool,
        gates: Gates,
        *,
        consents: Consents | None,
        clock: Callable[[], float],
        on_breaker: Callable[[Target, str, State], None],
    ) -> None:
        self.config = config
        self.keys = keys
        self.link = Link(config)
        self.dialect = Dialect.of(config)
        """What the endpoint was seen to understand of this model."""
        self._lanes = Lanes(config, gates, clock=clock, on_breaker=lambda *what: on_breaker(self, *what))
        self._consents = consents
        self._clock = clock
        self._missing_until = float("-inf")

    def __repr__(self) -> str:
        return f"Target({self.name})"

    @property
    def name(self) -> str:
        """For people, such as ``gpt-6-luna at api.openai.com``."""
        return f"{self.config.model} at {self.config.endpoint.name}"

    @property
    def missing(self) -> bool:
        """Whether the endpoint said lately that it does not have the model."""
        return self._clock() < self._missing_until

    def is_missing(self) -> None:
        """The endpoint says that it does not have the model."""
        self._missing_until = self._clock() + _MISSING_SECONDS

    def check(self) -> None:
        """Whether there is any use in asking.

        Raises:
            ConfigError: the endpoint does not have the model, as it said not long ago.
        """
        if self.missing:
            raise ConfigError(
                f"{self.config.endpoint.name} has no model {self.config.model!r}, or not for this key; set "
                f"another one with the setting {self.config.model_setting}",
                code=MODEL_MISSING,
            )

    async def key(self, avoid: Collection[str]) -> Key | None:
        """The key for the next attempt: one that works, and whose limits do not hold it back if there is one.

        Raises:
            OpenAIError: no key can be used, or its owner did not agree that it goes to this endpoint.
        """
        held = self._held()
        if len(held) > 1:
            avoid = {*avoid, *(key_id for key_id in held if self.lane(key_id).gate.paused_for > 0)}
        key = await self.keys.pick(avoid)
        if key is not None and self._consents is not None:
            origin = origin_of(self.config.endpoint.url)
            if not self._consents.allows(origin, key.place):
                raise ConsentNeeded(origin, key.place)
        return key

    def others(self, tried: Collection[str]) -> bool:
        """Whether a key that was not tried is ready now: it works, and nothing holds it back."""
        return any(
            key.id not in tried
            and key.state in {KeyState.IN_USE, KeyState.READY}
            and not self.lane(key.id).gate.paused_for
            for key in self.keys.status()
        )

    def lane(self, key_id: str) -> Lane:
        """The limits and the breaker of a key."""
        return self._lanes.of(key_id, self._held())

    def breaker_open(self, lane: Lane) -> APIError:
        """The error for a request that is not sent because nearly all before it failed."""
        seconds = lane.breaker.probe_in
        return APIError(
            f"most of the last requests to {self.name} failed, so it is left alone"
            + (f" for another {seconds:.0f} s" if seconds else " until one request has succeeded")
            + "; check the network and the provider's status page",
            code=BREAKER_OPEN,
            retry_after=seconds or None,
        )

    def status(self) -> TargetStatus:
        """How it is doing."""
        held = self._held() or (NO_KEY,)
        lanes = [self.lane(key_id) for key_id in held]
        return TargetStatus(
            name=self.name,
            down="the endpoint does not have this model" if self.missing else "",
            lanes=tuple(LaneStatus(lane.key_id, lane.gate.status(), lane.breaker.status()) for lane in lanes),
            keys=self.keys.status(),
            problem=self.keys.problem,
        )

    def _held(self) -> tuple[str, ...]:
        return tuple(key.id for key in self.keys.status())
