"""What the tests of the client share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, reviewer

from kibitz.provider.client import OpenAIClient
from kibitz.provider.config import OpenAIConfig, RetryConfig

if TYPE_CHECKING:
    from kibitz.findings.finding import Finding

CANARY = canary.KEY
CODE = "def mean(values):\n    return sum(values) / len(value)\n"
"""Holds one planted bug: ``len(value)``."""

BUG = Bug("len(value)", "len(values)", title="Wrong name", severity="error", confidence="likely")
KEY_IN_CODE = "AKIAQ3EGRIXJ5ZQ7WXYT"


def planted() -> FakeProvider:
    """A provider that finds the planted bug."""
    return FakeProvider(reviewer(BUG))


def mended(code: str, finding: Finding) -> str:
    """The code with the finding's fix, which must stand where it says."""
    fix = finding.fix
    assert fix is not None
    assert fix.span.of(code) == fix.old_text
    return code[: fix.span.start] + fix.new_text + code[fix.span.end :]


def config(fake: FakeProvider, **changes: Any) -> OpenAIConfig:
    """For the fake, with its own limits out of the way, and without waits."""
    fields: dict[str, Any] = {
        "api_key": SecretStr(CANARY),
        "base_url": fake.base_url,
        "requests_per_minute": 100_000,
        "tokens_per_minute": 100_000_000,
        "timeout_ms": 20_000,
        "retry_config": RetryConfig(max_retries=0),
    }
    return OpenAIConfig(**{**fields, **changes})


def client(fake: FakeProvider, **changes: Any) -> OpenAIClient:
    """A client of the fake whose backoff takes no time."""
    return OpenAIClient(config(fake, **changes), sleep=lambda _: asyncio.sleep(0))
