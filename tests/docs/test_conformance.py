"""The page that says where each requirement lives, and which test proves it, names what is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs/conformance.md").read_text(encoding="utf-8")
REQUIREMENTS = {
    "Interfaces": 7,
    "Security: keys": 4,
    "Security: requests and answers": 4,
    "Performance: rate limits": 4,
    "Performance: the cache": 4,
    "Tests: units": 5,
    "Tests: integration": 4,
    "Tests: security": 4,
    "Metrics": 9,
    "Steps": 16,
    "In place of": 5,
}
"""How many the specification has, part by part."""
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
PLACE = re.compile(r"`([\w/]+(?:\.py|/))`")


def parts() -> dict[str, list[list[str]]]:
    """The rows of each part, cell by cell, without the head of its table."""
    found = {}
    for part in PAGE.split("\n## ")[1:]:
        title, _, text = part.partition("\n")
        rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
        found[title] = rows[1:]
    return found


@cache
def defined_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_each_requirement_has_its_row() -> None:
    assert {title: len(rows) for title, rows in parts().items()} == REQUIREMENTS


def test_the_page_names_what_is_there() -> None:
    named = TEST.findall(PAGE)
    assert len(named) > 60
    assert [path for path, _ in named if not (ROOT / "tests" / path).is_file()] == []
    assert [name for path, name in named if name not in defined_in(ROOT / "tests" / path)] == []
    places = PLACE.findall(PAGE)
    assert len(places) > 60
    assert [place for place in places if not (ROOT / "server/kibitz" / place).exists()] == []


def test_each_row_is_proved() -> None:
    for title, rows in parts().items():
        if title != "In place of":
            assert [row for row in rows if not TEST.search(row[-1])] == [], title


def test_what_is_named_of_a_file_is_in_it() -> None:
    for place, name in re.findall(r"`([\w/]+\.py)` \(`(\w+)`", PAGE):
        assert name in (ROOT / "server/kibitz" / place).read_text(encoding="utf-8"), f"{place}: {name}"
