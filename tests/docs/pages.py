"""The pages, and what is in them: blocks of code, code in running text, headings, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    sorted(
        [
            *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md")),
            *(ROOT / "docs").rglob("*.md"),
        ]
    )
)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code."""

    page: str
    """Its path in the repository."""
    line: int
    language: str
    """What the fence says; of blocks that are indented, what they look like."""
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks() -> tuple[Block, ...]:
    """All blocks of all pages."""
    return tuple(block for path in PAGES for block in blocks_of(path))


def blocks_of(path: Path) -> Iterator[Block]:
    for token in tokens(path):
        if token.type in {"fence", "code_block"} and token.map is not None:
            language = token.info or _looks_like(token.content)
            yield Block(path.relative_to(ROOT).as_posix(), token.map[0] + 1, language, token.content)


def _looks_like(text: str) -> str:
    return "vim" if text.startswith("let ") else "json" if text.startswith("{") else "sh"


def spans(path: Path) -> Iterator[tuple[int, str]]:
    """Code in running text, with the line that its paragraph begins in."""
    line = 0
    for token in tokens(path):
        line = token.map[0] + 1 if token.map is not None else line
        for child in token.children or ():
            if child.type == "code_inline":
                yield line, child.content


@cache
def tokens(path: Path) -> Sequence[Token]:
    return MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))


def links(path: Path) -> Iterator[str]:
    """Where links and pictures of a page lead."""
    for token in tokens(path):
        if token.type == "html_block":
            yield from re.findall(r'(?:src|srcset|href)="([^"]+)"', token.content)
        for child in token.children or ():
            if child.type == "html_inline":
                yield from re.findall(r'(?:src|srcset|href)="([^"]+)"', child.content)
            target = child.attrGet("href") if child.type == "link_open" else child.attrGet("src")
            if child.type in {"link_open", "image"} and isinstance(target, str):
                yield target


@cache
def anchors(path: Path) -> frozenset[str]:
    """The names that GitHub gives to the headings of a page."""
    found: dict[str, int] = {}
    every = tokens(path)
    for place, token in enumerate(every):
        if token.type == "heading_open":
            words = "".join(child.content for child in every[place + 1].children or ())
            name = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            found[name] = found.get(name, -1) + 1
    return frozenset(
        f"{name}-{number}" if number else name for name, last in found.items() for number in range(last + 1)
    )
