"""An API key that does not show itself."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final, NoReturn

from kibitz.config import fingerprint
from kibitz.config.checks import check_key
from kibitz.telemetry import masking

if TYPE_CHECKING:
    from typing import SupportsIndex


class Key:
    """One key, and where it was found. Printed, it is its fingerprint; it cannot be copied or pickled.

    Raises:
        ValueError: no key looks like that; the message never holds it.
    """

    __slots__ = ("_secret", "id", "place")

    def __init__(self, secret: str, place: str) -> None:
        """Hold ``secret``, and mask it from now on in whatever is logged or shown.

        Args:
            secret: 8 to 512 printable ASCII characters.
            place: where it was found, for people: ``environment variable OPENAI_API_KEY``, ``file /x/key``.
        """
        check_key(secret)
        masking.hide(secret)
        self._secret: Final = secret
        self.id: Final = fingerprint(secret)
        """Eight hexadecimal digits that tell keys apart and reveal none."""
        self.place: Final = place

    def secret(self) -> str:
        """The key itself, for the header of one request. Store it nowhere."""
        return self._secret

    def __repr__(self) -> str:
        return f"Key({self.id}, {self.place})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key):
            return NotImplemented
        return hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash(self.id)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        # Also what copy and deepcopy go through, and so whatever copies the objects of a traceback.
        raise TypeError("a key is neither pickled nor copied")
