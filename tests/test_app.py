from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from tests.support.fake_provider import Bug, FakeProvider, reviewer

from kibitz.app import LOCAL_TIMEOUT_MS, NOBODY, App, Choice, choose, identity, local_config, remote_config
from kibitz.app.knowledge import knowledge
from kibitz.config import Settings
from kibitz.findings.dialogue import Marks
from kibitz.local.engine import Endpoint
from kibitz.local.weights import DEFAULT_MODEL
from kibitz.provider.errors import ConfigError
from kibitz.review.reviewer import Source
from kibitz.state.database import Database
from kibitz.telemetry.cachebook import CacheBook

if TYPE_CHECKING:
    from pathlib import Path

KEY = SecretStr("sk-test-0123456789")
TEAM = SecretStr("redis://127.0.0.1:6379/0")
REMOTE = Choice("openai", "list")
LOCAL = Choice("local", "rewrite")
ENDPOINT = Endpoint("http://127.0.0.1:9/v1", "random-key", "tiny")


@pytest.mark.parametrize(
    ("settings", "embedded", "expected"),
    [
        ({"api_key": KEY}, True, REMOTE),
        ({"base_url": "http://127.0.0.1:1/v1"}, True, REMOTE),
        ({}, True, LOCAL),
        ({"provider": "local", "api_key": KEY}, False, LOCAL),
        ({"provider": "openai"}, True, REMOTE),
        ({"review": "rewrite", "api_key": KEY}, False, Choice("openai", "rewrite")),
        ({"review": "list"}, True, Choice("local", "list")),
    ],
)
def test_who_reviews_follows_from_what_is_set_and_what_is_there(
    settings: dict[str, Any], embedded: bool, expected: Choice
) -> None:
    assert choose(Settings(**settings), embedded=lambda: embedded) == expected


def test_nobody_to_ask_says_what_to_do() -> None:
    with pytest.raises(ConfigError) as error:
        choose(Settings(), embedded=lambda: False)
    assert error.value.message == NOBODY
    assert "OPENAI_API_KEY" in NOBODY
    assert "kibitz model pull" in NOBODY


def test_an_unknown_embedded_model_is_a_configuration_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIBITZ_MODEL_DIR", str(tmp_path))
    with pytest.raises(ConfigError, match="nothing-7b"):
        App.create(Settings(local_model="nothing-7b"))


async def test_a_missing_embedded_model_is_a_configuration_error_that_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIBITZ_MODEL_DIR", str(tmp_path))
    app = App.create(Settings(provider="local"))
    with pytest.raises(ConfigError, match="kibitz model pull"):
        await app.client()
    review = await (await app.reviewer()).review(Source("x = 1\n", "python"))
    assert [type(error) for error in review.errors] == [ConfigError]
    await app.aclose()


def test_without_a_key_an_api_elsewhere_is_refused_before_anything_is_sent() -> None:
    app = App.create(Settings(provider="openai"))
    assert app.describe() == "gpt-6-luna at api.openai.com"


def test_the_effort_that_the_user_set_goes_to_any_endpoint_and_the_default_only_to_openai() -> None:
    elsewhere = "https://models.example.com/v1"
    assert remote_config(Settings(base_url=elsewhere, api_key=KEY), REMOTE).effort is None
    chosen = Settings(base_url=elsewhere, api_key=KEY, reasoning_effort="high")
    assert remote_config(chosen, REMOTE).effort == "high"
    assert remote_config(Settings(api_key=KEY), REMOTE).effort == "low"


def test_the_environment_has_a_say_in_the_way_to_the_api_only_if_the_user_says_so() -> None:
    assert not remote_config(Settings(api_key=KEY), REMOTE).trust_env
    assert remote_config(Settings(api_key=KEY, trust_env=True), REMOTE).trust_env


def test_the_embedded_model_gets_more_time_unless_the_user_says_otherwise() -> None:
    assert local_config(Settings(), LOCAL, ENDPOINT).timeout_ms == LOCAL_TIMEOUT_MS
    assert local_config(Settings(timeout_ms=5000), LOCAL, ENDPOINT).timeout_ms == 5000


def test_question_and_answer_of_the_embedded_model_fit_its_context() -> None:
    config = local_config(Settings(local_context=4096), LOCAL, ENDPOINT)
    assert config.max_request_tokens + config.max_tokens <= 4096


def test_a_model_that_was_taught_to_fill_gaps_is_asked_to() -> None:
    known = Endpoint("http://127.0.0.1:9/v1", "random-key", DEFAULT_MODEL)
    config = local_config(Settings(), LOCAL, known)
    assert config.infill == Marks("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
    assert identity(config) != identity(config.model_copy(update={"infill": None}))
    assert local_config(Settings(), LOCAL, ENDPOINT).infill is None
    assert remote_config(Settings(api_key=KEY), REMOTE).infill is None


def test_the_port_of_the_embedded_model_is_no_part_of_an_entry() -> None:
    first = local_config(Settings(), LOCAL, ENDPOINT)
    later = local_config(Settings(), LOCAL, Endpoint("http://127.0.0.1:10/v1", "another-key", "tiny"))
    assert identity(first, "embedded") == identity(later, "embedded")


@pytest.mark.parametrize(
    "change",
    [
        {"model": "gpt-6-sol"},
        {"temperature": 0.5},
        {"max_tokens": 100},
        {"api": "chat"},
        {"reasoning_effort": "high"},
        {"base_url": "https://models.example.com/v1"},
    ],
)
def test_whatever_shapes_an_answer_is_part_of_an_entry(change: dict[str, Any]) -> None:
    before = remote_config(Settings(api_key=KEY), REMOTE)
    after = remote_config(Settings(api_key=KEY, **change), REMOTE)
    assert identity(before) != identity(after)


@pytest.mark.parametrize("change", [{"api_key": SecretStr("sk-another-key")}, {"timeout_ms": 1000}])
def test_what_does_not_shape_an_answer_is_no_part_of_an_entry(change: dict[str, Any]) -> None:
    before = remote_config(Settings(api_key=KEY), REMOTE)
    after = remote_config(Settings(**{"api_key": KEY} | change), REMOTE)
    assert identity(before) == identity(after)


async def test_an_app_reviews_through_the_real_client() -> None:
    code = "def mean(values):\n    return sum(values) / len(value)\n"
    async with FakeProvider(reviewer(Bug("len(value)", "len(values)"))) as fake:
        app = App.create(Settings(base_url=fake.base_url, api_key=KEY))
        try:
            review = await (await app.reviewer()).review(Source(code, "python", "mean.py"))
        finally:
            await app.aclose()
    (finding,) = review.findings
    assert finding.quote == "return sum(values) / len(value)"
    assert finding.fix is not None
    assert finding.fix.span.of(code) == finding.fix.old_text
    assert review.complete


@pytest.mark.parametrize(("disk_cache", "asked"), [(True, 1), (False, 2)])
async def test_a_restart_costs_nothing_unless_the_disk_is_not_to_be_used(
    own_places: Path, *, disk_cache: bool, asked: int
) -> None:
    async with FakeProvider(reviewer(Bug("len(value)", "len(values)"))) as fake:
        for _ in range(2):
            settings = Settings(
                base_url=fake.base_url, api_key=KEY, disk_cache=disk_cache, share_limits="off"
            )
            app = App.create(settings)
            review = await (await app.reviewer()).review(Source("x = len(value)\n", "python"))
            await app.aclose()
            assert len(review.findings) == 1
        assert len(fake.requests) == asked
    assert b"x = len(value)" not in all_of(own_places)


def all_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("settings", "tiers", "claims"),
    [
        ({}, ("disk",), True),
        ({"disk_cache": False}, None, False),
        ({"cache_ttl_s": 0, "redis_url": TEAM}, None, False),
        ({"redis_url": TEAM}, ("disk", "team"), True),
        ({"redis_url": TEAM, "disk_cache": False}, ("team",), True),
        ({"redis_url": TEAM, "shared_cache": False}, ("disk",), True),
    ],
)
async def test_what_is_known_where_follows_from_the_settings(
    tmp_path: Path, settings: dict[str, Any], tiers: tuple[str, ...] | None, claims: bool
) -> None:
    known = knowledge(Settings(**settings), Database(tmp_path / "state.db"), CacheBook().add)
    kept = known.answers.kept
    assert (kept.tiers if kept else None) == tiers
    assert (known.claims is not None) is claims
    assert (known.team is not None) is (tiers is not None and "team" in tiers)


async def test_an_address_of_a_team_that_is_none_is_a_configuration_error(tmp_path: Path) -> None:
    settings = Settings.model_construct(redis_url=SecretStr("http://:hunter2@host"))
    with pytest.raises(ConfigError, match="redis://host") as error:
        knowledge(settings, Database(tmp_path / "state.db"), CacheBook().add)
    assert "hunter2" not in str(error.value)
