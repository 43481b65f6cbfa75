"""What an answer is kept under: from the settings and a document down to the digests."""

from __future__ import annotations

import inspect
import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from kibitz.app import choose, identity, verifier
from kibitz.app.configs import known_config
from kibitz.config import Settings
from kibitz.findings.finding import Severity
from kibitz.findings.guidance import ProjectRule, guidance_of
from kibitz.review.entries import entries_of
from kibitz.review.whole import whose

if TYPE_CHECKING:
    from kibitz.cache.key import Identity
    from kibitz.findings.guidance import Guidance

REMOTE: dict[str, Any] = {"api_key": SecretStr("sk-test-0123456789"), "verify": "on"}
LOCAL: dict[str, Any] = {"provider": "local"}
COUNTS: dict[str, Any] = {
    "provider": "local",
    "base_url": "https://models.example.com/v1",
    "model": "gpt-6-sol",
    "api": "chat",
    "max_tokens": 100,
    "temperature": 0.5,
    "reasoning_effort": "high",
    "review": "rewrite",
    "verify": "off",
    "verify_model": "gpt-6-sol",
}
"""The settings that shape answers, with other values than by default."""
DOES_NOT_COUNT: dict[str, Any] = {
    "api_key": SecretStr("sk-another-9876543210"),
    "api_keys": (SecretStr("sk-another-9876543210"),),
    "api_key_file": "/run/secrets/key",
    "api_key_command": ("pass", "show", "key"),
    "api_key_keyring": "kibitz",
    "fallback_model": "gpt-6-sol",
    "fallback_base_url": "https://models.example.com/v1",
    "fallback_api_key": SecretStr("sk-another-9876543210"),
    "timeout_ms": 1234,
    "max_retries": 7,
    "initial_backoff_ms": 7,
    "max_backoff_ms": 7777,
    "requests_per_minute": 7,
    "tokens_per_minute": 7777,
    "max_concurrency": 7,
    "share_limits": "off",
    "redis_url": SecretStr("redis://127.0.0.1:6379/0"),
    "shared_cache": False,
    "shared_cache_secret": SecretStr("a-secret-of-the-team"),
    "budget_usd_per_hour": 7,
    "budget_usd_per_day": 7,
    "budget_requests_per_hour": 7,
    "budget_requests_per_day": 7,
    "budget_tokens_per_hour": 7,
    "budget_tokens_per_day": 7,
    "ignore_budget": True,
    "unusual_usage": "off",
    "prices": {"gpt-6-sol": {"input": 7, "output": 7}},
    "max_request_tokens": 777,
    "early": True,
    "enabled": False,
    "trigger": "manual",
    "debounce_ms": 777,
    "debounce_max_ms": 7777,
    "languages": ("python",),
    "include": ("*.py",),
    "diagnostics": "pull",
    "max_delay_ms": 7777,
    "min_confidence": "certain",
    "min_severity": "error",
    "max_findings": 7,
    "rules_off": ("off-by-one",),
    "dismissals": "team",
    "exclude": ("*.py",),
    "max_file_bytes": 7777,
    "cache_ttl_s": 777,
    "cache_stale_s": 777,
    "cache_max_bytes": 7_777_777,
    "disk_cache": False,
    "disk_cache_max_bytes": 7_777_777,
    "warm": "off",
    "warm_max_tokens": 777,
    "local_model": "qwen2.5-coder-0.5b",
    "local_threads": 3,
    "local_context": 2048,
    "log_level": "debug",
    "log_file": "/var/log/kibitz.log",
    "access_log": False,
    "trust_env": True,
    "prometheus_ports": "any",
    "opentelemetry": True,
}
"""All others: who pays, when and how fast, where it is kept, and what of it is shown."""
PIECE = "def mean(values):\n    return sum(values) / len(values)\n"


def identity_of(settings: Settings) -> Identity:
    choice = choose(settings, embedded=lambda: False)
    config = known_config(settings, choice)
    name = "embedded" if choice.provider == "local" else ""
    return whose(identity(config, name), verifier(config), settings.verify, asked=False).identity


def digests(text: str, **settings: Any) -> list[str]:
    who = identity_of(Settings(**settings))
    return [entry.digest for entry in entries_of(text, "python", who)]


def test_every_setting_counts_or_does_not() -> None:
    assert COUNTS.keys() | DOES_NOT_COUNT.keys() == Settings.model_fields.keys()
    assert not COUNTS.keys() & DOES_NOT_COUNT.keys()


@pytest.mark.parametrize("name", COUNTS)
def test_a_setting_that_shapes_answers_changes_every_key(name: str) -> None:
    before, after = digests(PIECE, **REMOTE), digests(PIECE, **REMOTE | {name: COUNTS[name]})
    assert not set(before) & set(after)


@pytest.mark.parametrize("name", DOES_NOT_COUNT)
def test_any_other_setting_changes_none(name: str) -> None:
    defaults = Settings(**REMOTE)
    changed = Settings(**REMOTE | {name: DOES_NOT_COUNT[name]})
    assert getattr(changed, name) != getattr(defaults, name)
    assert digests(PIECE, **REMOTE) == digests(PIECE, **REMOTE | {name: DOES_NOT_COUNT[name]})


def test_what_a_project_adds_counts() -> None:
    who = identity_of(Settings(**REMOTE))

    def keys(guidance: Guidance | None) -> tuple[str, ...]:
        return tuple(entry.digest for entry in entries_of(PIECE, "python", who, guidance=guidance))

    one, worse = ProjectRule("project/a", "A", "a"), ProjectRule("project/a", "A", "a", Severity.ERROR)
    guidances = [None, *(guidance_of((rule,), "") for rule in (one, worse)), guidance_of((one,), "About it")]
    assert len({keys(guidance) for guidance in guidances}) == len(guidances)
    assert keys(None) == tuple(digests(PIECE, **REMOTE))


def test_the_embedded_model_counts_by_its_name_and_room() -> None:
    plain = digests(PIECE, **LOCAL)
    assert digests(PIECE, **LOCAL, local_context=2048) != plain
    assert digests(PIECE, **LOCAL, local_threads=3, model="gpt-6-sol") == plain


def test_where_when_and_by_whom_are_not_even_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for = {"text", "language", "identity", "accepted", "guidance"}
    no_key_goes_by = {"known", "edited"}
    assert inspect.signature(entries_of).parameters.keys() == asked_for | no_key_goes_by
    before = digests(PIECE, **REMOTE)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(os, "getcwd", lambda: "/elsewhere")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another-9876543210")
    monkeypatch.setenv("USER", "somebody-else")
    assert digests(PIECE, **REMOTE) == before


NAMES = ("alpha", "bravo", "delta", "gamma", "kappa", "sigma")
BODIES = st.sampled_from(
    ["return 1", "return sum(range(9))", "total = 2\n    return total", "raise ValueError"]
)
COMMENTS = st.sampled_from(["", "# a comment\n", "# été 🎄\n\n", "\n\n\n", "'''words'''\n"])
FUNCTIONS = st.lists(
    st.tuples(st.sampled_from(NAMES), BODIES), min_size=2, max_size=6, unique_by=lambda f: f[0]
)


def function(name: str, body: str) -> str:
    return f"def {name}(a):\n    {body}\n"


def by_name(text: str) -> dict[str, str]:
    who = identity_of(Settings(**REMOTE))
    return {entry.unit.name: entry.digest for entry in entries_of(text, "python", who)}


@settings(deadline=None, max_examples=50)  # the first one loads the parser
@given(FUNCTIONS, st.data())
def test_what_other_units_say_and_where_they_stand_does_not_count(
    functions: list[tuple[str, str]], data: st.DataObject
) -> None:
    before = by_name("\n\n".join(function(*each) for each in functions))
    others = data.draw(st.permutations(functions))
    changed = data.draw(st.sampled_from(functions))[0]
    inside = data.draw(
        st.sampled_from(["# other\n    return 7", "return 8  # other", "return [\n        1]"])
    )
    parts = [
        function(name, inside if name == changed else body) + data.draw(COMMENTS) for name, body in others
    ]
    after = by_name("\n\n".join([data.draw(COMMENTS), *parts]))
    same = {name for name, _ in functions} - {changed}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after[changed] != before[changed]


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(NAMES), BODIES, BODIES, st.sampled_from(["python", "ruby", "go"]))
def test_the_text_of_a_unit_its_context_and_its_language_count(
    name: str, body: str, other: str, language: str
) -> None:
    who = identity_of(Settings(**REMOTE))
    text = function(name, body)
    key = [entry.digest for entry in entries_of(text, "python", who)]
    assert ([e.digest for e in entries_of(function(name, other), "python", who)] == key) == (body == other)
    assert ([e.digest for e in entries_of(text, language, who)] == key) == (language == "python")
    limit = f"LIMIT = 3\n\n\ndef {name}(a):\n    return a < LIMIT\n"
    assert by_name(limit)[name] != by_name(limit.replace("3", "4"))[name], "it mentions what changed"
