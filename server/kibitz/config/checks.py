"""What a key and an address must look like, wherever they come from. Pure."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from urllib.parse import urlsplit

_KEY = re.compile(r"[\x21-\x7e]{8,512}")
_TEAM_SECRET = re.compile(r"[\x21-\x7e]{16,512}")
_PORTS = re.compile(r"([0-9]{4,5})(?:-([0-9]{4,5}))?")
_LEAST_PORT, _MOST_PORT = 1024, 65_535


def check_key(key: str) -> None:
    """Raise ValueError unless ``key`` can be sent as an API key; the message never holds it."""
    # A stray space or line end would surface as a network error deep inside the HTTP client.
    if not _KEY.fullmatch(key):
        raise ValueError("a key is 8 to 512 printable ASCII characters without spaces or line ends")


def check_base_url(url: str) -> str:
    """The address of an API without a trailing slash.

    Raises:
        ValueError: it is no address, holds credentials, or would send source code unencrypted.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("it should look like https://host/v1")
    _ = parts.port  # raises ValueError when it is no number
    if parts.username is not None or parts.password is not None:
        raise ValueError("it must not hold a user name or password: the key has its own setting, api_key")
    if parts.query or parts.fragment:
        raise ValueError("it must not have a query or a fragment")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(
            "source code goes over https only; plain http is for this machine (127.0.0.1, localhost)"
        )
    return url.rstrip("/")


def check_redis_url(url: str) -> None:
    """Raise ValueError unless ``url`` is the address of a Redis server; the message never holds it."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ValueError("it should look like redis://host:6379/0") from error
    if parts.scheme == "unix":
        if not parts.path:
            raise ValueError("it should look like unix:///run/redis.sock")
    elif parts.scheme not in {"redis", "rediss", "valkey", "valkeys"} or not parts.hostname:
        raise ValueError("it should look like redis://host:6379/0, or rediss:// with TLS")


def check_ports(ports: str) -> str:
    """``any``, one port, or a range of them that any user may listen on."""
    found = _PORTS.fullmatch(ports)
    first = int(found[1]) if found is not None else 0
    last = int(found[2] or first) if found is not None else 0
    if ports != "any" and not _LEAST_PORT <= first <= last <= _MOST_PORT:
        raise ValueError("it should be any, a port from 1024 to 65535, or a range such as 9464-9473")
    return ports


def check_team_secret(secret: str) -> None:
    """Raise ValueError unless ``secret`` is long enough not to be guessed; the message never holds it."""
    if not _TEAM_SECRET.fullmatch(secret):
        raise ValueError("it should be 16 to 512 printable ASCII characters without spaces or line ends")


@lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine. Asks no name server."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
