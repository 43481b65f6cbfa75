from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kibitz.guard import ignore
from kibitz.guard.denied import denied
from kibitz.guard.ignore import Ignore


def write(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def test_nothing_is_excluded_without_a_reason(tmp_path: Path) -> None:
    write(tmp_path, {"a/x.py": ""})
    assert Ignore(tmp_path).reason("a/x.py") is None
    assert Ignore(tmp_path).reason(tmp_path / "a" / "x.py") is None
    assert Ignore(tmp_path).reason(tmp_path) is None


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.local",
        ".env_prod",
        "prod.ENV",
        "server.key",
        "a/b/cert.PEM",
        "id_rsa",
        "id_ed25519.pub",
        ".netrc",
        ".npmrc",
        "x.tfstate",
        ".aws/credentials",
        "home/.ssh/config.py",
        "deploy/secrets/db.txt",
        "credentials.json",
        "client_secret_1.apps.json",
    ],
)
def test_files_of_secrets_are_denied_by_name(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: ""})
    guard = Ignore(tmp_path)
    assert "may hold secrets" in (guard.reason(name) or "")
    assert guard.denied(name) == guard.reason(name)


@pytest.mark.parametrize(
    "name", ["src/secrets/manager.py", "environment.py", "key.py", "src/credentials/x.go", "pem.rs"]
)
def test_code_about_secrets_is_not_denied(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: ""})
    assert Ignore(tmp_path).reason(name) is None
    assert Ignore(tmp_path).reason(str((tmp_path / name).parent)) is None


def test_a_denied_file_cannot_be_included_again(tmp_path: Path) -> None:
    write(tmp_path, {".env": "", ".gitignore": "!.env\n", ".kibitzignore": "!.env\n"})
    assert Ignore(tmp_path, exclude=["!.env"]).reason(".env") is not None


def test_files_elsewhere_are_judged_by_their_whole_path(tmp_path: Path) -> None:
    write(tmp_path, {"project/x.py": "", ".ssh/x.py": "", "other/y.py": ""})
    guard = Ignore(tmp_path / "project")
    assert guard.reason(tmp_path / ".ssh" / "x.py") is not None
    assert guard.reason(tmp_path / "other" / "y.py") is None
    # But a project may itself lie below such a folder.
    assert Ignore(tmp_path / ".ssh").reason(tmp_path / ".ssh" / "x.py") is None


@pytest.mark.parametrize(
    "name",
    [
        ".gitignore",
        ".kibitzignore",
        ".aiignore",
        ".aiexclude",
        ".cursorignore",
        ".copilotignore",
        ".codeiumignore",
    ],
)
def test_each_ignore_file_excludes(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: "# ours\ngen/\n*_pb2.py\n", "a/gen/x.py": "", "a/y_pb2.py": "", "a/z.py": ""})
    guard = Ignore(tmp_path)
    assert guard.reason("a/gen/x.py") == f"ignored by {name} line 2"
    assert guard.reason("a/gen") == f"ignored by {name} line 2"
    assert guard.reason("a/y_pb2.py") == f"ignored by {name} line 3"
    assert guard.reason("a/z.py") is None
    # Only what may hold secrets is beyond the user's word.
    assert guard.denied("a/gen/x.py") is None


def test_ignore_files_count_from_the_top_of_the_repository(tmp_path: Path) -> None:
    write(tmp_path, {".git/info/exclude": "private.py\n", ".gitignore": "/src/gen.py\n", "src/gen.py": ""})
    guard = Ignore(tmp_path / "src")
    assert guard.reason("gen.py") == "ignored by .gitignore line 1"
    assert guard.reason("sub/private.py") == "ignored by .git/info/exclude line 1"
    assert guard.reason("other.py") is None


def test_one_kind_does_not_include_what_another_excludes(tmp_path: Path) -> None:
    write(tmp_path, {".cursorignore": "x.py\n", ".gitignore": "!x.py\n", ".kibitzignore": "!x.py\n"})
    assert Ignore(tmp_path).reason("x.py") == "ignored by .cursorignore line 1"


def test_an_empty_aiexclude_excludes_everything(tmp_path: Path) -> None:
    write(tmp_path, {"a/.aiexclude": "", "a/x.py": "", "y.py": ""})
    assert Ignore(tmp_path).reason("a/x.py") == "ignored by .aiexclude, which is empty"
    assert Ignore(tmp_path).reason("y.py") is None


def test_the_users_globs_exclude(tmp_path: Path) -> None:
    write(tmp_path, {"a/gen/x.py": "", "a/y.py": ""})
    guard = Ignore(tmp_path, exclude=["gen/", "**/z*.py"])
    assert guard.reason("a/gen/x.py") == "excluded by the setting `exclude`"
    assert guard.reason("a/gen") == "excluded by the setting `exclude`"
    assert guard.reason("a/zz.py") == "excluded by the setting `exclude`"
    assert guard.reason("a/y.py") is None


def test_bad_globs_are_reported(tmp_path: Path) -> None:
    guard = Ignore(tmp_path, exclude=["!", "*.py"])
    assert guard.problems == ("the setting `exclude` line 1 is not a valid pattern, so it is skipped",)
    assert guard.reason("x.py") is not None


def test_only_what_the_users_globs_include(tmp_path: Path) -> None:
    write(
        tmp_path, {"src/a.py": "", "src/gen/b.py": "", "c.py": "", "src/no.py": "", ".gitignore": "no.py\n"}
    )
    guard = Ignore(tmp_path, include=["src/", "!src/gen/", "no.py"], exclude=["x.py"])
    assert guard.reason("src/a.py") is None
    assert guard.reason("src") is None
    assert guard.reason("c.py") == "matched by nothing in the setting `include`"
    assert guard.reason("src/gen/b.py") == "matched by nothing in the setting `include`"
    assert guard.reason("src/no.py") == "ignored by .gitignore line 1"
    assert guard.reason("src/x.py") == "excluded by the setting `exclude`"
    # Other places have globs of their own.
    assert guard.reason(tmp_path.parent / "elsewhere.py") is None


def test_globs_that_include_are_never_widened(tmp_path: Path) -> None:
    guard = Ignore(tmp_path, include=["*a*b*c*d*e.py", "!", "", "# all"])
    assert guard.reason("xaxbxcxdxe.py") == "matched by nothing in the setting `include`"
    assert guard.problems == (
        "the setting `include` line 1 has too many wildcards, so it is skipped",
        "the setting `include` line 2 is not a valid pattern, so it is skipped",
    )
    guard = Ignore(tmp_path, include=["*.py", "!*a*b*c*d*e.py"])
    assert guard.reason("xaxbxcxdxe.py") == "matched by nothing in the setting `include`"
    assert guard.reason("x.py") is None
    many = Ignore(tmp_path, include=["\n".join(["*.py"] * 2001)])
    assert many.reason("x.py") == "matched by nothing in the setting `include`"
    assert len(many.problems) == 1


def test_a_link_is_judged_by_what_it_names(tmp_path: Path) -> None:
    write(tmp_path, {"secret/.env": "", ".gitignore": "gen.py\n", "gen.py": ""})
    (tmp_path / "innocent.py").symlink_to(tmp_path / "secret" / ".env")
    (tmp_path / "also.py").symlink_to(tmp_path / "gen.py")
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    guard = Ignore(tmp_path)
    assert "may hold secrets" in (guard.denied("innocent.py") or "")
    assert guard.reason("also.py") == "ignored by .gitignore line 1"
    assert guard.reason("loop.py") is None


def test_dots_lead_nowhere(tmp_path: Path) -> None:
    write(tmp_path, {"a/.gitignore": "x.py\n", "a/x.py": "", "b/x.py": ""})
    assert Ignore(tmp_path).reason("b/../a/./x.py") is not None
    assert Ignore(tmp_path).reason("a/../b/x.py") is None


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    guard = Ignore(tmp_path)
    assert guard.reason("x.py") is None
    write(tmp_path, {".gitignore": "x.py\n"})
    assert guard.reason("x.py") is not None
    write(tmp_path, {".gitignore": "longer.py\n"})
    assert guard.reason("x.py") is None
    (tmp_path / ".gitignore").unlink()
    assert guard.reason("longer.py") is None


def test_what_cannot_be_read_excludes_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ".gitignore").write_bytes(b"\xff\xfe*")
    guard = Ignore(tmp_path)
    assert "cannot be read as UTF-8" in (guard.reason("a/x.py") or "")
    assert guard.reason("x.py") is None
    assert "UTF-8" in guard.problems[0]
    monkeypatch.setattr(ignore, "MAX_FILE_BYTES", 3)
    write(tmp_path, {".gitignore": "*.log\n"})
    assert "larger than 3 bytes" in (guard.reason("x.py") or "")


def test_a_pipe_or_a_folder_is_no_ignore_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".gitignore")
    (tmp_path / ".aiexclude").mkdir()
    assert Ignore(tmp_path).reason("x.py") is None


FILES = {
    ".gitignore": "*.log\n!keep.log\n/root.py\nbuild/\n!build/kept.py\ndoc/**/*.py\n**/deep/x.py\n"
    "mid/dle.py\n\\#odd.py\n"
    "trail.py \n[ab].py\nq?.py\n*.tmp\n!/a/\nonly/*\n!only/this.py\n",
    "a/.gitignore": "!b.log\n*.py\n!ok.py\n/here.py\n",
    "a/sub/.gitignore": "!*.tmp\n",
}
PATHS = [
    *(
        "x.log",
        "keep.log",
        "sub/keep.log",
        "root.py",
        "sub/root.py",
        "build/x.py",
        "build/kept.py",
        "sub/build/y.py",
    ),
    *(
        "doc/x.py",
        "doc/a/b/x.py",
        "deep/x.py",
        "z/deep/x.py",
        "mid/dle.py",
        "x/mid/dle.py",
        "#odd.py",
        "trail.py",
    ),
    *(
        "a.py",
        "c.py",
        "q1.py",
        "q12.py",
        "a/b.log",
        "a/c.log",
        "a/x.py",
        "a/ok.py",
        "a/here.py",
        "a/sub/t.tmp",
    ),
    *("a/t.tmp", "only/that.py", "only/this.py", "a/sub/ok.py", "buildx/x.py"),
]


def test_gitignore_means_what_git_says_it_means(tmp_path: Path) -> None:
    write(tmp_path, {**dict.fromkeys(PATHS, ""), **FILES})
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "-q", "."], cwd=tmp_path, env=environ, check=True)  # noqa: S607 - git of the PATH
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],  # noqa: S607 - git of the PATH
        cwd=tmp_path,
        env=environ,
        input="\n".join(PATHS),
        capture_output=True,
        text=True,
        check=True,
    )
    guard = Ignore(tmp_path)
    assert [path for path in PATHS if guard.reason(path)] == done.stdout.splitlines()


NAMES = ["a", "b", "secrets", ".ssh", "x.py", "y.txt", ".env", "build", "c.go"]
LINES = [
    "a",
    "b/",
    "*.py",
    "!x.py",
    "/a/b",
    "secrets",
    "**/x.py",
    "!build/",
    "a/**",
    "*",
    "!*/",
    "y.*",
    "/b/*.go",
]
KINDS = [".gitignore", ".kibitzignore", ".aiignore", ".aiexclude", ".git/info/exclude"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4), min_size=1, max_size=8),
    st.lists(
        st.tuples(
            st.sampled_from(["", "a/", "a/b/"]), st.sampled_from(KINDS), st.lists(st.sampled_from(LINES))
        )
    ),
    st.lists(st.sampled_from(LINES), max_size=2),
    st.lists(st.sampled_from(LINES), max_size=2),
    st.sampled_from(["", "a"]),
)
def test_a_folder_at_a_time_and_a_path_at_a_time_come_to_the_same(
    paths: list[list[str]],
    files: list[tuple[str, str, list[str]]],
    exclude: list[str],
    include: list[str],
    root: str,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(os.path.realpath(name))
        for parts in [[".git", "info"], ["a", "b"], *paths]:
            with contextlib.suppress(OSError):
                top.joinpath(*parts[:-1]).mkdir(parents=True, exist_ok=True)
                top.joinpath(*parts).mkdir() if "." not in parts[-1] else top.joinpath(*parts).touch()
        for folder, kind, lines in files:
            with contextlib.suppress(OSError):
                (top / f"{folder}{kind}").write_text("\n".join(lines))
        guard = Ignore(top / root, exclude=exclude, include=include)
        for path in top.rglob("*"):
            expected = guard.reason(path)
            assert guard.within(path.parent).reason(path.name, folder=path.is_dir()) == expected
            within = guard.within(top)
            for part in path.parent.relative_to(top).parts:
                within = within.into(part)
            assert within.reason(path.name, folder=path.is_dir()) == expected


def test_the_root_is_no_secret() -> None:
    assert denied(()) is None


@pytest.mark.parametrize("name", ["a\x00b.py", "x" * 5000, "a/" * 3000 + "x.py", "\ud800.py"])
def test_a_path_that_no_file_can_have_is_left_out(tmp_path: Path, name: str) -> None:
    ignore = Ignore(tmp_path)
    assert ignore.reason(tmp_path / name)
    assert ignore.denied(tmp_path / name)
    assert ignore.reason(f"{tmp_path}/{name}")
