"""Builds the client, and starts the embedded model if that is who reviews.

Apart, because much is imported for it, and a run that finds all its answers in the cache asks nobody.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kibitz.app.configs import local_config, remote_config
from kibitz.findings import prompt, rewrite
from kibitz.local import engine, weights
from kibitz.local.errors import LocalModelError
from kibitz.provider.client import OpenAIClient
from kibitz.provider.errors import ConfigError
from kibitz.provider.keys.fixed import FixedKeys
from kibitz.provider.keys.key import Key
from kibitz.provider.keys.open import source_of
from kibitz.provider.keys.pool import KeyPool
from kibitz.provider.limits.machine import MachineQuota

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.app.choice import Choice
    from kibitz.config import Settings
    from kibitz.local.engine import Engine
    from kibitz.provider.config import OpenAIConfig
    from kibitz.provider.keys.consent import Consents
    from kibitz.provider.limits.quota import SharedQuota
    from kibitz.provider.purse import Purse
    from kibitz.provider.recorder import Recorder
    from kibitz.provider.status import EngineStatus
    from kibitz.state.database import Database


class Asking:
    """Whoever is asked, and what belongs to it. Belongs to one event loop."""

    def __init__(
        self,
        settings: Settings,
        choice: Choice,
        *,
        where: Callable[[str], str],
        database: Database,
        recorder: Recorder,
        purse: Purse,
        consents: Consents,
    ) -> None:
        self._settings = settings
        self._choice = choice
        self._where = where
        self._database = database
        self._recorder = recorder
        self._purse = purse
        self._consents = consents
        self._quota: SharedQuota | None = None
        self._engine: Engine | None = None
        self._client: OpenAIClient | None = None
        self._building = asyncio.Lock()

    async def client(self) -> OpenAIClient:
        """The client; the first call loads the embedded model if that is who reviews (2 to 7 s).

        Raises:
            ConfigError: a setting is wrong, or the embedded model cannot be loaded.
        """
        async with self._building:
            if self._client is None:
                self._client = self._client_of(await self._config())
            return self._client

    def status(self) -> EngineStatus | None:
        """What the client is doing; None as long as there is none."""
        return None if self._client is None else self._client.status()

    async def aclose(self) -> None:
        """Ask nothing more. The embedded model runs on: ``stop`` may take seconds."""
        if self._client is not None:
            await self._client.aclose()
        if self._quota is not None:
            await self._quota.aclose()

    async def stop(self) -> None:
        """End the embedded model."""
        if self._engine is not None:
            await self._engine.stop()

    def _client_of(self, config: OpenAIConfig) -> OpenAIClient:
        if self._choice.provider == "local":
            return OpenAIClient(config, observer=self._recorder, purse=self._purse)
        self._quota = self._shared_quota()
        spare = self._settings.fallback_api_key
        spare_keys = (
            () if spare is None else (Key(spare.get_secret_value(), self._where("fallback_api_key")),)
        )
        return OpenAIClient(
            config,
            keys=KeyPool(source_of(self._settings, self._where) or FixedKeys(())),
            fallback_keys=KeyPool(FixedKeys(spare_keys)),
            consents=self._consents,
            quota=self._quota,
            observer=self._recorder,
            purse=self._purse,
        )

    def _shared_quota(self) -> SharedQuota | None:
        """Limits that are kept together with others: the team's, else this machine's, else none."""
        if self._settings.redis_url is not None:
            from kibitz.provider.limits.team import TeamQuota  # noqa: PLC0415 - few have one

            return TeamQuota(self._settings.redis_url.get_secret_value())
        return MachineQuota(self._database) if self._settings.share_limits == "machine" else None

    async def _config(self) -> OpenAIConfig:
        settings, choice = self._settings, self._choice
        if choice.provider == "openai":
            return remote_config(settings, choice)
        try:
            if self._engine is None:
                self._engine = self._embedded()
            endpoint = await self._engine.start()
        except LocalModelError as error:
            raise ConfigError(str(error)) from error
        return local_config(settings, choice, endpoint)

    def _embedded(self) -> Engine:
        settings = self._settings
        model = weights.find(settings.local_model)
        return engine.Engine(
            weights.path_of(model),
            model.name,
            threads=settings.local_threads,
            context=settings.local_context,
            warm=rewrite.STATIC_PREFIX if self._choice.review == "rewrite" else prompt.INSTRUCTIONS,
        )
