"""Links between pages, and to places in pages, as they are read on GitHub."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.docs.pages import PAGES, ROOT, anchors, links

EVERY = (*PAGES, ROOT / "CHANGELOG.md", *sorted((ROOT / "server/kibitz/findings/pages").glob("*.md")))


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for link in links(page):
        name, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            if not link.startswith("https://"):
                wrong.append(f"{link} is not https")
            continue
        target = Path(os.path.normpath(page.parent / unquote(name))) if name else page
        if not target.exists():
            wrong.append(f"{link} is not there")
        elif anchor and target.suffix == ".md" and unquote(anchor) not in anchors(target):
            wrong.append(f"{link} has no such place")
    assert wrong == []


def test_each_page_is_listed() -> None:
    index = ROOT / "docs/index.md"
    listed = {os.path.normpath(index.parent / link) for link in links(index)}
    pages = {str(page) for page in PAGES if page not in {index, ROOT / "README.md"}}
    assert pages - listed == set()


def test_the_checks_can_fail() -> None:
    library = ROOT / "docs/library.md"
    assert {"keys-limits-fallbacks", "apply-a-fix"} <= anchors(library)
    assert "no-such-place" not in anchors(library)
    assert "keys.md" in set(links(library))
