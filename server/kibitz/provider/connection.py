"""One question to one endpoint: limits, deadline, retries, dialect, and what it all used.

Loads the SDK in a thread when it is first needed (or by ``warm``). Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, TypeVar

from kibitz.provider import pricing, wire
from kibitz.provider.errors import ConfigError, OpenAIError, RateLimitExceeded
from kibitz.provider.models import Usage
from kibitz.provider.rate_limit import RateLimiter
from kibitz.provider.retry import Budget, Retrier
from kibitz.telemetry import masking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kibitz.provider.config import OpenAIConfig
    from kibitz.provider.rate_limit import Permit
    from kibitz.provider.sdk import Reply, Sdk

T = TypeVar("T")
_DEFAULT_PAUSE = 1.0
"""Seconds that everyone waits when a provider wants fewer requests and does not say for how long."""


class Observer(Protocol):
    """Is told about requests as they happen; for logs and metrics. All times in seconds."""

    def answered(self, *, model: str, seconds: float, usage: Usage, request_id: str | None) -> None:
        """A usable or unusable answer came."""

    def failed(self, error: OpenAIError, *, seconds: float) -> None:
        """A request failed, or its answer cannot be used."""

    def retrying(self, error: OpenAIError, *, wait: float) -> None:
        """Another attempt follows after ``wait``."""


@dataclass(slots=True)
class Tally:
    """What the requests of one call used together, failed ones included."""

    usage: Usage = field(default_factory=Usage)
    model: str = ""
    request_id: str | None = None
    """Of the last answer."""


class Connection:
    """Asks questions; see the module."""

    def __init__(
        self,
        config: OpenAIConfig,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        observer: Observer | None = None,
    ) -> None:
        if config.api_key is not None:
            masking.hide(config.api_key.get_secret_value())
        elif not config.endpoint.is_loopback:
            raise ConfigError(
                f"{config.endpoint.name} needs an API key; set OPENAI_API_KEY (or KIBITZ_API_KEY), or set "
                "base_url to a model server on this machine"
            )
        self.config = config
        self.dialect = wire.Dialect.of(config)
        """What the endpoint was seen to understand."""
        self._clock = clock
        self._observer = observer
        self._retrier = Retrier(config.retry_config, sleep=sleep)
        self._limiter = RateLimiter(
            requests_per_minute=config.requests_per_minute,
            tokens_per_minute=config.tokens_per_minute,
            max_concurrency=config.max_concurrency,
        )
        self._sdk: asyncio.Task[Sdk] | None = None
        self._closed = False

    async def warm(self) -> None:
        """Load the SDK now, off the event loop, so that the first question does not wait for it."""
        await self._loaded()

    async def aclose(self) -> None:
        """Close all connections. Questions under way fail."""
        self._closed = True
        if self._sdk is not None:
            await asyncio.wait({self._sdk})
            if not self._failed_to_load(self._sdk):
                await self._sdk.result().aclose()

    async def ask(self, question: wire.Question, parse: Callable[[str], T], tally: Tally) -> T:
        """The answer as ``parse`` understands it. What was used is added to ``tally``, whatever happens.

        ``parse`` may raise ``InvalidResponse``; a retryable one gets one more attempt, as other bad answers
        do.

        Raises:
            OpenAIError: one of the five.
        """
        return await self._asked(question, lambda answer: parse(answer.text), tally)

    async def weighed(self, question: wire.Question, tally: Tally) -> wire.Answer:
        """The same for an answer in plain text, with its tokens if the question asked for them."""
        return await self._asked(question, lambda answer: answer, tally)

    async def _asked(self, question: wire.Question, parse: Callable[[wire.Answer], T], tally: Tally) -> T:
        budget = Budget(self.config.timeout_ms / 1000, self._clock)
        sdk = await self._loaded()

        async def attempt() -> T:
            return parse(await self._attempt(sdk, question, budget, tally))

        def on_retry(error: OpenAIError, wait: float) -> None:
            if self._observer is not None:
                self._observer.retrying(error, wait=wait)

        return await self._retrier(attempt, budget, on_retry)

    async def _attempt(self, sdk: Sdk, question: wire.Question, budget: Budget, tally: Tally) -> wire.Answer:
        from kibitz.provider.translate import FieldRefused  # noqa: PLC0415 - loaded with the SDK by now

        while True:
            dialect = self.dialect
            try:
                return await self._once(sdk, question, dialect, budget, tally)
            except FieldRefused as refused:
                if refused.field in self.config.model_fields_set:
                    raise
                # Others may have learned the same meanwhile: then their dialect is the next to try.
                if self.dialect == dialect:
                    simpler = dialect.after_refusal(refused.field)
                    if simpler is None:
                        raise
                    self.dialect = simpler

    async def _once(
        self, sdk: Sdk, question: wire.Question, dialect: wire.Dialect, budget: Budget, tally: Tally
    ) -> wire.Answer:
        body = wire.body_of(question, self.config, dialect)
        asked = question.input_tokens
        allowance = body.get("max_output_tokens") or body.get("max_completion_tokens") or body["max_tokens"]
        async with self._limiter.admit(asked + allowance, longest_pause=budget.left) as permit:
            started = self._clock()
            try:
                reply = await self._posted(sdk, dialect, body, question, budget)
            except OpenAIError as error:
                # It was read, perhaps, but not answered.
                permit.settle(asked)
                tally.usage += self._unanswered()
                self._failed(error, started)
                raise
            except asyncio.CancelledError:
                # An editor cancels often; what was not written yet must not block what comes next.
                permit.settle(asked)
                raise
            return self._read(reply, dialect, permit, tally, started)

    async def _posted(
        self,
        sdk: Sdk,
        dialect: wire.Dialect,
        body: dict[str, object],
        question: wire.Question,
        budget: Budget,
    ) -> Reply:
        from kibitz.provider.translate import timed_out  # noqa: PLC0415 - loaded with the SDK by now

        sent = "\n".join(message.content for message in question.messages)
        try:
            with budget.spending() as seconds:
                async with asyncio.timeout(seconds):
                    return await sdk.post(dialect.api, body, sent)
        except TimeoutError as error:
            raise timed_out(self.config) from error

    def _read(
        self, reply: Reply, dialect: wire.Dialect, permit: Permit, tally: Tally, started: float
    ) -> wire.Answer:
        answer = wire.read(dialect, reply.data)
        used = self._priced(answer)
        if answer.usage is not None:
            permit.settle(used.input_tokens + used.output_tokens)
        tally.usage += used
        tally.model = answer.model or self.config.model
        tally.request_id = reply.request_id
        if self._observer is not None:
            self._observer.answered(
                model=tally.model,
                seconds=self._clock() - started,
                usage=used,
                request_id=reply.request_id,
            )
        if answer.problem is not None:
            answer.problem.request_id = reply.request_id
            self._failed(answer.problem, started)
            raise answer.problem
        return answer

    def _failed(self, error: OpenAIError, started: float) -> None:
        if isinstance(error, RateLimitExceeded) and error.retryable:
            self._limiter.pause(error.retry_after or _DEFAULT_PAUSE)
        if self._observer is not None:
            self._observer.failed(error, seconds=self._clock() - started)

    def _priced(self, answer: wire.Answer) -> Usage:
        if answer.usage is None:
            # It cost something, and nobody says how much.
            return Usage(requests=1)
        price = pricing.cost(answer.model or self.config.model, answer.usage, self.config.endpoint)
        if price is None and answer.model is not None:
            # Servers call models by other names than the price list; the configured one may be known.
            price = pricing.cost(self.config.model, answer.usage, self.config.endpoint)
        return replace(answer.usage, cost_usd=price)

    def _unanswered(self) -> Usage:
        """A request that failed costs nothing, where prices are known at all."""
        price = pricing.cost(self.config.model, Usage(), self.config.endpoint)
        return Usage(requests=1, cost_usd=None if price is None else Decimal(0))

    async def _loaded(self) -> Sdk:
        if self._closed:
            raise ConfigError("this client was closed; make a new one")
        if self._sdk is None or (self._sdk.done() and self._failed_to_load(self._sdk)):
            self._sdk = asyncio.create_task(asyncio.to_thread(_load, self.config))
        try:
            # Shielded: a cancelled question must not leave the others without a client.
            return await asyncio.shield(self._sdk)
        except (ImportError, OSError, ValueError) as error:
            raise ConfigError(
                f"the connection could not be set up ({masking.mask(str(error))}); check the system's "
                "trusted certificates and, with trust_env, the proxy settings"
            ) from error

    @staticmethod
    def _failed_to_load(task: asyncio.Task[Sdk]) -> bool:
        return task.cancelled() or task.exception() is not None


def _load(config: OpenAIConfig) -> Sdk:
    pricing.load()
    sdk: Sdk = importlib.import_module("kibitz.provider.sdk").load(config)
    return sdk
