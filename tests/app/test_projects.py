"""What a folder says to reviewers is read only where it belongs, and only after it is trusted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kibitz.app.project_files import load
from kibitz.app.projects import HOLDS_S, Projects, root_of
from kibitz.findings.project import MAX_CONTEXT, MAX_RULES
from kibitz.guard.trust import Decision, Trust
from kibitz.review.result import Source


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    (root / ".kibitz" / "rules").mkdir(parents=True)
    return root


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def projects(tmp_path: Path, clock: Clock) -> Projects:
    return Projects(Trust(tmp_path / "config" / "trust.json"), timer=clock)


def rule(root: Path, name: str, text: str = "# A rule\nReport it.\n") -> Path:
    path = root / ".kibitz" / "rules" / f"{name}.md"
    path.write_text(text, "utf-8")
    return path


def test_a_project_is_the_innermost_repository_or_folder_with_kibitz(tmp_path: Path) -> None:
    for name in ("outer/.git", "outer/inner/.kibitz", "outer/inner/src", "outer/lib", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "elsewhere" / "tree").mkdir()
    (tmp_path / "elsewhere" / "tree" / ".git").write_text("gitdir: /x\n")
    found = {name: root_of(tmp_path / name) for name in ("outer/lib", "outer/inner/src", "elsewhere/tree")}
    assert found == {
        "outer/lib": tmp_path / "outer",
        "outer/inner/src": tmp_path / "outer" / "inner",
        "elsewhere/tree": tmp_path / "elsewhere" / "tree",
    }
    assert root_of(tmp_path / "elsewhere") is None
    assert root_of(tmp_path / "nowhere" / "at" / "all") is None


def test_where_a_file_is_in_its_project(root: Path, projects: Projects, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root / ".kibitz")
    assert projects.where(f"{root}/a.py") == (root, Path("a.py"))
    assert projects.where(f"{tmp_path}/link/rules/a.py") == (root, Path(".kibitz/rules/a.py"))
    assert projects.where(f"{tmp_path}/a.py") == (None, tmp_path / "a.py")


def test_all_that_a_project_says_is_read(root: Path) -> None:
    rule(root, "b-rule")
    rule(root, "a-rule", "---\nseverity: error\n---\n# Another\nReport that.\n")
    (root / "AGENTS.md").write_text("About the shop.\n")
    project = load(root)
    assert [each.code for each in project.rules] == ["project/a-rule", "project/b-rule"]
    assert (project.context, project.context_file) == ("About the shop.", "AGENTS.md")
    assert project.problems == ()
    (root / ".kibitz" / "context.md").write_text("Better.\n")
    assert load(root).context == "Better."


def test_a_folder_that_says_nothing(tmp_path: Path) -> None:
    assert not load(tmp_path)
    assert load(tmp_path).problems == ()


def test_what_cannot_be_used_is_told(root: Path) -> None:
    rule(root, "empty", "")
    rule(root, "Upper")
    rule(root, "binary").write_bytes(b"# A\n\xff")
    (root / ".kibitz" / "rules" / "folder.md").mkdir()
    rule(root, "good")
    (root / "AGENTS.md").write_text("x\n" * 40_000)
    project = load(root)
    assert [each.code for each in project.rules] == ["project/good"]
    assert len(project.context) <= MAX_CONTEXT
    assert [problem.partition(" ")[0] for problem in project.problems] == [
        *(f".kibitz/rules/{name}.md" for name in ("Upper", "binary", "empty", "folder")),
        "AGENTS.md",
    ]


def test_a_long_context_may_end_in_part_of_a_character(root: Path) -> None:
    (root / "AGENTS.md").write_bytes(b"x" + "é".encode() * 60_000)
    assert load(root).context.startswith("xé")


def test_no_more_rules_are_read_than_are_used(root: Path) -> None:
    for number in range(MAX_RULES + 2):
        rule(root, f"r{number:02}")
    project = load(root)
    assert len(project.rules) == MAX_RULES
    assert project.problems[0].startswith("rules left out: r20, r21; 20 rules and 8,000 characters")


@pytest.mark.parametrize("name", [".kibitz/rules/a.md", ".kibitz/context.md", "AGENTS.md"])
def test_a_link_out_of_the_project_is_not_followed(root: Path, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("# Secret\nAll of it.\n")
    (root / name).symlink_to(secret)
    project = load(root)
    assert not project
    assert project.problems == (f"{name} is a link out of the project",)


def test_a_folder_of_rules_elsewhere_is_not_followed(root: Path, tmp_path: Path) -> None:
    rule(root, "a")
    (root / ".kibitz" / "rules").rename(tmp_path / "rules")
    (root / ".kibitz" / "rules").symlink_to(tmp_path / "rules")
    assert not load(root)


def test_a_pipe_blocks_nothing(root: Path) -> None:
    os.mkfifo(root / "AGENTS.md")
    assert load(root).problems == ("AGENTS.md cannot be read: it is not a regular file",)


def test_of_a_project_that_is_not_trusted_nothing_is_used(root: Path, projects: Projects) -> None:
    rule(root, "a")
    path = str(root / "a.py")
    assert projects.guidance(path, "python") is None
    for decision in (Decision.REFUSED, Decision.ASKED):
        projects.decide(root, decision)
        assert projects.guidance(path, "python") is None


def test_a_trusted_project_adds_its_rules(root: Path, projects: Projects, tmp_path: Path) -> None:
    rule(root, "a", "---\nglobs: src/**\n---\n# A\nReport it.\n")
    (root / "src").mkdir()
    projects.decide(root, Decision.TRUSTED)
    guidance = projects.of(Source("x", "python", path=str(root / "src" / "a.py")))
    assert guidance is not None
    assert guidance.codes == ("project/a",)
    (tmp_path / "link").symlink_to(root / "src")
    assert projects.guidance(str(tmp_path / "link" / "a.py"), "python") == guidance
    assert projects.guidance(str(root / "b.py"), "python") is None
    assert projects.guidance(str(tmp_path / "c.py"), "python") is None
    assert projects.of(Source("x", "python")) is None


def test_what_changes_is_read_again_soon(root: Path, projects: Projects, clock: Clock) -> None:
    projects.decide(root, Decision.TRUSTED)
    path = str(root / "a.py")
    assert projects.guidance(path, "python") is None
    rule(root, "a")
    assert projects.guidance(path, "python") is None
    clock.now += 1.1 * HOLDS_S
    assert projects.guidance(path, "python") is not None
    rule(root, "a").unlink()
    projects.forget()
    assert projects.guidance(path, "python") is None


def test_trust_that_another_process_takes_back_ends(root: Path, projects: Projects, clock: Clock) -> None:
    rule(root, "a")
    projects.decide(root, Decision.TRUSTED)
    path = str(root / "a.py")
    assert projects.guidance(path, "python") is not None
    Trust(projects.trust.path).decide(root, Decision.REFUSED)
    clock.now += 1.1 * HOLDS_S
    assert projects.guidance(path, "python") is None


def test_only_what_nobody_decided_about_and_says_something_is_asked_about(
    root: Path, projects: Projects, tmp_path: Path
) -> None:
    (tmp_path / "quiet" / ".git").mkdir(parents=True)
    folders = [root, root / ".kibitz", tmp_path / "quiet", tmp_path, tmp_path / "nowhere"]
    assert projects.undecided(folders) == ()
    rule(root, "a")
    assert projects.undecided(folders) == (root,)
    projects.decide(root, Decision.ASKED)
    assert projects.undecided(folders) == ()
