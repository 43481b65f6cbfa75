"""What a report holds, and what never gets into it."""

from __future__ import annotations

import json
import os
import re
import stat
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.fake_provider import Bug, FakeProvider, reviewer

from kibitz.cli.entry import run

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-planted-0123456789abcdefABCDEF"
SOURCE = "def hush_hush(ledger):\n    return ledger.balance // 0\n"
PLANTED = {
    "the key in use": KEY,
    "a fallback key": "fallback-0123456789abcdefghij",
    "a password of Redis": "r3dis-passw0rd-of-us",
    "a secret of the team": "a-secret-of-the-whole-team",
    "a token of the environment": "token-value-of-the-environment",
    "a token of GitHub": "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "a key of Amazon": "AKIAQ3EGRPQXK7L2ZT5M",
    "a bearer": "abcdef0123456789.bearer",
    "the user": "ada.lovelace",
    "the machine": "difference-engine",
    "the project": "hush-hush-project",
    "a colleague": "babbage",
    "source code": "hush_hush",
    "the same": "ledger.balance",
    "an argument": "op://vault",
}

SECRETS = ("a fallback key", "a password of Redis", "a secret of the team", "a token of the environment")


@dataclass(frozen=True)
class World:
    """Somebody's machine, on which everything is planted where it might come from."""

    home: Path
    state: Path
    project: Path
    base_url: str

    def log(self) -> None:
        """The server's log, with lines of others."""
        trace = f'Traceback:\n  File "/x/a.py", line 3, in f\n    {SOURCE}\nValueError: {SOURCE}'
        where = f"{self.home}/work at {PLANTED['the machine']}, /home/babbage/x"
        lines: list[object] = [
            {"event": f"no answer with {KEY} in {where}", "logger": "kibitz.lsp", "level": "warning"},
            {
                "event": f"token {PLANTED['a token of GitHub']}, Bearer {PLANTED['a bearer']}",
                "logger": "kibitz",
            },
            {"event": " ".join(map(PLANTED.__getitem__, SECRETS)), "logger": "kibitz.cache"},
            {"event": f"body: {SOURCE}", "logger": "httpx2", "level": "debug"},
            {"event": "failed", "logger": "kibitz.app", "exception": trace, "step": SOURCE, "attempt": 2},
        ]
        (self.home / "kibitz.log").write_text(
            "".join(json.dumps({"timestamp": "2026-01-01T00:00:00Z", **line}) + "\n" for line in lines)  # type: ignore[dict-item]  # each is one
            + f"{SOURCE}export AWS_ACCESS_KEY_ID={PLANTED['a key of Amazon']}\n[{SOURCE!r}]\n{'[' * 5000}\n"
        )

    def trails(self) -> None:
        """The other two logs."""
        self.state.mkdir(parents=True, exist_ok=True)
        access = {"ts": "2026-01-01T00:00:00Z", "status": 200, "key": "0a1b2c3d", "model": SOURCE, SOURCE: 1}
        security = {"ts": "2026-01-01T00:00:00Z", "event": "KEY_REFUSED", "note": SOURCE, "reason": SOURCE}
        for name, line in (("access", access), ("security", security)):
            with (self.state / f"{name}.jsonl").open("a") as file:
                file.write(json.dumps(line) + f"\n{SOURCE}")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    home = tmp_path / "home" / PLANTED["the user"]
    project, state, config = home / PLANTED["the project"], home / "state", home / "config" / "kibitz"
    for folder in (project / ".git", project / ".kibitz" / "rules", config):
        folder.mkdir(parents=True)
    (project / "a.py").write_text(SOURCE)
    (project / "AGENTS.md").write_text(f"Mind {SOURCE}")
    (project / ".kibitz" / "rules" / "Wrong Name.md").write_text(SOURCE)
    (project / ".kibitz" / "dismissals.jsonl").write_text(f"{SOURCE}\n")
    (config / "config.toml").write_text(
        f'log_file = "{home}/kibitz.log"\nlog_level = "info"\nexclude = ["{home}/x"]\n'
        f'fallback_base_url = "https://spare.example"\nfallback_api_key = "{PLANTED["a fallback key"]}"\n'
        f'shared_cache_secret = "{PLANTED["a secret of the team"]}"\n'
        f'redis_url = "rediss://me:{PLANTED["a password of Redis"]}@127.0.0.1:1/0"\nmodle = "{KEY}"\n'
    )
    (config / "config.toml").chmod(0o600)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USER", PLANTED["the user"])
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config.parent))
    monkeypatch.setenv("KIBITZ_STATE_DIR", str(state))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("DEPLOY_TOKEN", PLANTED["a token of the environment"])
    monkeypatch.setattr("platform.node", lambda: PLANTED["the machine"])
    monkeypatch.chdir(project)
    return World(home, state, project, "")


def parts_of(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o600}
        return {name.partition("/")[2]: archive.read(name).decode() for name in archive.namelist()}


def test_nothing_that_is_planted_gets_into_it(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    bug = Bug("ledger.balance // 0", title="hush_hush divides by zero")
    with FakeProvider(reviewer(bug), key=KEY).in_thread() as fake:
        options = ["--base-url", fake.base_url, "--model", "fake-1"]
        assert run(["check", *options, "a.py"]) == 1
        world.log()
        world.trails()
        capsys.readouterr()
        assert run(["bugreport", *options, "--output", str(world.home)]) == 0
    out = capsys.readouterr().out
    (path,) = world.home.glob("kibitz-bugreport-*.zip")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    parts = parts_of(path)
    leaks = {
        (what, name)
        for what, words in PLANTED.items()
        for name, text in parts.items()
        if words.lower() in f"{name}\n{text}".lower()
    }
    assert leaks == set()
    assert str(world.home) not in "".join(parts.values())
    # What is in it is told before where it is.
    assert [name for name in parts if f"  {name:<22}" not in out] == []
    assert out.index("logs/security.jsonl") < out.index(str(path))


def test_it_says_what_helps(world: World) -> None:
    world.log()
    world.trails()
    assert run(["bugreport", "--output", str(world.home), "--base-url", "http://127.0.0.1:9/v1"]) == 0
    (path,) = world.home.glob("kibitz-bugreport-*.zip")
    parts = parts_of(path)
    settings: dict[str, Any] = json.loads(parts["settings.json"])
    assert settings["settings"]["base_url"] == {"value": "http://127.0.0.1:9/v1", "from": "option --base-url"}
    assert settings["settings"]["api_key"]["from"] == "environment variable OPENAI_API_KEY"
    assert settings["settings"]["exclude"]["value"] == ["~/x"]
    assert "Did you mean model?" in settings["problems"][0]
    versions = json.loads(parts["versions.json"])
    assert {"kibitz", "openai", "pygls", "tree-sitter-python"} <= set(versions["packages"])
    assert "pytest" not in versions["packages"]
    assert re.search(r"^ok      kibitz \d", parts["doctor.txt"], re.MULTILINE)
    assert "problem <folder>/.kibitz/dismissals.jsonl: 2 lines not understood" in parts["doctor.txt"]
    assert json.loads(parts["usage.json"])["total"]["requests"] == 0
    assert "kibitz_requests_total" in {each["name"] for each in json.loads(parts["metrics.json"])}
    said, token, _, library, failed, strange = map(json.loads, parts["logs/server.jsonl"].splitlines())
    assert said["event"] == "no answer with [key hidden] in ~/work at <user>, /home/<user>/x"
    assert "hidden]" in token["event"]
    assert library["event"] == "(said by a library: left out)"
    assert failed["exception"] == ['File "/x/a.py", line 3, in f']
    assert (failed["step"], failed["attempt"]) == ("(left out)", 2)
    assert strange == {"left_out": "5 lines that no kibitz wrote"}
    assert json.loads(parts["logs/access.jsonl"].splitlines()[0]) == {
        "ts": "2026-01-01T00:00:00Z",
        "status": 200,
        "key": "0a1b2c3d",
        "model": "(left out)",
    }
    assert json.loads(parts["logs/security.jsonl"].splitlines()[0])["event"] == "KEY_REFUSED"


def test_nothing_is_overwritten(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    there, link = world.home / "there.zip", world.home / "link.zip"
    there.write_text("mine")
    link.symlink_to(world.home / "elsewhere.zip")
    for path in (there, link):
        assert run(["bugreport", "--output", str(path)]) == 2
        assert "is there already, and is left as it is" in capsys.readouterr().err
    assert there.read_text() == "mine"
    assert not (world.home / "elsewhere.zip").exists()
    assert run(["bugreport", "--output", str(world.home / "no" / "such.zip")]) == 2
    assert "cannot be written: No such file or directory" in capsys.readouterr().err


def test_all_of_it_can_be_looked_at_first(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bugreport", "--show"]) == 0
    out = capsys.readouterr().out
    assert "--- settings.json\n{\n" in out
    assert PLANTED["the user"] not in out
    assert [*world.home.rglob("*.zip")] == []


def test_a_key_of_a_program_shows_neither_itself_nor_how_it_is_got(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = world.home / "printer"
    program.write_text(f"#!/bin/sh\nprintf '%s' {KEY[:-3]}$1\n")
    program.chmod(0o700)
    config = world.home / "config" / "kibitz" / "config.toml"
    config.write_text(
        f'api_key_command = ["{program}", "xyz", "op://vault/key"]\nlog_file = "{world.home}/l"\n'
    )
    (world.home / "l").write_text(
        json.dumps({"timestamp": "x", "logger": "kibitz", "event": f"<{KEY[:-3]}xyz>"}) + "\n"
    )
    monkeypatch.delenv("OPENAI_API_KEY")
    assert run(["bugreport", "--show"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out[out.index("{", out.index("--- settings.json")) : out.index("--- doctor.txt")])[
        "settings"
    ]["api_key_command"]["value"] == ["~/printer", "(2 arguments: left out)"]
    assert "op://vault" not in out
    assert "<[key hidden]>" in out


def test_a_log_that_is_none_is_not_read(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    (world.home / "kibitz.log").unlink(missing_ok=True)
    os.mkfifo(world.home / "kibitz.log")
    assert run(["bugreport", "--show"]) == 0
    assert "logs/server.jsonl" not in capsys.readouterr().out
