"""The way to one endpoint: the SDK's client for it, loaded in a thread when it is first needed."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

from kibitz.provider import pricing
from kibitz.provider.errors import ConfigError
from kibitz.telemetry import masking

if TYPE_CHECKING:
    from kibitz.provider.config import OpenAIConfig
    from kibitz.provider.sdk import Sdk


class Link:
    """Belongs to one event loop."""

    def __init__(self, config: OpenAIConfig) -> None:
        self._config = config
        self._sdk: asyncio.Task[Sdk] | None = None
        self._closed = False

    async def sdk(self) -> Sdk:
        """The client; the first call loads it.

        Raises:
            ConfigError: it cannot be set up, or this link was closed.
        """
        if self._closed:
            raise ConfigError("this client was closed; make a new one")
        if self._sdk is None or (self._sdk.done() and _failed(self._sdk)):
            self._sdk = asyncio.create_task(asyncio.to_thread(_load, self._config))
        try:
            # Shielded: a cancelled question must not leave the others without a client.
            return await asyncio.shield(self._sdk)
        except (ImportError, OSError, ValueError) as error:
            raise ConfigError(
                f"the connection could not be set up ({masking.mask(str(error))}); check the system's "
                "trusted certificates and, with trust_env, the proxy settings"
            ) from error

    async def aclose(self) -> None:
        """Close all connections. What is under way fails."""
        self._closed = True
        if self._sdk is not None:
            await asyncio.wait({self._sdk})
            if not _failed(self._sdk):
                await self._sdk.result().aclose()


def _failed(task: asyncio.Task[Sdk]) -> bool:
    return task.cancelled() or task.exception() is not None


def _load(config: OpenAIConfig) -> Sdk:
    if not config.endpoint.is_loopback:
        # Nothing that runs on this machine has a price.
        pricing.load()
    sdk: Sdk = importlib.import_module("kibitz.provider.sdk").load(config)
    return sdk
