"""What there is to say about keys, for ``kibitz key`` and ``kibitz doctor``. Never the keys themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.config import default_user_file
from kibitz.provider.endpoint import OPENAI_URL
from kibitz.provider.errors import OpenAIError
from kibitz.provider.keys.consent import FILE_NAME, Consents, origin_of
from kibitz.provider.keys.fixed import FixedKeys
from kibitz.provider.keys.key import Key
from kibitz.provider.keys.open import source_of
from kibitz.provider.keys.pool import KeyPool

if TYPE_CHECKING:
    from kibitz.config import Loaded
    from kibitz.provider.keys.pool import KeyStatus
    from kibitz.provider.keys.source import KeySource


@dataclass(frozen=True, slots=True)
class Purpose:
    """Keys, and the one address that they are for."""

    name: str
    """``API key`` or ``fallback key``."""
    origin: str
    place: str
    keys: tuple[KeyStatus, ...] = ()
    problem: str = ""

    @property
    def places(self) -> tuple[str, ...]:
        """Where its keys come from, one by one: what consents are bound to."""
        return tuple(dict.fromkeys(key.place for key in self.keys)) or (self.place,)

    def refused(self, consents: Consents) -> tuple[str, ...]:
        """The places whose keys do not go to the address for want of consent."""
        return tuple(place for place in self.places if not consents.allows(self.origin, place))


def consents() -> Consents:
    """What the user agreed to."""
    return Consents(default_user_file().with_name(FILE_NAME))


async def purposes(loaded: Loaded) -> tuple[Purpose, ...]:
    """What keys are set, and what for. Reads the file, runs the command or asks the keyring.

    Raises:
        ConfigError: the settings name more than one source.
    """
    settings, found = loaded.settings, []
    if (source := source_of(settings, loaded.where)) is not None:
        found.append(await _look("API key", settings.base_url or OPENAI_URL, source))
    if settings.fallback_base_url and (spare := settings.fallback_api_key):
        fixed = FixedKeys([Key(spare.get_secret_value(), loaded.where("fallback_api_key"))])
        found.append(await _look("fallback key", settings.fallback_base_url, fixed))
    return tuple(found)


async def _look(name: str, url: str, source: KeySource) -> Purpose:
    pool, problem = KeyPool(source), ""
    try:
        await pool.pick()
    except OpenAIError as error:
        problem = error.message
    finally:
        await pool.aclose()
    return Purpose(name, origin_of(url), source.place, pool.status(), problem or pool.problem)
