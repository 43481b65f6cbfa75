"""Whose API an address is, as far as that changes what we say to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from kibitz.config.checks import is_loopback

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The base URL of an OpenAI-compatible API."""

    url: str

    @property
    def host(self) -> str:
        """The host's name in lower case, without the port."""
        return self.origin[1]

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what a request must match to carry the key."""
        return _origin(self.url)

    @property
    def address(self) -> str:
        """The same as text, for logs."""
        scheme, host, port = self.origin
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    @property
    def name(self) -> str:
        """Host and port as they were written, for messages."""
        return urlsplit(self.url).netloc

    @property
    def is_openai(self) -> bool:
        """OpenAI's own API, in any region."""
        return self.host == "api.openai.com" or self.host.endswith(".api.openai.com")

    @property
    def is_azure(self) -> bool:
        """OpenAI's models at Azure."""
        return self.host.endswith(".openai.azure.com")

    @property
    def speaks_responses(self) -> bool:
        """Whether the Responses API is known to keep to a JSON schema there."""
        return self.is_openai or self.is_azure

    @property
    def is_loopback(self) -> bool:
        """This machine."""
        return is_loopback(self.host)

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return self.origin[0] == "https"


@lru_cache(maxsize=64)
def _origin(url: str) -> tuple[str, str, int]:
    """Asked several times for each request, always about the same few addresses."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or (443 if scheme == "https" else 80)
