"""Keys that a provider does not take, and keys that are none. See ``test_fault_table``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from tests.provider.clients import BUG, CANARY, CODE, config, planted
from tests.provider.faults import failed, queued, whole
from tests.support.fake_faults import status
from tests.support.fake_provider import FakeProvider, reviewer
from tests.support.lsp_wire import until

from kibitz.provider.client import OpenAIClient
from kibitz.provider.config import OpenAIConfig, RetryConfig
from kibitz.provider.errors import ConfigError, RateLimitExceeded
from kibitz.provider.keys.file import FileKeys
from kibitz.provider.keys.fixed import FixedKeys
from kibitz.provider.keys.key import Key
from kibitz.provider.keys.pool import KeyPool

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.fake_provider import Answer, Prompt

GOOD = reviewer(BUG)
OLD, NEW = "sk-old-0123456789abcdef", "sk-new-0123456789abcdef"


def used(fake: FakeProvider) -> list[str]:
    """The keys in the order in which they came."""
    return [seen.headers["authorization"].removeprefix("Bearer ") for seen in fake.requests]


def asking(fake: FakeProvider, *keys: str) -> OpenAIClient:
    pool = KeyPool(FixedKeys(tuple(Key(key, "setting api_keys") for key in keys)))
    return OpenAIClient(config(fake, retry_config=RetryConfig()), keys=pool)


async def test_after_a_401_the_key_is_looked_up_again(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(OLD)
    file.chmod(0o600)

    def answer(prompt: Prompt) -> Answer:
        if prompt.exchange.headers["authorization"] != f"Bearer {OLD}":
            return GOOD(prompt)
        file.write_text(NEW)
        return status(401)

    async with FakeProvider(answer) as fake:
        pool = KeyPool(FileKeys(file))
        async with OpenAIClient(config(fake), keys=pool) as tested:
            assert (await tested.process_code(CODE)).findings
            assert (await tested.process_code(CODE)).findings
    assert used(fake) == [OLD, NEW, NEW]


async def test_a_refused_key_is_not_sent_again() -> None:
    async with planted() as fake, asking(fake, CANARY) as tested:
        fake.answer = lambda _: status(401)
        first = await failed(tested)
        assert "does not accept the API key from setting api_keys (fingerprint " in first.message
        for _ in range(3):
            later = await failed(tested)
            assert isinstance(later, ConfigError)
            assert "the provider refuses it; tried again in 15 min" in later.message
            assert "`kibitz key status` shows what is found" in later.message
        assert len(fake.requests) == 1


@pytest.mark.parametrize("fault", [status(401), status(429, "insufficient_quota")])
async def test_those_who_wait_with_a_bad_key_do_not_send_it(fault: Answer) -> None:
    async with planted() as fake:
        fake.answer = lambda _: fault
        keys = KeyPool(FixedKeys((Key(CANARY, "setting api_keys"),)))
        fake.gate = asyncio.Event()
        async with OpenAIClient(config(fake, max_concurrency=4), keys=keys) as tested:
            asking = [asyncio.create_task(failed(tested)) for _ in range(40)]
            await until(lambda: queued(tested) == 36)
            fake.gate.set()
            errors = await asyncio.gather(*asking)
    assert {type(error) for error in errors} <= {ConfigError, RateLimitExceeded}
    assert len(fake.requests) <= 4


@pytest.mark.parametrize("fault", [status(401), status(403), status(429, "insufficient_quota")])
async def test_the_next_key_takes_over_at_once(fault: Answer) -> None:
    async with planted() as fake, asking(fake, OLD, NEW) as tested:
        fake.push(fault)
        assert (await tested.process_code(CODE)).findings
        assert used(fake) == [OLD, NEW]


@pytest.mark.parametrize(
    "raw", [CANARY + "\n", "\r\n" + CANARY, CANARY[:20] + " " + CANARY[20:], CANARY + "é", "sk-\0" + CANARY]
)
def test_what_is_no_key_is_never_sent(raw: str) -> None:
    with pytest.raises(ConfigError, match="api_key") as caught:
        OpenAIConfig(api_key=SecretStr(raw))
    assert CANARY not in whole(caught.value)
