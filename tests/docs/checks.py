"""Who checks a block of code, by its language and page: each block has exactly one."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pre_commit.clientlib import load_config, load_manifest
from tests.docs import shell
from tests.docs.pages import ROOT, Block

from kibitz.app import project_files
from kibitz.app.bugreport.tails import _ACCESS
from kibitz.config import load
from kibitz.lsp.status import State, Status, counts_json
from kibitz.provider.keys.command import _from_json
from kibitz.review import dismissal_lines
from kibitz.telemetry.counts import Counts
from kibitz.text.languages import languages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[[Block, Path], None]

WORKFLOWS = {"# .github/workflows": "examples/ci/github.yml", "# .gitlab-ci.yml": "examples/ci/gitlab-ci.yml"}
PROGRAMS = ROOT / "tests/typing"
NAMED = {
    ("toml", "docs/editors/helix.md"): "tests/editors/test_helix.py",
    ("vim", "docs/editors/vim-ale.md"): "tests/docs/test_editor_blocks.py",
    ("lua", "docs/editors/neovim.md"): "tests/docs/test_editor_blocks.py",
    ("elisp", "docs/editors/emacs.md"): "tests/docs/test_editor_blocks.py",
    ("elisp", "README.md"): "tests/docs/test_editor_blocks.py",
    ("yaml", "docs/monitoring.md"): "tests/e2e/test_prometheus.py",
}
"""Blocks that another test runs, which reads the page: by language and page."""


def checkers(block: Block) -> list[Check]:
    """All that feel responsible for a block."""
    return [check for wants, check in _CHECKS if wants(block)]


def shell_block(block: Block, _folder: Path) -> None:
    """Each command names what there is."""
    wrong = [problem for command in shell.commands(block.text) for problem in shell.problems(command)]
    assert wrong == []


def settings_block(block: Block, folder: Path) -> None:
    """kibitz's own loader takes it, all of it."""
    path = folder / "config.toml"
    path.write_text(block.text, encoding="utf-8")
    path.chmod(0o600)
    loaded = load(user_file=path, environ={})
    assert loaded.problems == ()
    assert any(map(loaded.is_set, loaded.origins))


def named_block(block: Block, _folder: Path) -> None:
    """Another test reads the page, and runs what it has."""
    test = NAMED[block.language, block.page]
    assert Path(block.page).name in (ROOT / test).read_text(encoding="utf-8")


def python_block(block: Block, _folder: Path) -> None:
    """It is one of the programs that ``tests/test_library.py`` runs."""
    assert block.text in {path.read_text(encoding="utf-8") for path in PROGRAMS.glob("*.py")}


def workflow_block(block: Block, _folder: Path) -> None:
    """It is a file of examples/, which ``make docs`` holds against its schema, or a part of a workflow."""
    name = next((name for head, name in WORKFLOWS.items() if block.text.startswith(head)), None)
    if block.text.startswith("# A Valkey"):
        name = "examples/deploy/compose.yaml"
    if name is not None:
        assert block.text == (ROOT / name).read_text(encoding="utf-8")
    found = [*scripts(yaml.safe_load(block.text))]
    for script in found:
        assert [problem for each in shell.commands(script) for problem in shell.problems(each)] == []
    assert found or name


def scripts(node: Any) -> Iterator[str]:
    """What a workflow runs."""
    if isinstance(node, list):
        for each in node:
            yield from scripts(each)
    elif isinstance(node, dict):
        for name, each in node.items():
            if name in {"run", "script", "before_script"}:
                yield each if isinstance(each, str) else "\n".join(each)
            else:
                yield from scripts(each)


def hook_block(block: Block, folder: Path) -> None:
    """pre-commit takes it, and the hooks are there."""
    path = folder / ".pre-commit-config.yaml"
    path.write_text(block.text, encoding="utf-8")
    there = {hook["id"]: hook for hook in load_manifest(str(ROOT / ".pre-commit-hooks.yaml"))}
    for repo in load_config(str(path))["repos"]:
        for hook in repo["hooks"]:
            # The names of what is staged come last.
            words = [*there[hook["id"]]["entry"].split(), *hook.get("args", ()), "a.py"]
            assert [*shell.problems(shell.Command(tuple(words)))] == []


def dockerfile_block(block: Block, _folder: Path) -> None:
    """It is the file, what it copies is there, and a shell can read what it runs."""
    assert block.text == (ROOT / "examples/deploy/Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n", " ", block.text)
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", joined, re.MULTILINE):
        assert [name for name in sources.split() if not (ROOT / name).exists()] == []
    for script in re.findall(r"^RUN (.+)$", joined, re.MULTILINE):
        subprocess.run(["sh", "-n", "-c", script], check=True)  # noqa: S607 - any
        assert [problem for each in shell._extras(script.split("'")) for problem in [each]] == []


def status_block(block: Block, _folder: Path) -> None:
    """The status has these fields, and no others."""
    shown = json.loads(block.text)
    real = Status(State.IDLE, "all reviewed", today=Counts()).as_json()
    assert set(shown) == set(real)
    assert set(shown["today"]) <= set(counts_json(Counts()))
    assert shown["state"] in {state.value for state in State}


def access_block(block: Block, _folder: Path) -> None:
    """A line of the access log has these fields."""
    assert set(json.loads(block.text)) <= _ACCESS


def key_block(block: Block, _folder: Path) -> None:
    """A program may print that."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    key, seconds = _from_json(block.text.strip().replace("sk-…", "sk-0123456789"), now)
    assert key == "sk-0123456789"
    assert seconds > 0


def dismissals_block(block: Block, _folder: Path) -> None:
    """A file of dismissals may hold these lines."""
    text = block.text.replace("9f2c…", "9f2c" + "0" * 28)
    found = dismissal_lines.parse(text.encode("utf-8"), lambda _: True)
    assert len(found.every) == len(text.splitlines())
    assert found.numbers == ()


def editor_block(block: Block, folder: Path) -> None:
    """It starts the server, and its settings are ones that an editor may set."""
    found = [*_dictionaries(json.loads(block.text))]
    starts = [each for each in found if each.get("command") == ["kibitz", "serve"]]
    tasks = [each for each in found if each.get("command") == "kibitz"]
    assert len(starts) + len(tasks) == 1
    for task in tasks:
        assert [*shell.problems(shell.Command(("kibitz", *task["args"])))] == []
    for start in starts:
        section = start["settings"].get("kibitz") or {
            name.removeprefix("kibitz."): value for name, value in start["settings"].items()
        }
        loaded = load(lsp=section, environ={}, user_file=folder / "none")
        assert loaded.problems == ()
        assert any(map(loaded.is_set, loaded.origins))


def _dictionaries(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _dictionaries(each)


def rule_block(block: Block, folder: Path) -> None:
    """A project may have that rule."""
    rules = folder / ".kibitz/rules"
    rules.mkdir(parents=True)
    (rules / "no-print.md").write_text(block.text, encoding="utf-8")
    project = project_files.load(folder)
    assert project.problems == ()
    assert [rule.code for rule in project.rules] == ["project/no-print"]
    assert set(project.rules[0].languages) <= set(languages())


def drawing_block(block: Block, _folder: Path) -> None:
    """A drawing: of rooms that are there."""
    rooms = set(re.findall(r"  ([a-z]+)  ", block.text)) & {
        path.name for path in (ROOT / "server/kibitz").iterdir()
    }
    assert len(rooms) > 4


def toml_is_settings(block: Block) -> bool:
    return (
        block.language == "toml"
        and (block.language, block.page) not in NAMED
        and bool(tomllib.loads(block.text))
    )


def _of(language: str, *pages: str, begins: str = "") -> Callable[[Block], bool]:
    def wants(block: Block) -> bool:
        named = (block.language, block.page) in NAMED
        there = not pages or block.page in pages
        return block.language == language and there and block.text.startswith(begins) and not named

    return wants


_CHECKS: tuple[tuple[Callable[[Block], bool], Check], ...] = (
    (_of("sh"), shell_block),
    (toml_is_settings, settings_block),
    (lambda block: (block.language, block.page) in NAMED, named_block),
    (_of("python"), python_block),
    (lambda block: _of("yaml")(block) and not block.text.startswith("repos:"), workflow_block),
    (_of("yaml", begins="repos:"), hook_block),
    (_of("dockerfile"), dockerfile_block),
    (_of("json", "docs/editing.md"), status_block),
    (_of("json", "docs/logs.md"), access_block),
    (_of("json", "docs/keys.md"), key_block),
    (_of("json", "docs/dismissing.md"), dismissals_block),
    (_of("json", "docs/editors/others.md"), editor_block),
    (_of("markdown", "docs/project.md"), rule_block),
    (_of("text", "docs/architecture.md"), drawing_block),
)
