"""Which key may go where: a key is bound to the addresses that its user agreed to.

An address may come from an environment that a repository set up (direnv, a container, a task runner). So a
key goes to OpenAI's own API and to this machine without a question, and anywhere else only after its user
said once that a key from that place may go to that origin.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kibitz.guard import private
from kibitz.provider.endpoint import Endpoint
from kibitz.provider.errors import ConfigError
from kibitz.provider.fallback import CONSENT
from kibitz.telemetry import security

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE_NAME = "consents.json"
_VERSION = 1
_MAX_BYTES = 1_048_576
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, order=True)
class Consent:
    """A key from ``place`` may go to ``origin``."""

    origin: str
    """``https://host:port``, the port spelt out."""
    place: str


class ConsentNeeded(ConfigError):  # noqa: N818 - reads as what it says of a key
    """Nobody agreed yet that a key from ``place`` goes to ``origin``."""

    def __init__(self, origin: str, place: str) -> None:
        super().__init__(
            f"the API key from {place} was never used at {origin}, and is not sent there without your word; "
            f"if that address is right, run: kibitz key allow {origin}",
            code=CONSENT,
        )
        self.origin = origin
        self.place = place


def origin_of(url: str) -> str:
    """``https://host:port`` of an address, with a port always, and no letter that looks like another.

    Raises:
        ValueError: it is no address of the web.
    """
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in _DEFAULT_PORTS or not host:
        raise ValueError("it should look like https://host")
    if not host.isascii():
        # UnicodeError is a ValueError.
        host = host.encode("idna").decode("ascii")
    port = parts.port or _DEFAULT_PORTS[scheme]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def needs_consent(origin: str) -> bool:
    """Whether a key goes there only if its user agreed."""
    endpoint = Endpoint(origin)
    return not (endpoint.is_loopback or (endpoint.is_openai and endpoint.is_encrypted))


class Consents:
    """What the user agreed to, in a file beside the user's settings. Safe in threads.

    A file that other users may write, or that cannot be read, holds no consent: the question comes again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._stamp: private.Stamp | None = None
        self._given: frozenset[Consent] = frozenset()

    def allows(self, origin: str, place: str) -> bool:
        """Whether a key from ``place`` may go to ``origin``.

        Without I/O for OpenAI and this machine; else it looks whether the file has changed (microseconds on
        a local disk).
        """
        if not needs_consent(origin):
            return True
        with self._lock:
            return Consent(origin_of(origin), place) in self._current()

    def allow(self, origin: str, place: str) -> None:
        """From now on, a key from ``place`` may go to ``origin``. Blocks for a write to disk.

        Raises:
            OSError: the file cannot be written.
        """
        with self._lock:
            self._write(self._current() | {Consent(origin_of(origin), place)})
        security.note(security.Event.KEY_ALLOWED, origin=origin_of(origin))

    def forget(self, origin: str) -> int:
        """No key may go to ``origin`` any more; how many consents that took back. As ``allow`` otherwise."""
        with self._lock:
            before = self._current()
            kept = frozenset(consent for consent in before if consent.origin != origin_of(origin))
            if kept != before:
                self._write(kept)
            return len(before) - len(kept)

    def all(self) -> tuple[Consent, ...]:
        """Every consent, in order. Blocks for a look at the file."""
        with self._lock:
            return tuple(sorted(self._current()))

    def _current(self) -> frozenset[Consent]:
        try:
            stamp = private.Stamp.of(self.path.stat())
            if stamp != self._stamp:
                content, self._stamp = private.read(self.path, limit=_MAX_BYTES, secret=False)
                self._given = _parsed(content)
        except (OSError, private.NotPrivateError):
            self._stamp, self._given = None, frozenset()
        return self._given

    def _write(self, consents: Iterable[Consent]) -> None:
        content = {"version": _VERSION, "allowed": [asdict(consent) for consent in sorted(consents)]}
        private.write(self.path, json.dumps(content, indent=1).encode("ascii"))
        self._stamp = None


def _parsed(content: bytes) -> frozenset[Consent]:
    """What a file says; nothing, if it is not one of ours."""
    try:
        entries = json.loads(content)["allowed"]
        return frozenset(Consent(str(entry["origin"]), str(entry["place"])) for entry in entries)
    except (ValueError, RecursionError, TypeError, KeyError):
        return frozenset()
