from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from kibitz import __version__
from kibitz.cli.entry import run
from kibitz.cli.options import EDITOR_ONLY
from kibitz.config import Source, setting_names
from kibitz.config.settings import owned
from kibitz.findings.rules import RULES


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"kibitz {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["check"], ["rules", "--format", "xml"], ["serve", "x"]]
)
def test_mistakes_end_with_2_and_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Usage: kibitz" in captured.err


@pytest.mark.parametrize("command", ["check", "serve", "model", "cache", "doctor", "rules", "trust"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    assert f"Usage: kibitz {command}" in capsys.readouterr().out


def test_check_has_an_option_for_each_setting_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    run(["check", "--help"])
    text = capsys.readouterr().out
    for name in setting_names():
        wanted = Source.CLI in owned(name).by and name not in EDITOR_ONLY
        assert (f"--{name.replace('_', '-')} " in text) is wanted, name


def test_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules"]) == 0
    table = capsys.readouterr().out
    assert all(code in table for code in RULES)
    code = next(iter(RULES))
    assert run(["rules", code]) == 0
    assert RULES[code].definition in capsys.readouterr().out
    assert run(["rules", "--format", "json"]) == 0
    assert [rule["code"] for rule in json.loads(capsys.readouterr().out)] == list(RULES)
    assert run(["rules", code, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["code"] == code
    assert run(["rules", code[:-1]]) == 2
    assert f"Did you mean {code}?" in capsys.readouterr().err


def test_models_that_are_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["model", "list"]) == 0
    out = capsys.readouterr().out
    assert "qwen2.5-coder-1.5b" in out
    assert "kibitz model pull smollm2-135m" in out
    assert run(["model", "remove", "smollm2-135m"]) == 0
    assert "was not installed" in capsys.readouterr().out
    assert run(["model", "pull", "smollm"]) == 2
    assert "smollm2-135m" in capsys.readouterr().err


def test_a_pipe_that_nobody_reads_is_not_findings() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "kibitz.cli", "rules"], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 141


def test_serve_starts_without_the_command_lines_weight() -> None:
    code = (
        "import sys, types\n"
        "fake = types.ModuleType('kibitz.lsp.start')\n"
        "loaded = lambda: sorted({name.partition('.')[0] for name in sys.modules})\n"
        "fake.main = lambda settings: print(settings, loaded())\n"
        "sys.modules['kibitz.lsp.start'] = fake\n"
        "from kibitz.cli import main\n"
        "main(['serve', '--stdio', '--model', 'm'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("{'model': 'm'}")
    for heavy in ("click", "rich", "pydantic", "platformdirs", "openai", "asyncio", "tree_sitter", "pygls"):
        assert f"'{heavy}'" not in done.stdout, heavy
