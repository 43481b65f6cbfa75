"""Each block of code on a page is checked by somebody, and holds."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest
import yaml
from tests.docs import shell
from tests.docs.checks import NAMED, checkers, scripts
from tests.docs.pages import ROOT, Block, blocks

if TYPE_CHECKING:
    from pathlib import Path

BLOCKS = blocks()


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_checked(block: Block, tmp_path: Path) -> None:
    found = checkers(block)
    assert [check.__name__ for check in found if check is not found[0]] == []
    assert found, f"nobody checks this {block.language or 'unnamed'} block: see tests/docs/checks.py"
    found[0](block, tmp_path)


def test_what_is_not_run_is_on_some_page_and_has_a_reason() -> None:
    texts = [block.text for block in BLOCKS if block.language == "sh"]
    texts += [
        script
        for block in BLOCKS
        if block.language == "yaml"
        for script in scripts(yaml.safe_load(block.text))
    ]
    used = {command.why_not_run for text in texts for command in shell.commands(text)}
    assert set(shell.NOT_RUN) - used == set()
    assert all(shell.NOT_RUN.values())


def test_those_who_run_blocks_elsewhere_are_there_and_are_tests() -> None:
    assert [key for key in NAMED if not any((block.language, block.page) == key for block in BLOCKS)] == []
    for name in NAMED.values():
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        assert any(getattr(node, "name", "").startswith("test_") for node in tree.body)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("sh", "kibitz chekc src\n"),
        ("sh", "kibitz check --no-such-option src\n"),
        ("sh", "kibitz check --format xml src\n"),
        ("sh", "kibitz check --max-findings none src\n"),
        ("sh", "kibitz model remove\n"),
        ("sh", "export KIBITZ_MODLE=x\n"),
        ("sh", "pipx install '.[nothing]'\n"),
        ("sh", "make nothing\n"),
        ("sh", "cd nowhere && npm run nothing\n"),
        ("sh", "rm -rf /\n"),
        ("toml", "modle = 'x'\n"),
        ("toml", "max_findings = 0\n"),
        ("yaml", "a: [{run: kibitz chekc}]\n"),
        ("yaml", "repos: [{repo: 'https://example.org/x', rev: '1', hooks: [{id: nothing}]}]\n"),
        ("python", "print(1)\n"),
        ("dockerfile", "FROM scratch\n"),
    ],
)
def test_the_checks_can_fail(language: str, text: str, tmp_path: Path) -> None:
    block = Block("docs/made-up.md", 1, language, text)
    (check,) = checkers(block)
    with pytest.raises((AssertionError, KeyError)):
        check(block, tmp_path)


def test_a_block_that_nobody_knows_is_noticed() -> None:
    assert checkers(Block("docs/made-up.md", 1, "cobol", "STOP RUN.")) == []


def test_commands_are_taken_apart() -> None:
    text = (
        "A=1 B='2 3' kibitz check --since \"origin/$X...\" . > out  # no\n"
        "export C=1 D\n\n# none\na | b && c \\\n  d\n"
    )
    assert [(command.words, command.variables) for command in shell.commands(text)] == [
        (("kibitz", "check", "--since", "origin/$X...", "."), ("A", "B")),
        (("export",), ("C", "D")),
        (("a",), ()),
        (("b",), ()),
        (("c", "d"), ()),
    ]
