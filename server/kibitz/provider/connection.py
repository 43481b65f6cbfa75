"""Whom questions go to, in which order, and what was learned on the way; ``trip`` is one question's way."""

from __future__ import annotations

import asyncio
import copy
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol, TypeVar

from kibitz.provider.breaker import State
from kibitz.provider.calibration import Calibration
from kibitz.provider.errors import ConfigError
from kibitz.provider.fallback import Kind, Step
from kibitz.provider.keys.fixed import FixedKeys
from kibitz.provider.keys.key import Key
from kibitz.provider.keys.pool import KeyPool
from kibitz.provider.lanes import NO_KEY, Gates
from kibitz.provider.retry import Allowance, Retrier
from kibitz.provider.status import EngineStatus
from kibitz.provider.taping import Taping
from kibitz.provider.target import Target
from kibitz.provider.trip import Trip
from kibitz.provider.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kibitz.provider import wire
    from kibitz.provider.call import Call, Listener
    from kibitz.provider.config import OpenAIConfig
    from kibitz.provider.errors import OpenAIError
    from kibitz.provider.keys.consent import ConsentNeeded, Consents
    from kibitz.provider.limits.quota import SharedQuota
    from kibitz.provider.models import Usage
    from kibitz.provider.purse import Purse
    from kibitz.provider.taping import Tape
    from kibitz.telemetry.access import Attempt

T = TypeVar("T")
_STEPS_KEPT = 20
_NEWS_SECONDS = 60.0
"""So long the same step again is no news."""
_FALLBACK = ("fallback_api_key", "fallback_base_url")


class Observer(Protocol):
    """Is told about requests as they happen; for logs and metrics. All times in seconds."""

    def admitted(self, *, model: str, waited: float) -> None:
        """A request goes out, after it ``waited`` for its limits."""

    def over(self, attempt: Attempt, error: OpenAIError | None) -> None:
        """A request is over, whatever came of it; told once of each."""

    def answered(self, *, model: str, seconds: float, usage: Usage, request_id: str | None) -> None:
        """A usable or unusable answer came."""

    def failed(self, error: OpenAIError, *, model: str, seconds: float, usage: Usage) -> None:
        """A request failed, or its answer cannot be used; ``usage`` is what ``answered`` was not told."""

    def retrying(self, error: OpenAIError, *, wait: float) -> None:
        """Another attempt follows after ``wait``."""

    def stepped(self, step: Step) -> None:
        """Something else is asked than before."""

    def unconsented(self, error: ConsentNeeded) -> None:
        """A key was not sent to where its owner did not agree that it goes."""


class Connection:
    """Asks questions; see the module. Belongs to one event loop."""

    def __init__(
        self,
        config: OpenAIConfig,
        *,
        keys: KeyPool | None = None,
        fallback_keys: KeyPool | None = None,
        consents: Consents | None = None,
        quota: SharedQuota | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        observer: Observer | None = None,
        purse: Purse | None = None,
    ) -> None:
        self.config = config
        self.clock = clock
        self.observer = observer
        self.purse = purse
        self.tape: Tape | None = None
        """Where answers are kept, if they are; then what is on it is not asked."""
        self.calibration = Calibration()
        self.turns = Turns()
        self.retrier = Retrier(config.retry_config, sleep=sleep, allowance=Allowance(clock))
        self._steps: deque[Step] = deque(maxlen=_STEPS_KEPT)
        self._noted = float("-inf")
        self._gates = gates = Gates(quota)

        def target(config: OpenAIConfig, pool: KeyPool) -> Target:
            told = self._breaker_changed
            return Target(config, pool, gates, consents=consents, clock=clock, on_breaker=told)

        self.targets = tuple(target(*rung) for rung in _ladder(config, keys, fallback_keys))
        """In the order in which they are asked."""
        self.using = self.targets[0]
        """Who answered last."""
        self.verifying = self
        """What asks whether findings hold: this, or the same with the verifier's model before all others."""
        if config.verify != "off" and config.verify_model not in {None, config.model}:
            verifier = target(config.with_model("verify_model"), self.targets[0].keys)
            self.verifying = copy.copy(self)
            self.verifying.targets = (verifier, *self.targets)
            self.verifying.using = verifier

    @property
    def dialect(self) -> wire.Dialect:
        """What the first endpoint was seen to understand."""
        return self.targets[0].dialect

    @property
    def pools(self) -> tuple[KeyPool, ...]:
        """The pools of keys, each once."""
        return tuple(dict.fromkeys(target.keys for target in self.targets))

    @property
    def _all_targets(self) -> tuple[Target, ...]:
        return tuple(dict.fromkeys((*self.targets, *self.verifying.targets)))

    async def warm(self) -> None:
        """Load the SDK now, off the event loop, so that the first question does not wait for it."""
        await self.targets[0].link.sdk()

    async def aclose(self) -> None:
        """Close all connections. Questions under way fail."""
        self.turns.close()
        for target in self._all_targets:
            await target.link.aclose()
        await self._gates.aclose()
        for pool in self.pools:
            await pool.aclose()

    async def ask(
        self,
        question: wire.Question,
        parse: Callable[[wire.Answer], T],
        call: Call,
        listener: Listener | None = None,
    ) -> T:
        """The answer as ``parse`` understands it. What was used is added to the tally, whatever happens.

        ``parse`` may raise ``InvalidResponse``; a retryable one gets one more attempt, as other bad answers
        do. With a ``listener`` the answer is streamed where the endpoint can, and told as it comes.

        Raises:
            OpenAIError: one of the five.
        """

        def ask(parse: Callable[[wire.Answer], T]) -> Awaitable[T]:
            return Trip(self, question, parse, call, listener).answer()

        if self.tape is None:
            return await ask(parse)
        model = self.targets[0].config.model
        return await Taping(self.tape, model, question, call, self.clock).answer(parse, ask)

    def note(self, step: Step) -> None:
        """Something else is asked than before: keep it for the status, and tell it.

        Requests side by side take the same step at once: that is one piece of news.
        """
        now = self.clock()
        if self._steps and self._steps[-1] == step and now - self._noted < _NEWS_SECONDS:
            return
        self._noted = now
        self._steps.append(step)
        if self.observer is not None:
            self.observer.stepped(step)

    def status(self) -> EngineStatus:
        """What it is doing, for people."""
        return EngineStatus(
            using=self.using.name,
            targets=tuple(target.status() for target in self._all_targets),
            steps=tuple(self._steps),
        )

    def _breaker_changed(self, target: Target, key_id: str, state: State) -> None:
        opened = state is State.OPEN
        kind = Kind.BREAKER_OPENED if opened else Kind.BREAKER_CLOSED
        why = "most of the last requests failed" if opened else "a request succeeded"
        name = target.name if key_id == NO_KEY else f"{target.name} with key {key_id}"
        self.note(Step(kind, why, name, name))


def _ladder(
    config: OpenAIConfig, keys: KeyPool | None, fallback_keys: KeyPool | None
) -> list[tuple[OpenAIConfig, KeyPool]]:
    """Whom to ask, in order, each with the keys that may go there."""
    keys = keys or _own(config, "api_key")
    ladder = [(config, keys)]
    if config.fallback_model is not None and config.fallback_model != config.model:
        ladder.append((config.with_model("fallback_model"), keys))
    if config.fallback_base_url is not None:
        model = config.fallback_model or config.model
        away = config.model_copy(
            update={
                "base_url": config.fallback_base_url,
                "model": model,
                "api": "auto",
                # What belongs to the account at the first endpoint is nobody else's business.
                **dict.fromkeys(("api_key", "organization", "project")),
            }
        )
        ladder.append((away, fallback_keys or _own(config, "fallback_api_key")))
    for each, pool in ladder:
        if pool.place == FixedKeys(()).place and not each.endpoint.is_loopback:
            raise _no_key(each, is_first=each.base_url == config.base_url)
    return ladder


def _no_key(config: OpenAIConfig, *, is_first: bool) -> ConfigError:
    key, address = ("OPENAI_API_KEY (or KIBITZ_API_KEY)", "base_url") if is_first else _FALLBACK
    return ConfigError(
        f"{config.endpoint.name} needs an API key; set {key}, or set {address} to a model server on this "
        "machine"
    )


def _own(config: OpenAIConfig, field: str) -> KeyPool:
    secret = getattr(config, field)
    return KeyPool(FixedKeys(() if secret is None else (Key(secret.get_secret_value(), f"setting {field}"),)))
