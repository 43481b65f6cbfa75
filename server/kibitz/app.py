"""Builds a reviewer from settings; the only place that knows every room.

Who reviews is decided once, by ``choose``: an OpenAI-compatible API where a key or an address is set, else
the embedded model where it is installed, else nobody, with a message that says what to do.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from kibitz.cache.disk import DiskCache
from kibitz.cache.key import Identity
from kibitz.cache.memory import MemoryCache
from kibitz.config import default_user_file
from kibitz.findings import prompt, rewrite, rules
from kibitz.findings.finding import Confidence, Severity
from kibitz.findings.verify import VERIFY_VERSION
from kibitz.local import engine, weights
from kibitz.local.errors import LocalModelError
from kibitz.provider.client import OpenAIClient
from kibitz.provider.config import OpenAIConfig, RetryConfig
from kibitz.provider.errors import ConfigError
from kibitz.provider.keys.consent import FILE_NAME as CONSENTS_FILE
from kibitz.provider.keys.consent import Consents
from kibitz.provider.keys.fixed import FixedKeys
from kibitz.provider.keys.key import Key
from kibitz.provider.keys.open import source_of
from kibitz.provider.keys.pool import KeyPool
from kibitz.provider.limits.machine import MachineQuota
from kibitz.provider.recorder import Recorder
from kibitz.review.kept import KeptAnswers
from kibitz.review.reviewer import Reviewer, ReviewSettings, size_of
from kibitz.state.database import Database
from kibitz.state.places import database_path
from kibitz.telemetry.daybook import Daybook

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal

    from kibitz.config import Settings
    from kibitz.local.engine import Engine
    from kibitz.provider.limits.quota import SharedQuota
    from kibitz.provider.models import PieceAnalysis

LOCAL_TIMEOUT_MS = 600_000
"""For one answer of the embedded model, where the user sets no other: a busy laptop takes minutes."""
_UNLIMITED = 1_000_000
"""Requests and tokens per minute cost nothing on this machine."""

NOBODY = (
    "kibitz has nobody to ask: no API key is set, and the embedded model is not installed. Set "
    "OPENAI_API_KEY, or fetch the embedded model with `kibitz model pull` (1.1 GB, then works offline); "
    "`kibitz doctor` shows what is there."
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Who reviews, and how it is asked."""

    provider: Literal["openai", "local"]
    review: Literal["list", "rewrite"]


def choose(settings: Settings, *, embedded: Callable[[], bool]) -> Choice:
    """Decide who reviews; ``embedded`` tells whether the embedded model could (asked only when it matters).

    Raises:
        ConfigError: nobody can.
    """
    provider = settings.provider
    if provider == "auto":
        if _names_a_key(settings) or settings.base_url is not None:
            provider = "openai"
        elif embedded():
            provider = "local"
        else:
            raise ConfigError(NOBODY)
    # Asked to list, a small model flags everything; asked to rewrite, it mostly changes what is wrong.
    automatic: Literal["list", "rewrite"] = "rewrite" if provider == "local" else "list"
    return Choice(provider, automatic if settings.review == "auto" else settings.review)


def _names_a_key(settings: Settings) -> bool:
    return bool(
        settings.api_key
        or settings.api_keys
        or settings.api_key_file
        or settings.api_key_command
        or settings.api_key_keyring
    )


def _embedded(settings: Settings) -> bool:
    return engine.available() and weights.installed(weights.find(settings.local_model))


class App:
    """Everything behind the ways in: one client, one cache, one reviewer. Belongs to one event loop."""

    def __init__(
        self, settings: Settings, choice: Choice, where: Callable[[str], str] = "setting {}".format
    ) -> None:
        self.settings = settings
        self.choice = choice
        self.database = Database(database_path())
        """What all kibitz processes of this machine remember together; opened when it is first used."""
        self.daybook = Daybook(self.database)
        """What was asked and what it cost, by this process and by all of them today."""
        self.recorder = Recorder(self.daybook)
        """Is told about every request, and tells on what somebody should know."""
        self.consents = Consents(default_user_file().parent / CONSENTS_FILE)
        self._where = where
        self._quota: SharedQuota | None = None
        self._engine: Engine | None = None
        self._client: OpenAIClient | None = None
        self._reviewer: Reviewer | None = None
        self._building = asyncio.Lock()

    @classmethod
    def create(cls, settings: Settings, where: Callable[[str], str] = "setting {}".format) -> App:
        """Decide who reviews; starts nothing. Takes CPU for imports: call it in a thread.

        Args:
            settings: all of them.
            where: tells where the setting of a name was set, for messages (``Loaded.where``).

        Raises:
            ConfigError: nobody can review; the message says what to do.
        """
        try:
            return cls(settings, choose(settings, embedded=lambda: _embedded(settings)), where)
        except LocalModelError as error:
            raise ConfigError(str(error)) from error

    def describe(self) -> str:
        """Who reviews, in a few words."""
        if self.choice.provider == "local":
            return f"{self.settings.local_model} on this machine"
        config = remote_config(self.settings, self.choice)
        return f"{config.model} at {config.endpoint.name}"

    async def client(self) -> OpenAIClient:
        """The client; the first call loads the embedded model if that is who reviews (2 to 7 s).

        Raises:
            ConfigError: a setting is wrong, or the embedded model cannot be loaded.
        """
        async with self._building:
            if self._client is None:
                self._client = self._client_of(await self._config())
            return self._client

    async def reviewer(self) -> Reviewer:
        """The reviewer, with its cache. Raises as ``client`` does."""
        client = await self.client()
        if self._reviewer is None:
            settings = self.settings
            cache: MemoryCache[PieceAnalysis] = MemoryCache(
                max_bytes=settings.cache_max_bytes, ttl_s=settings.cache_ttl_s, size_of=size_of
            )
            kept = None
            if settings.disk_cache:
                disk = DiskCache(
                    self.database, max_bytes=settings.disk_cache_max_bytes, ttl_s=settings.cache_ttl_s
                )
                kept = KeptAnswers(disk)
            self._reviewer = Reviewer(
                client,
                cache,
                identity(client.config, self._model_name),
                review_settings(settings),
                kept=kept,
                verifier=verifier(client.config),
            )
        return self._reviewer

    async def aclose(self) -> None:
        """Stop what runs, in the order of the trip. Safe in every state."""
        if self._reviewer is not None:
            await self._reviewer.aclose()
        if self._client is not None:
            await self._client.aclose()
        if self._quota is not None:
            await self._quota.aclose()
        await self.daybook.aclose()
        await self.database.aclose()
        if self._engine is not None:
            await self._engine.stop()

    def _client_of(self, config: OpenAIConfig) -> OpenAIClient:
        if self.choice.provider == "local":
            return OpenAIClient(config, observer=self.recorder)
        self._quota = self._shared_quota()
        spare = self.settings.fallback_api_key
        spare_keys = (
            () if spare is None else (Key(spare.get_secret_value(), self._where("fallback_api_key")),)
        )
        return OpenAIClient(
            config,
            keys=KeyPool(source_of(self.settings, self._where) or FixedKeys(())),
            fallback_keys=KeyPool(FixedKeys(spare_keys)),
            consents=self.consents,
            quota=self._quota,
            observer=self.recorder,
        )

    def _shared_quota(self) -> SharedQuota | None:
        """Limits that are kept together with others: the team's, else this machine's, else none."""
        if self.settings.redis_url is not None:
            from kibitz.provider.limits.team import TeamQuota  # noqa: PLC0415 - few have one

            return TeamQuota(self.settings.redis_url.get_secret_value())
        return MachineQuota(self.database) if self.settings.share_limits == "machine" else None

    @property
    def _model_name(self) -> str:
        """What cache entries know the endpoint by: the embedded model's port changes with every start."""
        return "embedded" if self.choice.provider == "local" else ""

    async def _config(self) -> OpenAIConfig:
        if self.choice.provider == "openai":
            return remote_config(self.settings, self.choice)
        try:
            model = weights.find(self.settings.local_model)
            self._engine = engine.Engine(
                weights.path_of(model),
                model.name,
                threads=self.settings.local_threads,
                context=self.settings.local_context,
                warm=rewrite.STATIC_PREFIX if self.choice.review == "rewrite" else prompt.INSTRUCTIONS,
            )
            endpoint = await self._engine.start()
        except LocalModelError as error:
            raise ConfigError(str(error)) from error
        return local_config(self.settings, self.choice, endpoint)


def remote_config(settings: Settings, choice: Choice) -> OpenAIConfig:
    """The client's view of the settings, for an API.

    Raises:
        ConfigError: settings that are each right do not go together.
    """
    fields = _common(settings, choice)
    if "reasoning_effort" in settings.model_fields_set:
        fields["reasoning_effort"] = settings.reasoning_effort
    return OpenAIConfig(
        **fields,
        api_key=settings.api_key,
        base_url=settings.base_url,
        model=settings.model,
        fallback_model=settings.fallback_model,
        fallback_base_url=settings.fallback_base_url,
        verify_model=settings.verify_model,
        api=settings.api,
        timeout_ms=settings.timeout_ms,
        requests_per_minute=settings.requests_per_minute,
        tokens_per_minute=settings.tokens_per_minute,
        max_concurrency=settings.max_concurrency,
    )


def local_config(settings: Settings, choice: Choice, endpoint: engine.Endpoint) -> OpenAIConfig:
    """The same for the embedded model: its own address and key, no limits but one request at a time."""
    chosen = "timeout_ms" in settings.model_fields_set
    fields = _common(settings, choice)
    # Question and answer share the model's context, with room for the estimate to be wrong.
    half = settings.local_context // 2
    fields["max_tokens"] = min(settings.max_tokens, half)
    fields["max_request_tokens"] = min(settings.max_request_tokens, half)
    return OpenAIConfig(
        **fields,
        api_key=SecretStr(endpoint.api_key),
        base_url=endpoint.base_url,
        model=endpoint.model,
        api="chat",
        timeout_ms=settings.timeout_ms if chosen else LOCAL_TIMEOUT_MS,
        requests_per_minute=_UNLIMITED,
        tokens_per_minute=_UNLIMITED * 1000,
        max_concurrency=endpoint.max_concurrency,
    )


def _common(settings: Settings, choice: Choice) -> dict[str, Any]:
    return {
        "review": choice.review,
        "verify": settings.verify,
        "max_tokens": settings.max_tokens,
        "temperature": settings.temperature,
        "max_request_tokens": settings.max_request_tokens,
        "retry_config": RetryConfig(
            max_retries=settings.max_retries,
            initial_backoff_ms=settings.initial_backoff_ms,
            max_backoff_ms=max(settings.max_backoff_ms, settings.initial_backoff_ms),
        ),
    }


def identity(config: OpenAIConfig, endpoint_name: str = "") -> Identity:
    """What all answers of a client depend on."""
    rewriting = config.review == "rewrite"
    return Identity(
        endpoint=endpoint_name or config.endpoint.url,
        model=config.model,
        mode=config.review,
        prompt_version=rewrite.REWRITE_VERSION if rewriting else prompt.PROMPT_VERSION,
        schema_version=prompt.SCHEMA_VERSION,
        rules_version=rules.RULES_VERSION,
        parameters=(
            ("api", config.api),
            ("max_tokens", config.max_tokens),
            ("reasoning_effort", config.effort),
            ("temperature", config.temperature),
        ),
    )


def verifier(config: OpenAIConfig) -> str:
    """Who checks the findings of a client, as cache entries know it; empty: nobody."""
    return "" if config.verify == "off" else f"{config.verify_model or config.model} {VERIFY_VERSION}"


def review_settings(settings: Settings) -> ReviewSettings:
    """What a review shows, and how much it asks at a time."""
    return ReviewSettings(
        min_severity=Severity(settings.min_severity),
        min_confidence=Confidence(settings.min_confidence),
        rules_off=frozenset(settings.rules_off),
        max_findings=settings.max_findings,
        max_request_tokens=settings.max_request_tokens,
        early=settings.early,
        verify=settings.verify,
    )
