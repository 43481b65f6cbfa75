from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.provider.keys.sources import FIRST, SECOND, held

from kibitz.config import Settings
from kibitz.provider.errors import ConfigError
from kibitz.provider.keys.file import FileKeys
from kibitz.provider.keys.fixed import FixedKeys
from kibitz.provider.keys.open import source_of
from kibitz.provider.keys.renewed import RenewedKey

KEY, MORE = SecretStr(FIRST), SecretStr(SECOND)


def where(name: str) -> str:
    return f"place of {name}"


@pytest.mark.parametrize(
    ("settings", "kind", "place"),
    [
        ({"api_key": KEY}, FixedKeys, "place of api_key"),
        ({"api_keys": (KEY,)}, FixedKeys, "place of api_keys"),
        ({"api_key_file": Path("/x/key")}, FileKeys, "file /x/key"),
        ({"api_key_command": ("/bin/op", "read")}, RenewedKey, "command /bin/op"),
        ({"api_key_keyring": "openai"}, RenewedKey, "keyring, service openai"),
    ],
)
def test_each_kind_of_source(settings: dict[str, Any], kind: type, place: str) -> None:
    source = source_of(Settings(**settings), where)
    assert source is not None
    assert type(source) is kind
    assert source.place == place


def test_none_is_none() -> None:
    assert source_of(Settings(), where) is None


async def test_the_keys_of_the_settings_make_one_pool_in_order() -> None:
    source = source_of(Settings(api_key=MORE, api_keys=(KEY,)), where)
    assert source is not None
    assert await held(source) == [SECOND, FIRST]
    assert source.place == "place of api_key and place of api_keys"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"api_key": KEY, "api_key_file": Path("/x")}, ("api_key", "api_key_file")),
        ({"api_keys": (KEY,), "api_key_keyring": "x"}, ("api_keys", "api_key_keyring")),
        ({"api_key_command": ("/x",), "api_key_file": Path("/x")}, ("api_key_file", "api_key_command")),
    ],
)
def test_two_kinds_are_an_error_that_names_both(settings: dict[str, Any], named: tuple[str, str]) -> None:
    with pytest.raises(ConfigError) as error:
        source_of(Settings(**settings), where)
    both = " and ".join(f"{name} (place of {name})" for name in named)
    assert (
        error.value.message
        == f"API keys are set in more than one way: {both}; leave one and remove the others"
    )
