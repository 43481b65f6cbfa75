"""What the page about troubles quotes is said somewhere, and what is said is on the page."""

from __future__ import annotations

import re
from functools import cache

from tests.docs.messages import GAP, Message, every, shown
from tests.docs.pages import ROOT

PAGE = ROOT / "docs/troubleshooting.md"
NOT_QUOTED = {"no findings, and no message", "no server: the editor says that it cannot be started"}
"""What is seen, and no message."""
ELSEWHERE = {"+ ?, or cost unknown": ("+ ?", "cost unknown")}
"""Rows of two short words."""
EVERY = tuple(every())


def quotes() -> list[str]:
    """The first cells of its tables."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [line.split(" | ")[0].removeprefix("| ").strip() for line in lines if line.startswith("| ")]
    return [cell for cell in cells if cell not in {"what you see", *NOT_QUOTED, *ELSEWHERE}]


@cache
def parts(quote: str) -> tuple[str, ...]:
    return tuple(part.strip(" .;:") for part in quote.split(GAP))


def says(message: str, quote: str) -> bool:
    """Whether the words of a quote are in a message, in their order."""
    at = 0
    for part in parts(quote):
        at = message.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def test_what_is_quoted_is_said() -> None:
    texts = "\0".join({message.text for message in EVERY if " " in message.text})
    likely = [quote for quote in quotes() if all(part in texts for part in parts(quote))]
    assert set(quotes()) - set(likely) == set()
    said = texts.split("\0")
    assert [
        quote for quote in likely if len(parts(quote)) > 1 and not any(says(one, quote) for one in said)
    ] == []


def test_what_is_said_is_quoted() -> None:
    quoted = quotes()
    missing = [
        str(each) for each in shown() if each.has_words and not any(says(each.text, one) for one in quoted)
    ]
    assert missing == []


def test_words_that_stand_alone_are_said() -> None:
    for words in ELSEWHERE.values():
        for word in words:
            assert any(word in each.text for each in EVERY), word


def test_short_reasons_below_findings_are_those_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z ]+)`", text.partition("## Under a finding")[2].partition("##")[0]))
    said = {each.text for each in EVERY if each.where.startswith("lsp/stale.py")}
    assert named <= said
    assert len(named) > 10


def test_the_checks_can_fail() -> None:
    assert not says("the file is gone", "the … is there")
    assert says("the file x is gone", "the file … is gone")
    assert not any(says(each.text, "kibitz is made of cheese") for each in EVERY)
    assert Message("x", "a plain sentence of words").has_words
    assert not Message("x", "…: …").has_words


def test_each_row_says_something_once() -> None:
    found = quotes()
    assert len(found) > 120
    assert [each for each in set(found) if found.count(each) > 1] == []
