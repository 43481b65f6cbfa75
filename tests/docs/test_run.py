"""All commands of the pages, run by a real shell: in a repository of their own, with a provider on loopback.

What cannot be run is in ``shell.NOT_RUN``, with the reason; a line that has such a command is left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from tests.docs import shell
from tests.docs.checks import scripts
from tests.docs.pages import Block, blocks
from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.git_repository import GitRepository

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.deep, pytest.mark.timeout(600)]

FINDING = ("kibitz check", "kibitz doctor", "kibitz key status")
"""Commands for which 1 is no failure: they found something."""
BUGGY = "def mean(values):\n    return sum(values) / len(value)\n"
FILES = {
    "src/app.py": "def twice(number):\n    return number * 2\n",
    "src/orders.py": "def total(prices):\n    return sum(prices)\n",
    "AGENTS.md": "Amounts are in cents.\n",
}


def runnable() -> Iterator[tuple[str, str]]:
    """Where each script stands, and what of it can be run."""
    for block in blocks():
        for text in _scripts_of(block):
            lines = [line for line in shell.lines(text) if all(_runs(each) for each in shell.commands(line))]
            if any(each.words != ("export",) for line in lines for each in shell.commands(line)):
                yield str(block), "\n".join(lines)


def _scripts_of(block: Block) -> list[str]:
    if block.language == "yaml" and not block.text.startswith("repos:"):
        return [*scripts(yaml.safe_load(block.text))]
    return [block.text] if block.language == "sh" else []


def _runs(command: shell.Command) -> bool:
    return command.why_not_run is None


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider(reviewer(Bug("len(value)", "len(values)"))).in_thread() as fake:
        assert fake.batches is not None
        fake.batches.polls = 0
        yield fake


@pytest.fixture(scope="module")
def prepared(provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a repository in it: another branch, a change that is not committed, what pages speak of.

    All that there is to review is known, as it is when somebody tries one command after the other.
    """
    top = tmp_path_factory.mktemp("pages")
    origin = GitRepository(top / "origin")
    origin.commit(FILES, 1_700_000_000)
    origin.git("clone", "-q", str(origin.top), str(top / "home/work"))
    repository = GitRepository(top / "home/work")
    repository.commit({"src/more.py": FILES["src/app.py"]}, 1_700_000_100)
    repository.write({"src/app.py": f"{FILES['src/app.py']}\n\n{BUGGY}"})
    for name in ("src/shop/.kibitz", ".config/kibitz", "reports", "work/editors/vscode"):
        (top / "home" / name).mkdir(parents=True)
    # What earlier commands of pages leave behind: baselines, and answers to import.
    for arguments in (
        ("check", "--fail-on", "never", "--write-baseline", "known.jsonl", "."),
        ("check", "--fail-on", "never", "--write-baseline", "kibitz-baseline.jsonl", "."),
        ("cache", "export", "answers.jsonl"),
    ):
        subprocess.run(
            [sys.executable, "-m", "kibitz", *arguments],
            cwd=repository.top,
            env=environ(top, provider),
            check=True,
            capture_output=True,
        )
    return top


def environ(top: Path, provider: FakeProvider) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}/usr/local/bin:/usr/bin:/bin",
        "HOME": str(top / "home"),
        "KIBITZ_STATE_DIR": str(top / "state"),
        "KIBITZ_MODEL_DIR": str(top / "models"),
        "KIBITZ_MAX_RETRIES": "0",
        "OPENAI_BASE_URL": provider.base_url,
        "OPENAI_API_KEY": canary.KEY,
        "GITHUB_BASE_REF": "main",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }


def script_of(text: str) -> str:
    """The lines, each with its exit code told behind it."""
    tell = 'printf "%s %s\\n" {} $? >&3'
    return "\n".join(f"{line}\n{tell.format(number)}" for number, line in enumerate(text.split("\n")))


@pytest.mark.parametrize(("where", "text"), [*runnable()], ids=[where for where, _ in runnable()])
def test_commands_run(where: str, text: str, provider: FakeProvider, prepared: Path, tmp_path: Path) -> None:
    top, told = tmp_path / "top", tmp_path / "told"
    shutil.copytree(prepared, top)
    done = subprocess.run(
        ["bash", "-c", f"exec 3>'{told}'\n{kept_to_the_provider(text)}"],  # noqa: S607 - any
        cwd=top / "home/work",
        env=environ(top, provider),
        input="sk-a-key-that-was-pasted\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    codes = dict(line.split() for line in told.read_text().splitlines())
    lines = text.split("\n")
    assert len(codes) == len(lines), done.stderr
    for number, line in enumerate(lines):
        most = int(any(each in line for each in FINDING))
        assert int(codes[str(number)]) <= most, f"{where}: {line}\n{done.stdout}\n{done.stderr}"


def kept_to_the_provider(text: str) -> str:
    """The script, whatever it exports about addresses and keys: nothing here may leave this machine."""
    kept = ("OPENAI_BASE_URL", "OPENAI_API_KEY", "KIBITZ_REDIS_URL", "KIBITZ_API_KEY", "KIBITZ_MODEL_DIR")
    lines = [
        f"{':' if line.startswith('export') and any(name in line for name in kept) else line}"
        for line in text.split("\n")
    ]
    return script_of("\n".join(lines))
