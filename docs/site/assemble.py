"""Puts the pages of the site together: those of docs/, of the rules, and what stands at the root.

All of them are written to be read where they lie, on GitHub or in an editor. So links lead from file to file;
here those between pages of the site are turned into links of the site, and all others into addresses of the
repository. What stands where in the menu is what ``index.md`` lists.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "https://github.com/kibitz-dev/kibitz/blob/main"
ELSEWHERE = {
    "README.md": "index.md",
    "docs/editors/README.md": "editors/index.md",
    "examples/README.md": "examples.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Pages that have another place, or name, on the site. The README is left out: links to it lead home."""
_TARGET = re.compile(r"(\]\()([^)\s]+)((?:\s+\"[^\"]*\")?\))")
_CODE = re.compile(r"(`+)(?:(?!\1).)+\1", re.DOTALL)
_SECTION = re.compile(r"^## (.+)$")
_ENTRY = re.compile(r"^- \[.+?\]\((\S+?\.md)\)")


def pages(root: Path = ROOT) -> dict[Path, str]:
    """Each source of a page, and its place on the site."""
    found = {root / source: place for source, place in ELSEWHERE.items()}
    found |= {path: f"rules/{path.name}" for path in (root / "server/kibitz/findings/pages").glob("*.md")}
    for path in (root / "docs").rglob("*.md"):
        found.setdefault(path, path.relative_to(root / "docs").as_posix())
    return dict(sorted(found.items()))


def assemble(target: Path, root: Path = ROOT) -> None:
    """Write all that Sphinx reads into the folder ``target``, in place of what is there."""
    shutil.rmtree(target, ignore_errors=True)
    places = pages(root)
    for source, place in places.items():
        if source == root / "README.md":
            continue
        text = relink(source.read_text(encoding="utf-8"), source, places, root)
        if place == "index.md":
            text += "".join(_menus(text))
        if place == "rules.md":
            text += _menu("", sorted(other for other in places.values() if other.startswith("rules/")))
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        (target / place).write_text(text, encoding="utf-8")
    shutil.copytree(root / "docs/images", target / "images")


def relink(text: str, source: Path, places: dict[Path, str], root: Path = ROOT) -> str:
    """A page whose links are those of the site. Code stays as it is."""
    lines = text.splitlines(keepends=True)
    for first, last in code_lines(text):
        lines[first:last] = [""] * (last - first)
    # What is left in place is prose; code is looked up again where it stood.
    whole = text.splitlines(keepends=True)
    return "".join(
        _relinked(line, source, places, root) if line else whole[number] for number, line in enumerate(lines)
    )


def code_lines(text: str) -> Iterator[tuple[int, int]]:
    """The first line of each block of code, and the one after it."""
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type in {"fence", "code_block"} and token.map is not None:
            yield token.map[0], token.map[1]


def _relinked(line: str, source: Path, places: dict[Path, str], root: Path) -> str:
    parts, at = [], 0
    for code in _CODE.finditer(line):
        parts += [_prose(line[at : code.start()], source, places, root), code[0]]
        at = code.end()
    return "".join([*parts, _prose(line[at:], source, places, root)])


def _prose(text: str, source: Path, places: dict[Path, str], root: Path) -> str:
    def target(match: re.Match[str]) -> str:
        return f"{match[1]}{_leads_to(match[2], source, places, root)}{match[3]}"

    return _TARGET.sub(target, text)


def _leads_to(link: str, source: Path, places: dict[Path, str], root: Path) -> str:
    """Where a link of a page leads from its place on the site."""
    if re.match(r"[a-z]+:|#", link):
        return link
    name, mark, anchor = link.partition("#")
    path = Path(os.path.normpath(source.parent / name))
    # The home page has other places than the README.
    if path in places and not (anchor and path == root / "README.md"):
        here = Path(places[source]).parent
        return f"{os.path.relpath(places[path], here)}{mark}{anchor}"
    if path.is_relative_to(root / "docs/images"):
        return os.path.relpath(path.relative_to(root / "docs"), Path(places[source]).parent)
    return f"{REPOSITORY}/{path.relative_to(root).as_posix()}{mark}{anchor}"


def _menus(index: str) -> Iterator[str]:
    """The menu, as ``index.md`` lists it: a part for each heading with a list of pages."""
    caption, entries = "", list[str]()
    for line in [*index.splitlines(), "## "]:
        if line.startswith("## "):
            if entries:
                yield _menu(caption, entries)
            section = _SECTION.match(line)
            caption, entries = section[1] if section else "", []
        elif entry := _ENTRY.match(line):
            entries.append(entry[1])


def _menu(caption: str, entries: list[str]) -> str:
    named = f":caption: {caption}\n" if caption else ""
    return f"\n```{{toctree}}\n:hidden:\n{named}\n" + "\n".join(entries) + "\n```\n"
