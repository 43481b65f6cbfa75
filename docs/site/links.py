"""Follows the links of the built site: to pages, places in pages, pictures, styles and scripts.

Whatever a page loads has to be part of the site, so that it works without a network. Links to other sites are
not followed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOADED = {"link": "href", "script": "src", "img": "src", "source": "src", "iframe": "src", "object": "data"}
_ABOUT = {"canonical", "next", "prev", "index", "search", "author"}
"""Kinds of ``link`` that lead somewhere and load nothing."""


@dataclass(slots=True)
class Page:
    """What a page links to and loads, and the places in it."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.page.anchors.add(given["id"])
        if tag == "a" and "href" in given:
            self.page.links.append(given["href"])
        named = _LOADED.get(tag, "")
        if given.get(named) and not _ABOUT & set(given.get("rel", "").split()):
            self.page.loaded.append(given[named])


def read(path: Path) -> Page:
    """One page."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


def problems(site: Path) -> Iterator[str]:
    """What is wrong with the links of a built site, a sentence each."""
    every = {path: read(path) for path in sorted(site.rglob("*.html"))}
    for path, page in every.items():
        here = path.relative_to(site)
        for link in page.loaded:
            if urlsplit(link).scheme not in {"", "data"} or link.startswith("//"):
                yield f"{here} loads {link} from elsewhere"
        for link in [*page.links, *page.loaded]:
            if why := _wrong(link, path, every):
                yield f"{here}: {link} {why}"
    for style in site.rglob("*.css"):
        if "@import" in (text := style.read_text(encoding="utf-8")) or "url(http" in text or "url(//" in text:
            yield f"{style.relative_to(site)} loads something from elsewhere"


def _wrong(link: str, source: Path, every: dict[Path, Page]) -> str:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or link in {"", "#"}:
        return ""
    target = source if not parts.path else Path(source.parent, unquote(parts.path)).resolve()
    if not target.is_file():
        return "leads to no file"
    if parts.fragment and target in every and unquote(parts.fragment) not in every[target].anchors:
        return "leads to a page without that place"
    return ""
