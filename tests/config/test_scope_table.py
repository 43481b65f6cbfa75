"""Who may set what: each setting, from each source, held against a table that is written out here.

A setting that is new fails these tests until somebody decides what a workspace may do with it.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from kibitz.config import Settings, load
from kibitz.config.owners import Source
from kibitz.config.prices import Price
from kibitz.config.settings import is_secret, owned, setting_names

if TYPE_CHECKING:
    from pathlib import Path

KEY, OTHER = "sk-one-0123456789abcdef", "sk-two-0123456789abcdef"

# What the user says, and what an attacker would rather have. Never from the editor, so from no workspace:
# who is asked, with what key, over what way, how much at most, what is kept, logged and written where.
USER_ONLY: dict[str, tuple[Any, Any]] = {
    "provider": ("local", "openai"),
    "api_key": (KEY, OTHER),
    "api_keys": ([KEY], [OTHER]),
    "api_key_file": ("/u/key", "/w/key"),
    "api_key_command": (["/u/key"], ["/w/key"]),
    "api_key_keyring": ("mine", "theirs"),
    "base_url": ("https://mine.example/v1", "https://evil.example/v1"),
    "model": ("mine", "theirs"),
    "fallback_model": ("mine", "theirs"),
    "fallback_base_url": ("https://mine.example/v1", "https://evil.example/v1"),
    "fallback_api_key": (KEY, OTHER),
    "trust_env": (True, False),
    "api": ("chat", "responses"),
    "max_tokens": (100, 100_000),
    "temperature": (0.1, 2.0),
    "reasoning_effort": ("minimal", "high"),
    "timeout_ms": (1_000, 3_000_000),
    "max_retries": (0, 10),
    "initial_backoff_ms": (1_000, 1),
    "max_backoff_ms": (1_000, 1),
    "share_limits": ("machine", "off"),
    "redis_url": ("rediss://mine.example/0", "redis://evil.example/0"),
    "shared_cache": (False, True),
    "shared_cache_secret": ("0123456789abcdef-mine", "0123456789abcdef-evil"),
    "review": ("list", "rewrite"),
    "verify": ("off", "on"),
    "verify_model": ("mine", "theirs"),
    "cache_ttl_s": (60, 31_536_000),
    "cache_stale_s": (60, 31_536_000),
    "cache_max_bytes": (10_000_000, 20_000_000),
    "disk_cache": (False, True),
    "disk_cache_max_bytes": (10_000_000, 20_000_000),
    "warm": ("off", "recent"),
    "local_model": ("mine", "theirs"),
    "local_threads": (1, 2),
    "local_context": (8_192, 16_384),
    "log_level": ("warning", "debug"),
    "log_file": ("/u/log", "/w/log"),
    "access_log": (False, True),
    "prometheus_ports": ("9464-9473", "any"),
    "opentelemetry": (False, True),
    "ignore_budget": (False, True),
    "unusual_usage": ("pause", "off"),
    "prices": ({"m": {"input": 2, "output": 4}}, {"m": {"input": 0, "output": 0}}),
}
# The editor may make these stricter: the user's value, one that is looser, one that is stricter.
TIGHTENED: dict[str, tuple[Any, Any, Any]] = {
    "requests_per_minute": (10, 11, 9),
    "tokens_per_minute": (5_000, 5_001, 4_000),
    "max_concurrency": (3, 4, 2),
    "budget_usd_per_hour": (3, 4, 2),
    "budget_usd_per_day": (3, 4, 2),
    "budget_requests_per_hour": (3, 4, 2),
    "budget_requests_per_day": (3, 4, 2),
    "budget_tokens_per_hour": (3, 4, 2),
    "budget_tokens_per_day": (3, 4, 2),
    "max_request_tokens": (1_000, 1_001, 999),
    "max_findings": (5, 6, 4),
    "max_file_bytes": (1_000, 1_001, 999),
    "warm_max_tokens": (1_000, 1_001, 999),
    "enabled": (False, True, False),
    "trigger": ("save", "change", "manual"),
    "languages": (["python", "go"], ["rust"], ["go"]),
    "include": (["src/**", "lib/**"], ["other/**"], ["lib/**"]),
}
# The editor adds to these, and takes nothing out.
ADDED = {"rules_off": (["off-by-one"], ["null-deref"]), "exclude": (["secret/**"], ["more/**"])}
# What is shown, and when it is asked: nothing of it decides whom, with what, or how much at most.
FREE = {
    *("early", "debounce_ms", "debounce_max_ms", "max_delay_ms", "diagnostics"),
    *("min_confidence", "min_severity", "dismissals"),
}


def test_the_table_has_every_setting() -> None:
    assert sorted([*USER_ONLY, *TIGHTENED, *ADDED, *FREE]) == sorted(setting_names())


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {toml(each)}" for name, each in value.items()) + " }"
    return json.dumps(value)


def user_file(tmp_path: Path, values: dict[str, Any]) -> Path:
    path = tmp_path / "config.toml"
    path.write_text("".join(f"{name} = {toml(value)}\n" for name, value in values.items()))
    path.chmod(0o600)
    return path


def read(tmp_path: Path, values: dict[str, Any], **sources: Any) -> Any:
    return load(user_file=user_file(tmp_path, values), environ=sources.pop("environ", {}), **sources)


def plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if hasattr(value, "get_secret_value"):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, Price):
        return {"input": int(value.input), "output": int(value.output)}
    if isinstance(value, Decimal):
        return int(value)
    return value if isinstance(value, int | float | type(None)) else str(value)


@pytest.mark.parametrize("by_folder", [False, True], ids=["window", "folder"])
@pytest.mark.parametrize("camel", [False, True], ids=["snake", "camel"])
@pytest.mark.parametrize("name", USER_ONLY)
def test_the_editor_sets_nothing_that_is_the_users(
    name: str, tmp_path: Path, *, camel: bool, by_folder: bool
) -> None:
    mine, theirs = USER_ONLY[name]
    head, *rest = name.split("_")
    section = {head + "".join(each.title() for each in rest) if camel else name: theirs}
    sources = {"folders": {"/w": section}} if by_folder else {"lsp": section}
    for values, expected in (({name: mine}, mine), ({}, plain(Settings.model_fields[name].default))):
        loaded = read(tmp_path, values, **sources)
        every = [loaded.settings, *loaded.folders.values()]
        assert [plain(getattr(each, name)) for each in every] == [expected] * len(every)
        assert any("may not set it" in problem.message for problem in loaded.problems)
        assert not any(OTHER in str(problem) for problem in loaded.problems)


@pytest.mark.parametrize("name", TIGHTENED)
def test_the_editor_only_tightens(name: str, tmp_path: Path) -> None:
    mine, looser, stricter = TIGHTENED[name]
    loaded = read(tmp_path, {name: mine}, lsp={name: looser})
    assert plain(getattr(loaded.settings, name)) == mine
    assert loaded.problems
    assert plain(getattr(read(tmp_path, {name: mine}, lsp={name: stricter}).settings, name)) == stricter
    for section in ({}, {name: stricter}):
        loaded = read(tmp_path, {name: mine}, lsp=section, folders={"/w": {name: looser}})
        found = {
            json.dumps(plain(getattr(each, name))) for each in (loaded.settings, *loaded.folders.values())
        }
        assert found <= {json.dumps(mine), json.dumps(stricter)}


@pytest.mark.parametrize("name", ADDED)
def test_the_editor_only_adds(name: str, tmp_path: Path) -> None:
    mine, more = ADDED[name]
    for section in (more, [], mine):
        loaded = read(tmp_path, {name: mine}, lsp={name: section}, folders={"/w": {name: section}})
        for settings in (loaded.settings, *loaded.folders.values()):
            assert set(mine) <= set(getattr(settings, name))


@pytest.mark.parametrize("name", setting_names())
def test_each_source_sets_what_it_owns_and_nothing_else(name: str, tmp_path: Path) -> None:
    by = owned(name).by
    assert Source.FILE in by
    assert (Source.LSP in by) == (name not in USER_ONLY)
    if is_secret(name):
        assert Source.CLI not in by
    value = {**USER_ONLY, **TIGHTENED, **ADDED}.get(name, (None,))[0]
    if value is None:
        return
    word = ",".join(map(str, value)) if isinstance(value, list) else str(value).lower()
    for source, given in (
        (Source.ENVIRONMENT, {"environ": {f"KIBITZ_{name.upper()}": word}}),
        (Source.CLI, {"cli": {name: word}}),
    ):
        loaded = read(tmp_path, {}, **given)
        is_set = plain(getattr(loaded.settings, name)) == value
        assert is_set == (source in by), f"{name} from {source}"
        assert bool(loaded.problems) != is_set


def test_nothing_is_looked_for_where_one_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file upward from the working folder, nor in it, is read as settings."""
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "a", deep):
        for name in ("config.toml", "kibitz.toml", ".kibitz.toml", ".env", "pyproject.toml"):
            (folder / name).write_text('model = "theirs"\nKIBITZ_MODEL=theirs\n')
    monkeypatch.chdir(deep)
    loaded = load(environ={})
    assert loaded.settings == Settings()
    assert loaded.problems == ()
