from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.git_repository import GitRepository

from kibitz.guard.ignore_file import MAX_LINE, MAX_LINES, everything, parse

if TYPE_CHECKING:
    from pathlib import Path


def excluded(content: str, path: str) -> bool:
    verdict = parse(".gitignore", content).verdict(path)
    return verdict is not None and verdict[0]


def test_lines_are_followed_in_order_and_named() -> None:
    file = parse(".gitignore", "# logs\n*.log\n\n!keep.log\nbuild/\n")
    assert file.verdict("a/x.log") == (True, ".gitignore line 2")
    assert file.verdict("keep.log") == (False, ".gitignore line 4")
    assert file.verdict("build/") == (True, ".gitignore line 5")
    assert file.verdict("build") is None
    assert file.verdict("x.py") is None
    assert file.problems == ()


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
def test_any_line_end_and_a_byte_order_mark_will_do(eol: str) -> None:
    assert excluded(f"\ufeff*.log{eol}*.tmp{eol}", "x.log")
    assert excluded(f"\ufeff*.log{eol}*.tmp{eol}", "x.tmp")


@pytest.mark.parametrize("line", ["!", "[z-a]", "a\\", "/!" + "\\"])
def test_a_bad_line_is_reported_and_the_rest_is_followed(line: str) -> None:
    file = parse(".gitignore", f"{line}\n*.log\n")
    assert file.problems == (".gitignore line 1 is not a valid pattern, so it is skipped",)
    assert file.verdict("x.log") == (True, ".gitignore line 2")


def test_a_line_longer_than_any_path_is_reported() -> None:
    file = parse(".gitignore", "a" * (MAX_LINE + 1) + "\n*.log")
    assert "longer than any path" in file.problems[0]
    assert file.verdict("x.log") is not None


def test_too_many_lines_exclude_everything() -> None:
    file = parse(".gitignore", "a\n" * MAX_LINES)
    assert file.verdict("x.py") == (
        True,
        ".gitignore, which has more than 2000 lines, so nothing below its folder is reviewed",
    )


def test_empty_can_mean_all() -> None:
    assert parse(".aiexclude", "# nothing\n", empty_means_all=True).verdict("x.py") is not None
    assert parse(".gitignore", "# nothing\n").verdict("x.py") is None


def test_without_negation_nothing_is_included_again() -> None:
    file = parse(".aiexclude", "*.py\n!x.py\n", negation=False)
    assert file.verdict("x.py") == (True, ".aiexclude line 1")
    assert "cannot" in file.problems[0]


def test_what_cannot_be_followed_excludes_everything() -> None:
    assert everything(".gitignore", "is broken").verdict("x") == (True, ".gitignore, which is broken")


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("*a*b*c*d*e", "xaxbxcxdxe"),
        ("pre*a*b*c*d*.log", "pre-a-b-c-d-.log"),
        ("*[ab]*[cd]*x*y*", "1a2c3x4y5"),
        ("*a*/*b*/c", "1a1/2b2/c"),
        ("**/a/**/b/**/c/**/d/**/e", "a/b/c/d/e"),
        ("/x/**/a/**/b/**/c/**/d", "x/a/b/c/d"),
        ("a**b**c**d**e", "a1b2c3d4e"),
    ],
)
def test_a_line_with_many_wildcards_still_excludes_what_it_said(line: str, path: str) -> None:
    file = parse(".gitignore", line)
    assert file.verdict(path) == (True, ".gitignore line 1")
    assert "too many wildcards" in file.problems[0]


def test_a_negation_with_many_wildcards_includes_nothing() -> None:
    file = parse(".gitignore", "*.py\n!*a*b*c*d*.py\n")
    assert file.verdict("xaxbxcxdx.py") == (True, ".gitignore line 1")
    assert "skipped" in file.problems[0]


@pytest.mark.parametrize(
    "line", ["*-*-*.log", "**/*.min.*", "**/node_modules/**", "lib/**/*_pb2*.py", "*~", "a?b[0-9]"]
)
def test_ordinary_lines_are_followed_literally(line: str) -> None:
    assert parse(".gitignore", line).problems == ()


@pytest.mark.parametrize(
    "line",
    [
        "*a" * 30 + "b",
        "*a*a*ab",
        "*a*/" * 6 + "b",
        "**/a/" * 12 + "b",
        "[a]*" * 20 + "b",
        "?*" * 40 + "b",
        "a" + "*" * 40 + "b",
        "*" * 40 + "b",
        "**a" * 3 + "b",
        "a/" + "*" * 41 + "/b",
        "\\\\**" * 9 + "b",
    ],
)
def test_no_line_takes_long(line: str) -> None:
    file = parse(".gitignore", "\n".join([line] * 100))
    began = time.process_time()
    for path in ("a" * 255, "/".join(["a" * 60] * 8), "/".join("a" * 100)):
        file.verdict(path)
    # Takes up to a second where 20 lines keep their three stars; the plain reading takes for ever.
    assert time.process_time() - began < 10


@given(
    st.lists(st.text(st.sampled_from("a*?[]!/\\# .-^\ud800é\t"), max_size=12), max_size=6),
    st.text(max_size=12),
)
def test_no_content_raises(lines: list[str], path: str) -> None:
    parse(".gitignore", "\n".join(lines)).verdict(path or "x")


@given(
    st.text(st.sampled_from("ab*/."), min_size=1, max_size=10),
    st.text(st.sampled_from("ab/."), min_size=1, max_size=8),
)
def test_simplifying_only_ever_excludes_more(line: str, path: str) -> None:
    if line.startswith("!") or path.startswith("/") or "//" in path:
        return
    plain = parse(".gitignore", line)
    simple = parse(".gitignore", "\n".join(["*x*x"] * 20 + [line]))
    if plain.verdict(path):
        assert simple.verdict(path)


@pytest.mark.parametrize(
    "lines",
    [
        "a**b",
        "a***",
        "***",
        "****/b",
        "**/a**b",
        "a/**",
        "a/** ",
        "a/**/b",
        "\\\\**",
        "*\\n!**/a.b",
        "[**]b",
        "!***a",
    ],
)
def test_runs_of_stars_mean_what_they_mean_to_git(lines: str, tmp_path: Path) -> None:
    repository = GitRepository(tmp_path)
    (tmp_path / ".gitignore").write_text(lines + "\n")
    paths = ["ab", "axxb", "a.b", "a/b", "a/c/b", "x/ab", "x/a.b", "x/y/axb", "*b", "*", "b", "x/*y"]
    file = parse(".gitignore", lines)

    def left_out(path: str) -> bool:
        # Git looks at each folder first: of what is excluded nothing is included again.
        parts = path.split("/")
        folders = ["/".join(parts[:end]) + "/" for end in range(1, len(parts))]
        return any((verdict := file.verdict(each)) is not None and verdict[0] for each in (*folders, path))

    asked = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin", "-z"],  # noqa: S607 - whichever git there is
        input="\0".join(paths).encode() + b"\0",
        cwd=repository.top,
        capture_output=True,
        check=False,
    )
    assert asked.returncode in (0, 1), asked.stderr
    assert [each for each in paths if left_out(each)] == asked.stdout.decode().split("\0")[:-1]
