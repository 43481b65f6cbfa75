"""Code in running text: the commands, options, variables and settings that it names are there."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING

import pytest
from tests.docs import shell
from tests.docs.pages import PAGES, ROOT, spans

from kibitz.cli.entry import _COMMANDS
from kibitz.config import load
from kibitz.config.settings import setting_names
from kibitz.lsp.commands import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANIFEST = json.loads((ROOT / "editors/vscode/package.json").read_text(encoding="utf-8"))
OF_VSCODE = {
    *(each["command"] for each in MANIFEST["contributes"]["commands"]),
    *(name for group in MANIFEST["contributes"]["configuration"] for name in group["properties"]),
}
METRICS = re.compile(r"kibitz\.(queue_wait_seconds|findings|rule)")
ELSEWHERE = re.compile(
    r"kibitz\.(el|app|provider|config|telemetry|findings|guard|limits)[\w.]*|kibitz\.kibitz|kibitz\.__\w+__"
)
"""Modules, files and metrics."""
FIGURES = re.compile(r"kibitz (…|[!0-9\[]|2 \$|itself)|kibitz: ")
"""What is shown, or a comment."""


def wrong(span: str) -> Iterator[str]:
    """What is not there of a piece of code."""
    text = re.sub(r"\s+", " ", span)
    if text.startswith("kibitz ") and not FIGURES.match(text):
        yield from _command(text)
    for name in re.findall(r"(?<![\w./-])kibitz\.[A-Za-z_][\w.]*", text):
        known = {*COMMANDS, *OF_VSCODE}
        if name not in known and not METRICS.fullmatch(name) and not ELSEWHERE.fullmatch(name):
            yield f"there is no command or setting {name}"
    for name in re.findall(r"(?<![\w{])KIBITZ_[A-Z_]*[A-Z](?![\w…])", text):
        if name not in shell.ENVIRONMENT | {"KIBITZ_REDIS_URL"}:
            yield f"kibitz knows no variable {name}"
    if (setting := re.fullmatch(r"([a-z_]+) = (.+)", text)) and setting[1] in setting_names():
        yield from _setting(text)


def _command(text: str) -> Iterator[str]:
    """A command of kibitz, as it is spoken of: with words in capitals, choices and gaps."""
    words = [word.strip("[]") for word in text.split()[1:] if word not in {"…", "\\|"}]
    if not words or words[0].startswith("-"):
        return
    name = words[0].split("|")[0]
    if name not in _COMMANDS:
        yield f"there is no command {name}"
        return
    for way in (
        words[1].split("|") if len(words) > 1 and "|" in words[1] else [words[1] if len(words) > 1 else ""]
    ):
        arguments = [name, *filter(None, (way, *words[2:]))]
        yield from (
            each for each in shell.kibitz_problems(arguments) if not each.endswith("is told too little")
        )


def _setting(text: str) -> Iterator[str]:
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        given = tomllib.loads(re.sub(r"= (.+)", r'= "\1"', text))
    for name, value in given.items():
        loaded = load(cli={name: value}, environ={}, user_file=ROOT / "no-such-file")
        yield from (each.message for each in loaded.problems if "may not set it" not in each.reason)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_is_spoken_of_is_there(page: Path) -> None:
    assert [f"{line}: `{span}`: {each}" for line, span in spans(page) for each in wrong(span)] == []


@pytest.mark.parametrize(
    "span",
    [
        "kibitz chekc",
        "kibitz check --nothing",
        "kibitz cache stats|nothing",
        "kibitz.noSuchCommand",
        "KIBITZ_MODLE",
        'trigger = "never"',
        "max_findings = 0",
    ],
)
def test_the_checks_can_fail(span: str) -> None:
    assert [*wrong(span)]


def test_the_checks_can_pass() -> None:
    for span in (
        "kibitz check --since REF",
        "kibitz cache clear",
        "kibitz.showStatus",
        'verify = "on"',
        "kibitz 2",
    ):
        assert [*wrong(span)] == []
