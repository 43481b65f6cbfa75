"""The table of editors and features: complete, and each of its tests is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from kibitz.lsp.commands import COMMANDS

PAGE = Path(__file__).parents[2] / "docs/editors/README.md"
FOR_PROGRAMS = {"status", "metrics"}
"""Commands whose answers nobody reads as they are."""
PLUGINS = PAGE.parents[2] / "editors"
CELL = re.compile(
    r'(?:(?P<bare>no)|\[(?P<word>yes|no|partly)\]\((?P<path>\S+) "(?P<test>\w+)"\))(?P<note>[¹²³⁴⁵⁶⁷⁸⁹]?)'
)
NOTES = "¹²³⁴⁵⁶⁷⁸⁹"


def table() -> list[list[str]]:
    """The rows below the heading, each with its cells."""
    text = PAGE.read_text(encoding="utf-8").partition("## What works where")[2]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def cells() -> list[re.Match[str]]:
    """All that say whether something works. Fails at one that says something else."""
    found = []
    for row in table()[2:]:
        for cell in row[1:]:
            match = CELL.fullmatch(cell)
            assert match is not None, f"{row[0]}: {cell}"
            found.append(match)
    return found


def test_each_editor_has_a_say_in_each_row() -> None:
    head, _, *rows = table()
    editors = [
        "VS Code",
        "Neovim",
        "Eglot, Emacs 28.2",
        "Eglot, Emacs 30.1",
        "lsp-mode",
        "Helix",
        "Vim and ALE",
    ]
    assert head[1:] == editors
    assert len(rows) > 15
    assert [row[0] for row in rows if len(row) != len(head) or not row[0]] == []
    assert len({row[0] for row in rows}) == len(rows)
    assert len(cells()) == len(rows) * len(editors)


def test_what_works_is_proved_in_that_editor() -> None:
    files = ["vscode", "neovim", "emacs", "emacs", "emacs", "helix", "vim"]
    for index, cell in enumerate(cells()):
        if cell["path"] is not None:
            file = (PAGE.parent / cell["path"]).resolve()
            assert file.stem.removesuffix("_setup") == f"test_{files[index % len(files)]}"
            assert cell["test"] in defined(file)


def defined(file: Path) -> set[str]:
    """The tests of a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


def test_what_works_partly_is_explained() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [cell[0] for cell in cells() if cell["word"] == "partly" and not cell["note"]] == []
    for note in {cell["note"] for cell in cells()} - {""}:
        assert f"\n{NOTES.index(note) + 1}. " in text


@pytest.mark.parametrize(
    ("plugin", "without"),
    [
        ("vscode/src", set()),
        ("nvim/lua", set()),
        ("emacs", set()),
        # ALE makes no edits that a server asks for, and has its own menu for what is about a finding.
        ("vim/autoload", {"fix", "explain", "dismiss", "undismiss"}),
    ],
)
def test_each_command_of_the_server_has_a_way_in(plugin: str, without: set[str]) -> None:
    files = [path for path in (PLUGINS / plugin).rglob("*") if path.is_file()]
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    named = set(re.findall(r"""['"](?:kibitz\.)?([a-zA-Z]+)['"]""", source))
    assert {name.removeprefix("kibitz.") for name in COMMANDS} - named - FOR_PROGRAMS == without


@pytest.mark.parametrize("page", sorted(PAGE.parent.glob("*.md")), ids=lambda page: page.name)
def test_each_page_is_named(page: Path) -> None:
    assert page == PAGE or f"]({page.name})" in PAGE.read_text(encoding="utf-8")
