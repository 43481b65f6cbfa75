"""The hooks for pre-commit, run by the real one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from identify.identify import ALL_TAGS
from tests.docs.pages import ROOT
from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.git_repository import GitRepository

HOOKS = ROOT / ".pre-commit-hooks.yaml"
BIN = Path(sys.executable).parent
BUGGY = "def mean(values):\n    return sum(values) / len(value)\n"


def test_both_hooks_are_the_same_but_for_where_kibitz_comes_from() -> None:
    own, system = yaml.safe_load(HOOKS.read_text(encoding="utf-8"))
    assert (own["language"], system["language"]) == ("python", "system")
    told = {"id", "name", "description", "language", "additional_dependencies"}
    assert {k: v for k, v in own.items() if k not in told} == {
        k: v for k, v in system.items() if k not in told
    }
    assert set(own["types_or"]) <= ALL_TAGS


@pytest.mark.deep
def test_a_commit_with_a_bug_is_stopped_and_asks_about_what_is_staged_alone(tmp_path: Path) -> None:
    hooks = GitRepository(tmp_path / "hooks")
    hooks.commit({HOOKS.name: HOOKS.read_text(encoding="utf-8")}, 1_700_000_000)
    work = GitRepository(tmp_path / "work")
    work.commit({"a.py": "def twice(x):\n    return x * 2\n", "b.md": "words\n"}, 1_700_000_000)
    repo = {"repo": str(hooks.top), "rev": hooks.git("rev-parse", "HEAD"), "hooks": [{"id": "kibitz-system"}]}
    work.write({"a.py": f"def twice(x):\n    return x * 2\n\n\n{BUGGY}", "b.md": "other words\n"})
    work.write({".pre-commit-config.yaml": yaml.safe_dump({"repos": [repo]})})
    work.git("add", "-A")
    with FakeProvider(reviewer(Bug("len(value)", "len(values)")), key=canary.KEY).in_thread() as fake:
        done = subprocess.run(
            [BIN / "pre-commit", "run"],
            cwd=work.top,
            env={
                **{
                    name: value
                    for name, value in os.environ.items()
                    if not name.startswith(("GIT_", "KIBITZ_"))
                },
                "PATH": f"{BIN}{os.pathsep}{Path(shutil.which('git') or '').parent}{os.pathsep}/usr/bin:/bin",
                "HOME": str(tmp_path),
                "PRE_COMMIT_HOME": str(tmp_path / "pre-commit"),
                "KIBITZ_STATE_DIR": str(tmp_path / "state"),
                "OPENAI_BASE_URL": fake.base_url,
                "OPENAI_API_KEY": canary.KEY,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert len(fake.requests) == 1
        asked = str(fake.requests[0].body)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "a.py:6:5 warning" in done.stdout
    assert "def mean" in asked
    assert "return x * 2" not in asked
