from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.config import (
    Loaded,
    Reported,
    Settings,
    Source,
    default_user_file,
    fingerprint,
    load,
    setting_names,
)
from kibitz.config.settings import owned

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "sk-proj-canary-0123456789"
NOWHERE = Path("/nonexistent/kibitz.toml")


def read(*, toml: Path = NOWHERE, env: dict[str, str] | None = None, **sources: Any) -> Loaded:
    return load(user_file=toml, environ=env or {}, **sources)


@pytest.fixture
def toml(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str | bytes, mode: int = 0o600) -> Path:
        path = tmp_path / "config.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(mode)
        return path

    return write


def test_nothing_given_means_the_defaults() -> None:
    loaded = read()
    assert loaded.settings == Settings()
    assert loaded.problems == ()
    assert set(loaded.origins) == set(setting_names())
    assert set(loaded.origins.values()) == {Source.DEFAULT}
    assert not loaded.is_set("model")


def test_each_source_overrides_the_one_before(toml: Callable[..., Path]) -> None:
    path = toml('model = "file"\nmax_tokens = 100\ntimeout_ms = 1111\ndebounce_ms = 1\n')
    loaded = read(
        toml=path,
        env={"KIBITZ_MAX_TOKENS": "200", "KIBITZ_TIMEOUT_MS": "2222", "KIBITZ_DEBOUNCE_MS": "2"},
        cli={"timeout_ms": "3333", "debounce_ms": 3, "model": None},
        lsp={"debounceMs": 4},
    )
    assert loaded.problems == ()
    settings = loaded.settings
    assert (settings.model, settings.max_tokens, settings.timeout_ms, settings.debounce_ms) == (
        "file",
        100 * 2,
        3333,
        4,
    )
    assert [loaded.origins[name] for name in ("model", "max_tokens", "timeout_ms", "debounce_ms")] == [
        Source.FILE,
        Source.ENVIRONMENT,
        Source.CLI,
        Source.LSP,
    ]
    assert loaded.where("max_tokens") == "environment variable KIBITZ_MAX_TOKENS"
    assert loaded.where("timeout_ms") == "option --timeout-ms"
    assert loaded.is_set("model")


def test_conventional_names_work_and_ours_win() -> None:
    env = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://one.example/v1"}
    loaded = read(env=env)
    assert loaded.settings.api_key is not None
    assert loaded.settings.api_key.get_secret_value() == KEY
    assert loaded.settings.base_url == "https://one.example/v1"
    assert loaded.where("api_key") == "environment variable OPENAI_API_KEY"
    loaded = read(env={**env, "KIBITZ_API_KEY": "another-key", "KIBITZ_BASE_URL": "https://two.example/v1/"})
    assert loaded.settings.api_key is not None
    assert loaded.settings.api_key.get_secret_value() == "another-key"
    assert loaded.settings.base_url == "https://two.example/v1"


def test_an_empty_variable_is_not_set() -> None:
    assert read(env={"OPENAI_API_KEY": "", "KIBITZ_MODEL": "", "KIBITZ_MAX_TOKENS": ""}) == read()
    assert read(env={"KIBITZ_MODEL_DIR": "/models"}) == read()


def test_one_bad_value_does_not_lose_the_rest(toml: Callable[..., Path]) -> None:
    path = toml('timout_ms = 5\nmax_retries = "many"\nmin_confidence = "certian"\nmodel = "kept"\n')
    loaded = read(toml=path, env={"KIBITZ_MAX_TOKENS": "1.5", "KIBITZ_MAX_FINDINGS": "7"})
    assert (loaded.settings.model, loaded.settings.max_findings) == ("kept", 7)
    assert (loaded.settings.max_retries, loaded.settings.min_confidence) == (2, "likely")
    words = "is not used: it should be 'certain', 'likely' or 'unsure'. Did you mean certain?"
    integer = "is not used: it should be a valid integer, unable to parse string as an integer"
    file, variable = f"(user file {path})", "(environment variable KIBITZ_MAX_TOKENS)"
    assert [str(problem) for problem in loaded.problems] == [
        f"timout_ms = 5 {file} is not used: there is no such setting. Did you mean timeout_ms?",
        f"max_retries = 'many' {file} {integer}",
        f"min_confidence = 'certian' {file} {words}",
        f"max_tokens = '1.5' {variable} {integer}",
    ]


def test_a_bad_value_leaves_the_one_below_it_standing() -> None:
    loaded = read(env={"KIBITZ_MAX_TOKENS": "512"}, cli={"max_tokens": "0"})
    assert loaded.settings.max_tokens == 512
    assert loaded.origins["max_tokens"] is Source.ENVIRONMENT
    assert len(loaded.problems) == 1


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('model = "x"\nmax_tokens =\n', "line 2"),
        (b'model = "x"\n# \xff\n', "line 2"),
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("max_tokens = " + "1" * 4400, "a number that is too long"),
        ("x" * 1_100_000, "larger than"),
    ],
)
def test_a_malformed_file_is_one_problem_and_the_rest_applies(
    toml: Callable[..., Path], text: str | bytes, place: str
) -> None:
    loaded = read(toml=toml(text), env={"KIBITZ_MODEL": "from-env"})
    assert loaded.settings.model == "from-env"
    (problem,) = loaded.problems
    assert place in problem.message
    assert "None of its settings apply" in problem.message


def test_a_file_with_bom_and_crlf_is_read(toml: Callable[..., Path]) -> None:
    loaded = read(toml=toml(b'\xef\xbb\xbfmodel = "x"\r\nmax_retries = 1\r\n'))
    assert (loaded.settings.model, loaded.settings.max_retries, loaded.problems) == ("x", 1, ())


def test_a_variable_of_any_name_is_shown_on_one_line() -> None:
    (problem,) = read(env={"KIBITZ_\x1b[2J\n": "x"}).problems
    assert problem.message.isprintable()


def test_a_folder_in_the_place_of_the_file_is_a_problem(tmp_path: Path) -> None:
    (problem,) = read(toml=tmp_path).problems
    assert "cannot be read" in problem.message


def test_only_a_file_that_was_named_has_to_exist(tmp_path: Path) -> None:
    env = {"KIBITZ_CONFIG": str(tmp_path / "gone.toml")}
    assert default_user_file(env) == tmp_path / "gone.toml"
    (problem,) = load(environ=env).problems
    assert "gone.toml) is not used" in problem.message or "gone.toml is not used" in problem.message
    assert "KIBITZ_CONFIG" in problem.advice


def test_the_default_file_is_in_the_platforms_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("KIBITZ_CONFIG", raising=False)
    path = default_user_file()
    assert (path.name, path.parent.name) == ("config.toml", "kibitz")


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_key_that_others_can_reach_is_refused(toml: Callable[..., Path], mode: int) -> None:
    path = toml(f'api_key = "{KEY}"\nmodel = "x"\n', mode)
    loaded = read(toml=path)
    assert loaded.settings.api_key is None
    assert loaded.settings.model == "x"
    (problem,) = loaded.problems
    assert f"chmod 600 {path}" in problem.message
    assert KEY not in problem.message


def test_a_key_in_a_private_file_is_used(toml: Callable[..., Path]) -> None:
    loaded = read(toml=toml(f'api_key = "{KEY}"\n'))
    assert loaded.problems == ()
    assert loaded.settings.api_key is not None
    assert KEY not in repr(loaded) + str(loaded.settings)


@pytest.mark.parametrize(
    "env",
    [
        {"OPENAI_API_KEY": KEY + "\n"},
        {"OPENAI_API_KEY": KEY + " x"},
        {"KIBITZ_API_KEY": "short"},
        {"KIBITZ_API_KYE": KEY},
        {"KIBITZ_MODEL": KEY + " "},
        {"KIBITZ_BASE_URL": f"https://user:{KEY}@host/v1"},
        {"KIBITZ_OPENAI_TOKEN": "hunter2hunter2"},
    ],
)
def test_no_message_shows_a_secret(env: dict[str, str]) -> None:
    loaded = read(env=env)
    (problem,) = loaded.problems
    assert KEY not in repr(problem) + problem.message
    assert "hunter2" not in problem.message
    assert loaded.settings == Settings()


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in setting_names()
        if name
        not in {
            "enabled",
            "early",
            "trigger",
            "debounce_ms",
            "debounce_max_ms",
            "diagnostics",
            "languages",
            "include",
            "max_delay_ms",
            "min_confidence",
            "min_severity",
            "max_findings",
            "rules_off",
            "dismissals",
            "exclude",
            "max_file_bytes",
            "requests_per_minute",
            "tokens_per_minute",
            "max_concurrency",
            "max_request_tokens",
            *(
                f"budget_{kind}_per_{period}"
                for kind in ("usd", "requests", "tokens")
                for period in ("hour", "day")
            ),
            "warm_max_tokens",
        }
    ],
)
def test_the_editor_may_not_set(name: str) -> None:
    value = "https://evil.example/v1" if name == "base_url" else "1"
    loaded = read(lsp={name: value})
    assert loaded.settings == Settings()
    (problem,) = loaded.problems
    assert "the editor may not set it" in problem.message
    if Source.ENVIRONMENT in owned(name).by:
        assert f"KIBITZ_{name.upper()}" in problem.advice
    else:
        assert problem.advice == "It may be set in the user file"


SECRETS = {
    "api_keys": "sk-one-0123456789,sk-two-0123456789",
    "fallback_api_key": "sk-one-0123456789",
    "redis_url": "redis://:hunter2@cache.example:6379/0",
    "shared_cache_secret": "hunter2-of-the-whole-team",
}


@pytest.mark.parametrize("name", SECRETS)
def test_what_is_secret_comes_from_the_environment_and_is_never_shown(name: str) -> None:
    loaded = read(env={f"KIBITZ_{name.upper()}": SECRETS[name]})
    assert not loaded.problems
    assert loaded.is_set(name)
    assert "sk-one" not in repr(loaded)
    assert "hunter2" not in repr(loaded)


def test_a_pool_of_keys_is_a_list() -> None:
    loaded = read(env={"KIBITZ_API_KEYS": SECRETS["api_keys"]})
    assert [key.get_secret_value() for key in loaded.settings.api_keys] == SECRETS["api_keys"].split(",")


@pytest.mark.parametrize("name", SECRETS)
def test_a_file_that_others_can_read_gives_no_secret(name: str, toml: Callable[..., Path]) -> None:
    value = f'["{KEY}"]' if name == "api_keys" else f'"{SECRETS[name]}"'
    (problem,) = read(toml=toml(f"{name} = {value}\n", 0o644)).problems
    assert "chmod 600" in problem.message
    assert not read(toml=toml(f"{name} = {value}\n")).problems


@pytest.mark.parametrize("url", ["http://host", "redis://", "redis://host:port", "unix://", "host:6379"])
def test_an_address_that_is_no_redis_is_refused(url: str) -> None:
    (problem,) = read(env={"KIBITZ_REDIS_URL": url}).problems
    assert "redis://host:6379/0" in problem.message or "unix:///" in problem.message


@pytest.mark.parametrize("secret", ["short", "sixteen characters and spaces", "x" * 513])
def test_a_secret_that_can_be_guessed_is_refused(secret: str) -> None:
    (problem,) = read(env={"KIBITZ_SHARED_CACHE_SECRET": secret}).problems
    assert "16 to 512" in problem.message
    assert secret not in problem.message


def test_a_key_is_never_taken_from_the_command_line() -> None:
    loaded = read(cli={"api_key": KEY})
    assert loaded.settings.api_key is None
    assert "command line may not set it" in loaded.problems[0].message


def test_the_editor_only_lowers_limits() -> None:
    loaded = read(
        env={"KIBITZ_MAX_FINDINGS": "5"},
        lsp={"maxFindings": 6, "maxConcurrency": 2, "max_file_bytes": 1000, "tokensPerMinute": 200_000},
    )
    assert (loaded.settings.max_findings, loaded.settings.max_concurrency) == (5, 2)
    assert loaded.settings.max_file_bytes == 1000
    assert loaded.origins["max_findings"] is Source.ENVIRONMENT
    assert loaded.origins["max_concurrency"] is Source.LSP
    (problem,) = loaded.problems
    assert problem.message == (
        "max_findings = 6 (the editor's setting kibitz.maxFindings) is not used: "
        "the editor may only lower it, and it is 5"
    )


def test_the_editor_adds_to_lists() -> None:
    loaded = read(env={"KIBITZ_RULES_OFF": "a, b"}, lsp={"rulesOff": ["b", "c"], "exclude": ["*.gen.py"]})
    assert loaded.settings.rules_off == ("a", "b", "c")
    assert loaded.settings.exclude == ("*.gen.py",)


def test_other_sources_replace_lists(toml: Callable[..., Path]) -> None:
    path = toml('rules_off = ["a"]\nexclude = ["x", "y"]\n')
    loaded = read(toml=path, env={"KIBITZ_RULES_OFF": "b"}, cli={"exclude": ("[ab]*.py", "c,d")})
    assert loaded.settings.rules_off == ("b",)
    assert loaded.settings.exclude == ("[ab]*.py", "c", "d")
    assert read(env={"KIBITZ_EXCLUDE": '["a,b", "c"]'}).settings.exclude == ("a,b", "c")


@pytest.mark.parametrize(
    "section", [None, {}, [], {"kibitz": {}}, {"trace": {"server": "off"}}, {"model": None}]
)
def test_an_editor_that_says_nothing_changes_nothing(section: object) -> None:
    assert read(lsp=section) == read()


def test_a_section_that_is_no_object_is_a_problem() -> None:
    (problem,) = read(lsp=[{"enabled": False}]).problems
    assert "should be an object" in problem.message


def test_a_section_may_be_wrapped() -> None:
    assert read(lsp={"kibitz": {"enabled": False}}).settings.enabled is False


def test_a_hostile_section_is_reported_in_bounds() -> None:
    loaded = read(lsp={f"no{i}\x1b[31m": "x" * 10_000 for i in range(5_000)})
    assert len(loaded.problems) == 21
    assert "too many problems" in loaded.problems[-1].message
    assert all(len(str(problem)) < 500 for problem in loaded.problems)
    assert all(str(problem).isprintable() for problem in loaded.problems)


def test_a_truth_value_is_no_number() -> None:
    loaded = read(lsp={"debounceMs": True, "enabled": 0})
    assert loaded.settings.debounce_ms == 500
    assert loaded.settings.enabled is False
    assert [problem.setting for problem in loaded.problems] == ["debounce_ms"]


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://api.example/v1", True),
        ("http://127.0.0.1:8080/v1", True),
        ("http://localhost:11434/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://192.168.1.5/v1", False),
        ("http://localhost.evil.example/v1", False),
        ("http://127.0.0.1.evil.example/v1", False),
        ("ftp://x/v1", False),
        ("api.example/v1", False),
        ("https://", False),
        ("https://h:99999/", False),
        ("https://h/v1?key=1", False),
    ],
)
def test_addresses(url: str, good: bool) -> None:
    loaded = read(env={"KIBITZ_BASE_URL": url})
    assert (loaded.settings.base_url == url) is good
    assert (loaded.problems == ()) is good


def test_paths(tmp_path: Path) -> None:
    assert read(cli={"log_file": str(tmp_path / "x.log")}).settings.log_file == tmp_path / "x.log"
    assert read(cli={"log_file": "~/x.log"}).settings.log_file == Path("~/x.log").expanduser()
    assert "absolute" in read(cli={"log_file": "x.log"}).problems[0].message


def test_off_sends_no_reasoning_effort() -> None:
    loaded = read(env={"KIBITZ_REASONING_EFFORT": "off"})
    assert loaded.settings.reasoning_effort is None
    assert loaded.is_set("reasoning_effort")


def test_each_problem_is_reported_once() -> None:
    reported = Reported()
    first = read(env={"KIBITZ_MODLE": "x"}).problems
    assert reported.fresh(first) == first
    assert reported.fresh(first) == ()
    both = read(env={"KIBITZ_MODLE": "x"}, lsp={"model": "y"}).problems
    assert [problem.source for problem in reported.fresh(both)] == [Source.LSP]


def test_a_fingerprint_reveals_nothing() -> None:
    assert fingerprint(KEY) != fingerprint(KEY + "1")
    assert len(fingerprint(KEY)) == 8


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(setting_names()) | st.text(max_size=12), _json, max_size=6))
def test_whatever_an_editor_sends_the_limits_hold(section: dict[str, object]) -> None:
    loaded = read(lsp=section)
    mine = Settings()
    for name in ("requests_per_minute", "tokens_per_minute", "max_concurrency", "max_request_tokens"):
        assert getattr(loaded.settings, name) <= getattr(mine, name)
    for name in ("api_key", "base_url", "model", "provider", "log_file", "timeout_ms", "local_model"):
        assert getattr(loaded.settings, name) == getattr(mine, name)
    assert all(problem.message.isprintable() for problem in loaded.problems)
