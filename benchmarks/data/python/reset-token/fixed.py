"""Lets people set a new password by mail."""

import random
import string
from datetime import datetime, timedelta

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 32
_LIFE = timedelta(hours=1)


class Resets:
    """Tokens that are good for one hour, and once."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[str, datetime]] = {}

    def begin(self, user: str, now: datetime) -> str:
        """A token for a user's mail."""
        token = "".join(random.SystemRandom().choice(_ALPHABET) for _ in range(_LENGTH))
        self._open = {kept: entry for kept, entry in self._open.items() if entry[1] > now}
        self._open[token] = (user, now + _LIFE)
        return token

    def end(self, token: str, now: datetime) -> str | None:
        """The user whose token it is; None if it is too late, or nobody's."""
        user, until = self._open.pop(token, ("", now))
        return user if until > now else None
