"""A real model behind the real path: engine, HTTP, SDK, rewrite, anchor, gate."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from kibitz.app import Choice, local_config
from kibitz.config import Settings
from kibitz.findings.rewrite import STATIC_PREFIX
from kibitz.local.engine import Engine, available
from kibitz.local.weights import find, installed, path_of
from kibitz.provider.client import OpenAIClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kibitz.provider.models import CodeAnalysis

pytestmark = [pytest.mark.deep, pytest.mark.model, pytest.mark.timeout(600)]

BUGGY = '''def average_rating(reviews):
    """Mean number of stars over all reviews, 0 if there are none."""
    if not reviews:
        return 0
    total = 0
    for review in reviews:
        total = review.stars
    return total / len(reviews)
'''
CORRECT = BUGGY.replace("total = review.stars", "total += review.stars")


@asynccontextmanager
async def client(name: str) -> AsyncIterator[OpenAIClient]:
    if not available():
        pytest.skip('the engine is not installed: pip install "kibitz[local]"')
    model = find(name)
    if not installed(model):
        pytest.skip(f"the weights are not here: kibitz model pull {name}")
    engine = Engine(path_of(model), model.name, context=4096, warm=STATIC_PREFIX)
    try:
        endpoint = await engine.start()
        settings = Settings(local_context=4096, timeout_ms=500_000)
        config = local_config(settings, Choice("local", "rewrite"), endpoint)
        async with OpenAIClient(config) as running:
            yield running
    finally:
        await engine.stop()


def mended(text: str, analysis: CodeAnalysis) -> list[str]:
    fixes = [finding.fix for finding in analysis.findings if finding.fix]
    return [text[: fix.span.start] + fix.new_text + text[fix.span.end :] for fix in fixes]


async def test_the_smallest_model_goes_all_the_way() -> None:
    async with client("smollm2-135m") as tested:
        analysis = await tested.process_code(BUGGY)
    assert analysis.model == "smollm2-135m"
    assert analysis.usage.input_tokens > 100
    assert analysis.usage.output_tokens > 0
    assert len(analysis.findings) + sum(analysis.dropped.values()) > 0
    for finding in analysis.findings:
        assert finding.span.of(BUGGY) == finding.quote


async def test_the_real_model_mends_what_is_wrong_and_leaves_what_is_right() -> None:
    async with client("qwen2.5-coder-1.5b") as tested:
        wrong, right = await tested.process_code(BUGGY), await tested.process_code(CORRECT)
    assert mended(BUGGY, wrong) == [CORRECT]
    assert wrong.usage.cached_tokens > 0
    assert right.findings == ()


NEARLY = '''def transfer(source, target, amount):
    """Move amount from one account to the other; refuse to overdraw."""
    if amount <= 0:
        raise ValueError("amount must be positive")
    if source.balance < amount:
        raise ValueError("not enough money")
    source.balance -= amount
    target.balance -= amount
'''


async def test_a_bug_that_the_model_copies_is_found_where_it_hesitated() -> None:
    right = "target.balance += amount".join(NEARLY.rsplit("target.balance -= amount", 1))
    async with client("qwen2.5-coder-1.5b") as tested:
        assert mended(NEARLY, await tested.process_code(NEARLY)) == [right]
        assert (await tested.process_code(right)).findings == ()
