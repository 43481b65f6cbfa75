"""From the settings to the source of the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kibitz.provider.errors import ConfigError
from kibitz.provider.keys.command import command_key
from kibitz.provider.keys.file import FileKeys
from kibitz.provider.keys.fixed import FixedKeys
from kibitz.provider.keys.key import Key
from kibitz.provider.keys.ring import ring_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pydantic import SecretStr

    from kibitz.provider.keys.source import KeySource


class KeySettings(Protocol):
    """The settings that name keys or their place; ``kibitz.config.Settings`` has them."""

    @property
    def api_key(self) -> SecretStr | None:
        """The key itself."""

    @property
    def api_keys(self) -> Sequence[SecretStr]:
        """More of them."""

    @property
    def api_key_file(self) -> Path | None:
        """A file of keys."""

    @property
    def api_key_command(self) -> Sequence[str]:
        """A program that prints a key."""

    @property
    def api_key_keyring(self) -> str | None:
        """The keyring's service."""


def source_of(settings: KeySettings, where: Callable[[str], str]) -> KeySource | None:
    """The one source that the settings name; None if they name none. Reads nothing yet.

    Args:
        settings: the settings.
        where: tells where the setting of a name was set: ``Loaded.where``.

    Raises:
        ConfigError: they name several, and guessing which one is meant could send the wrong key.
    """
    values = [(name, found) for name, found in (("api_key", settings.api_key),) if found is not None]
    values += [("api_keys", found) for found in settings.api_keys]
    kinds: dict[str, Callable[[], KeySource]] = {}
    if values:
        keys = [Key(found.get_secret_value(), where(name)) for name, found in values]
        kinds["api_key" if settings.api_key is not None else "api_keys"] = lambda: FixedKeys(keys)
    if (path := settings.api_key_file) is not None:
        kinds["api_key_file"] = lambda: FileKeys(path)
    if argv := settings.api_key_command:
        kinds["api_key_command"] = lambda: command_key(argv)
    if (service := settings.api_key_keyring) is not None:
        kinds["api_key_keyring"] = lambda: ring_key(service)
    if len(kinds) > 1:
        named = " and ".join(f"{name} ({where(name)})" for name in kinds)
        raise ConfigError(f"API keys are set in more than one way: {named}; leave one and remove the others")
    return next((make() for make in kinds.values()), None)
