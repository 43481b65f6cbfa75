"""What the site is made of: links that fit it, and a checker of links that sees what is wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from docs.site import assemble, links
from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site") / "source"
    assemble.assemble(target)
    return target


def test_every_page_has_its_place_and_one_in_the_menu(source: Path) -> None:
    pages = {path.relative_to(source).as_posix() for path in source.rglob("*.md")}
    assert pages == set(assemble.pages().values())
    assert "rules/off-by-one.md" in pages
    menus = re.findall(
        r"```\{toctree\}\n:hidden:\n(?::caption: .+\n)?\n((?:.+\n)+?)```",
        "".join((source / name).read_text(encoding="utf-8") for name in ("index.md", "rules.md")),
    )
    listed = [entry for menu in menus for entry in menu.split()]
    assert len(listed) == len(set(listed))
    assert set(listed) == pages - {"index.md"}


def test_links_between_pages_lead_to_pages(source: Path) -> None:
    wrong = [
        f"{path.relative_to(source)}: {target}"
        for path in source.rglob("*.md")
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:", target) and not (path.parent / target).is_file()
    ]
    assert wrong == []


def test_links_out_of_the_site_lead_to_the_repository() -> None:
    places = assemble.pages()
    page = ROOT / "docs/editors/helix.md"
    text = (
        '[a](../settings.md#x) [b](../../tests/editors/test_helix.py "t") [c](#here) [d](https://x.example/y)\n'
        "`[e](../../no)` ![f](../images/vscode.png) [g](../../README.md) [h](../../README.md#x)\n\n"
        "```\n[i](../../no)\n```\n"
    )
    assert assemble.relink(text, page, places) == (
        f'[a](../settings.md#x) [b]({assemble.REPOSITORY}/tests/editors/test_helix.py "t") [c](#here) '
        "[d](https://x.example/y)\n"
        "`[e](../../no)` ![f](../images/vscode.png) [g](../index.md) "
        f"[h]({assemble.REPOSITORY}/README.md#x)\n\n```\n[i](../../no)\n```\n"
    )


def test_the_checker_sees_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<link rel="stylesheet" href="https://fonts.example/x.css"><link rel="next" href="b.html">'
        '<script src="//cdn.example/x.js"></script><img src="no.png"><img src="data:image/png;base64,AA==">'
        '<a href="b.html#there">x</a><a href="b.html#gone">x</a><a href="c.html">x</a><a href="#top">x</a>'
        '<a href="https://example.org/">x</a><p id="top">'
    )
    (tmp_path / "b.html").write_text('<p id="there">')
    (tmp_path / "x.css").write_text("@font-face { src: url(https://fonts.example/x.woff) }")
    assert sorted(links.problems(tmp_path)) == [
        "a.html loads //cdn.example/x.js from elsewhere",
        "a.html loads https://fonts.example/x.css from elsewhere",
        "a.html: b.html#gone leads to a page without that place",
        "a.html: c.html leads to no file",
        "a.html: no.png leads to no file",
        "x.css loads something from elsewhere",
    ]
