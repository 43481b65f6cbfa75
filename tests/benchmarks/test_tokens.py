from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

from benchmarks.tokens import CACHE_STEP, Asked, Ledger, Tokens
from tests.support.fake_http import Exchange
from tests.support.fake_provider import Prompt, Reply


@dataclass
class Letters:
    """A letter is a token."""

    def of(self, text: str) -> int:
        return len(text)


TOKENS = cast("Tokens", Letters())


def test_what_a_request_begins_with_as_one_before_is_cached_from_some_length_on() -> None:
    ledger = Ledger(TOKENS)
    long, short = "i" * 1200, "i" * 900
    ledger.enter(long, "{}", "### Piece 1: a\none", "three")
    assert ledger.turn() == Asked(1, instructions=1200, schema=2, code=18, answers=5, units=1)
    ledger.enter(long, "{}", "two", "")
    assert ledger.turn() == Asked(
        1, instructions=1200, schema=2, code=3, cached=1202 // CACHE_STEP * CACHE_STEP
    )
    ledger.enter(short, "{}", "x", "")
    assert ledger.turn().cached == 0, "it is too short for a cache"


def test_tools_count_as_a_schema_and_what_they_are_called_with_as_an_answer() -> None:
    tools: list[dict[str, Any]] = [{"type": "function", "function": {"name": "report", "parameters": {}}}]
    messages = [{"role": "system", "content": "Look."}, {"role": "user", "content": "a == b"}]
    ledger = Ledger(TOKENS, lambda _: Reply("{}", tool="report"))
    body = {"messages": messages, "tools": tools}
    ledger(Prompt(Exchange("POST", "/v1/chat/completions", {}, b"", cast("Any", None)), body))
    assert ledger.turn() == Asked(
        1, instructions=5, schema=len(json.dumps(tools, separators=(",", ":"))), code=6, answers=2
    )
    assert ledger.turn() == Asked(), "it is counted once"
