"""Findings that are known already: written to a file, and not told again."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import astuple, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, fake_faults, reviewer

from kibitz.cli import baseline
from kibitz.cli.again import check_again
from kibitz.cli.baseline import BaselineError, Known, decode, encode
from kibitz.cli.entry import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUGGY = "def mean(values):\n    return sum(values) / len(value)\n"
OTHER = "def middle(values):\n    return values[len(value) // 2]\n"
CLEAN = "def twice(number):\n    return number * 2\n"
WRITE = ["--write-baseline", "known.jsonl"]
USE = ["--baseline", "known.jsonl"]
HEADER = '{"kibitz": "baseline", "version": 1}\n'


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    with FakeProvider(reviewer(Bug("len(value)", "len(values)"))).in_thread() as provider:
        monkeypatch.setenv("KIBITZ_BASE_URL", provider.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", canary.KEY)
        monkeypatch.setenv("KIBITZ_MAX_RETRIES", "0")
        yield provider


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run(["check", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def check_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], dict[str, Any]]:
    """The exit code, the places of the findings, and the counts."""
    code, out, _ = check(capsys, "--format", "json", *arguments)
    document = json.loads(out)
    return (
        code,
        [f"{each['path']}:{each['start']['line']}" for each in document["findings"]],
        document["stats"],
    )


def entries(folder: Path, name: str = "known.jsonl") -> list[tuple[str, int]]:
    """Path and count of each line."""
    return [(known.path, known.count) for known in decode((folder / name).read_bytes())]


def test_what_is_written_is_not_told_again(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "src").mkdir()
    (folder / "src" / "a.py").write_text(BUGGY)
    (folder / "src" / "b.py").write_text(CLEAN)
    code, out, err = check(capsys, ".", *WRITE)
    assert code == 0
    assert "Planted bug" in out
    assert err == "kibitz: 1 finding in known.jsonl\n"
    header, line = (folder / "known.jsonl").read_text().splitlines()
    assert json.loads(header) == {"kibitz": "baseline", "version": 1}
    known = json.loads(line)
    assert list(known) == ["path", "rule", "fingerprint", "count", "title"]
    assert (known["path"], known["count"], known["title"]) == ("src/a.py", 1, "Planted bug")
    code, out, err = check(capsys, ".", *USE)
    assert (code, err) == (0, "")
    assert out.startswith("No findings in 2 files; 1 known from the baseline\n")
    assert len(fake.requests) == 2


@pytest.mark.usefixtures("fake")
def test_what_is_new_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.py").write_text(BUGGY)
    check(capsys, ".", *WRITE)
    (folder / "a.py").write_text(f"{CLEAN}\n\n{BUGGY}\n\n{OTHER}")
    (folder / "b.py").write_text(BUGGY)
    code, places, stats = check_json(capsys, ".", *USE)
    assert code == 1
    assert places == ["a.py:10", "b.py:2"], "another file has its own findings, even the same ones"
    assert (stats["baseline"], stats["baseline_gone"], stats["unchanged"]) == (1, 0, 0)
    assert check(capsys, ".", *USE, "--fail-on", "error")[0] == 0


@pytest.mark.usefixtures("fake")
def test_an_entry_stands_for_as_many_as_it_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "    yield len(value)\n"
    (folder / "a.py").write_text(f"def f(values):\n{line}{CLEAN[:0]}    yield 1\n{line}")
    assert check(capsys, ".", *WRITE)[2] == "kibitz: 2 findings in known.jsonl\n"
    assert entries(folder) == [("a.py", 2)]
    (folder / "a.py").write_text(f"def f(values):\n{line}    yield 1\n{line}    yield 2\n{line}")
    assert check_json(capsys, ".", *USE)[1] == ["a.py:6"]


@pytest.mark.usefixtures("fake")
def test_what_moved_with_its_file_is_known(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.py").write_text(BUGGY)
    check(capsys, ".", *WRITE)
    (folder / "lib").mkdir()
    (folder / "a.py").rename(folder / "lib" / "moved.py")
    (folder / "lib" / "twin.py").write_text(BUGGY)
    code, places, stats = check_json(capsys, ".", *USE)
    assert (code, places) == (1, ["lib/twin.py:2"])
    assert (stats["baseline"], stats["baseline_gone"]) == (1, 0)


@pytest.mark.usefixtures("fake")
def test_what_is_not_there_any_more_is_counted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.py", "b.py", "c.py", "d.py"):
        (folder / name).write_text(BUGGY)
    check(capsys, ".", *WRITE)
    (folder / "a.py").write_text(CLEAN)
    (folder / "b.py").unlink()
    code, out, _ = check(capsys, "a.py", "c.py", *USE)
    assert code == 0
    assert "No findings in 2 files; 1 known from the baseline; 2 of the baseline no longer found\n" in out
    # Now it is known that there is nothing in a.py, which is another way to get there.
    assert check_json(capsys, "a.py", "c.py", *USE)[2]["baseline_gone"] == 2
    (folder / "c.py").write_bytes(b"\xff")
    assert check_json(capsys, "a.py", "c.py", *USE)[2]["baseline_gone"] == 2, "c.py could not be looked at"


@pytest.mark.usefixtures("fake")
def test_what_is_known_takes_no_place_of_what_is_new(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cap = ("--max-findings", "1")
    (folder / "a.py").write_text(f"{BUGGY}\n\n{OTHER}")
    assert check(capsys, ".", *WRITE, *cap)[2] == "kibitz: 2 findings in known.jsonl\n"
    more = "".join(f"\n\ndef f{number}(values):\n    return len(value)\n" for number in range(2))
    (folder / "a.py").write_text(f"{BUGGY}\n\n{OTHER}{more}")
    code, out, _ = check(capsys, ".", *USE, *cap)
    assert code == 1
    assert "1 warning in 1 file; 1 more below the settings' limits; 2 known from the baseline" in out


@pytest.mark.usefixtures("fake")
def test_other_files_keep_their_entries(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "src").mkdir()
    for name in ("src/a.py", "src/b.py", "c.py"):
        (folder / name).write_text(BUGGY)
    check(capsys, ".", *WRITE)
    before = (folder / "known.jsonl").read_bytes()
    check(capsys, "src", *WRITE)
    assert (folder / "known.jsonl").read_bytes() == before
    (folder / "src" / "a.py").write_text(CLEAN)
    (folder / "src" / "b.py").unlink()
    for _ in ("asked", "known to be clean"):
        check(capsys, "src", *WRITE)
        assert entries(folder) == [("c.py", 1)]
        (folder / "known.jsonl").write_bytes(before)
    (folder / "c.py").unlink()
    check(capsys, "src", *WRITE)
    assert entries(folder) == [("c.py", 1)], "it may have moved to where nobody looked"


def test_not_all_reviewed_is_nothing_written(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.py").write_text(BUGGY)
    check(capsys, ".", *WRITE)
    before = (folder / "known.jsonl").read_bytes()
    (folder / "a.py").write_text(OTHER)
    fake.push(*(fake_faults.status(500) for _ in range(3)))
    code, _, err = check(capsys, ".", *WRITE)
    assert code == 2
    assert "known.jsonl was left as it was" in err
    assert (folder / "known.jsonl").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["a.py", "known.jsonl"]


@pytest.mark.usefixtures("fake")
def test_the_file_may_lie_anywhere(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ci", "src", "kept"):
        (folder / name).mkdir()
    (folder / "src" / "a.py").write_text(BUGGY)
    (folder / "ci" / "known.jsonl").symlink_to("../kept/real.jsonl")
    assert check(capsys, "src", "--write-baseline", "ci/known.jsonl")[0] == 0
    assert (folder / "ci" / "known.jsonl").is_symlink()
    assert entries(folder, "kept/real.jsonl") == [("../src/a.py", 1)]
    (folder / "kept" / "real.jsonl").chmod(0o640)
    monkeypatch.chdir(folder / "src")
    assert check(capsys, "a.py", "--baseline", "../ci/known.jsonl")[0] == 0
    assert check(capsys, "a.py", "--write-baseline", str(folder / "ci" / "known.jsonl"))[0] == 0
    assert stat.S_IMODE((folder / "kept" / "real.jsonl").stat().st_mode) == 0o640
    assert entries(folder, "kept/real.jsonl") == [("../src/a.py", 1)]


@pytest.mark.usefixtures("fake")
def test_both_show_what_is_new_and_write_all(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.py").write_text(BUGGY)
    check(capsys, ".", *WRITE)
    (folder / "b.py").write_text(OTHER)
    code, out, _ = check(capsys, ".", *USE, *WRITE)
    assert code == 0
    assert "b.py:2" in out
    assert "a.py:2" not in out
    assert entries(folder) == [("a.py", 1), ("b.py", 1)]


@pytest.mark.usefixtures("fake")
def test_only_what_is_shown_is_fixed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.py").write_text(BUGGY)
    check(capsys, ".", *WRITE)
    (folder / "a.py").write_text(f"{BUGGY}\n\n{OTHER}")
    code, out, _ = check(capsys, ".", *USE, "--fix")
    assert code == 0
    assert "; 1 fixed" in out
    assert (folder / "a.py").read_text() == f"{BUGGY}\n\n{OTHER.replace('value)', 'values)')}"
    # What is fixed need not be known.
    (folder / "known.jsonl").unlink()
    assert check(capsys, ".", *WRITE, "--fix")[2] == "kibitz: 0 findings in known.jsonl\n"


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
@pytest.mark.usefixtures("fake")
def test_all_formats_leave_it_out(folder: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    (folder / "a.py").write_text(BUGGY)
    code, out, _ = check(capsys, ".", *WRITE, "--format", form)
    assert (code, "Planted bug" in out) == (0, True)
    code, out, _ = check(capsys, ".", *USE, "--format", form)
    assert (code, "Planted bug" in out) == (0, False)


def test_a_batch_has_a_baseline_too(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIBITZ_REVIEW", "list")
    monkeypatch.setattr("kibitz.review.batching.FIRST_LOOK_S", 0.0)
    assert fake.batches is not None
    fake.batches.polls = 0
    (folder / "a.py").write_text(BUGGY)
    assert check(capsys, ".", *WRITE)[0] == 0
    (folder / "b.py").write_text(OTHER)
    code, places, stats = check_json(capsys, ".", *USE, "--batch")
    assert (code, places, stats["baseline"]) == (1, ["b.py:2"], 1)
    assert len(fake.batches.made) == 1


def test_a_changed_baseline_counts_at_once(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.py").write_text(CLEAN)
    arguments = ["check", ".", *USE]
    (folder / "known.jsonl").write_text(HEADER)
    for _ in range(2):
        assert check_again(arguments).swept is None, "such a command line is never taken as known"
        assert run(arguments, check_again(arguments)) == 0
    known = Known("a.py", "wrong-value", "0" * 32, 1)
    (folder / "known.jsonl").write_bytes(encode([known]))
    capsys.readouterr()
    assert run(arguments, check_again(arguments)) == 0
    assert "1 of the baseline no longer found" in capsys.readouterr().out
    (folder / "known.jsonl").unlink()
    assert run(arguments, check_again(arguments)) == 2
    assert len(fake.requests) == 1


LINE = encode([Known("a.py", "wrong-value", "0" * 32, 1, "Title")]).splitlines()[1].decode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such file; make it with --write-baseline"),
        ("", "it is empty"),
        ("[]\n", "it is not a baseline"),
        ('{"findings": []}', "it is not a baseline"),
        ("\0\xff", "it is not a baseline"),
        ('{"kibitz": "baseline", "version": 2, "more": 1}\n{}', "newer kibitz (format 2)"),
        ('{"kibitz": "baseline", "version": true}\n', "its first line is damaged"),
        ('{"kibitz": "baseline", "version": 1, "x": 1}\n', "its first line is damaged"),
        (f"{HEADER}<<<<<<< HEAD\n{LINE}\n", "line 2 is damaged"),
        (f"{HEADER}\n{LINE[:-1]}", "line 3 is damaged"),
        (HEADER + "[" * 100_000, "line 2 is damaged"),
        (HEADER + LINE.replace("a.py", "/etc/passwd"), "line 2 is damaged"),
        (HEADER + LINE.replace("a.py", "a/../../b"), "line 2 is damaged"),
        (HEADER + LINE.replace("a.py", "\\ud800"), "line 2 is damaged"),
        (HEADER + LINE.replace("a.py", "a\\u0000b"), "line 2 is damaged"),
        (HEADER + LINE.replace('"count": 1', '"count": true'), "line 2 is damaged"),
        (HEADER + LINE.replace('"count": 1', '"count": 1e400'), "line 2 is damaged"),
        (HEADER + LINE.replace('"count": 1', f'"count": {"9" * 5000}'), "line 2 is damaged"),
        (HEADER + LINE.replace("000", "00G"), "line 2 is damaged"),
        (HEADER + LINE.replace("Title", "T" * 300), "line 2 is damaged"),
        (HEADER + LINE.replace('"title"', '"name"'), "line 2 is damaged"),
    ],
)
def test_what_is_no_baseline_is_told_before_anybody_is_asked(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str], content: str | None, words: str
) -> None:
    (folder / "a.py").write_text(BUGGY)
    if content is not None:
        (folder / "known.jsonl").write_text(content, encoding="latin-1")
    code, out, err = check(capsys, ".", *USE)
    assert (code, out) == (2, "")
    assert "Error: --baseline known.jsonl: " in err
    assert words in err
    if content is not None:
        code, out, err = check(capsys, ".", *WRITE)
        assert (code, out) == (2, "")
        assert words in err
        assert (folder / "known.jsonl").read_text(encoding="latin-1") == content
    assert fake.requests == []


def test_what_can_be_no_baseline(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.py").write_text(BUGGY)
    os.mkfifo(folder / "pipe")
    (folder / "large").write_text(HEADER + "\n" * 100)
    monkeypatch.setattr(baseline, "MAX_BYTES", 100)
    for name, words in (
        ("pipe", "not a regular file"),
        (".", "Is a directory"),
        ("", "Is a directory"),
        ("a.py/x", "it cannot be read"),
        ("large", "it is larger than 100 bytes"),
    ):
        assert check(capsys, ".", "--baseline", name)[0] == 2
        code, out, err = check(capsys, ".", "--write-baseline", name)
        assert (code, out) == (2, "")
        assert words in err or ("there is no folder" in err) == (name == "a.py/x")
    assert check(capsys, ".", "--write-baseline", "nowhere/x")[0] == 2
    assert fake.requests == []


@pytest.mark.usefixtures("fake")
def test_what_cannot_be_written_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.py").write_text(BUGGY)
    (folder / "known.jsonl").symlink_to("nowhere/x")
    code, _, err = check(capsys, ".", *WRITE)
    assert code == 2
    assert "known.jsonl: it cannot be written: No such file" in err
    (folder / "known.jsonl").unlink()
    monkeypatch.setattr(baseline, "MAX_BYTES", 100)
    code, _, err = check(capsys, ".", *WRITE)
    assert (code, (folder / "known.jsonl").exists()) == (2, False)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1).filter(
    lambda name: name not in {".", ".."}
)
KNOWN = st.builds(
    Known,
    st.builds(
        lambda up, parts: "/".join(["..", *[".."] * up, *parts]),
        st.integers(0, 3),
        st.lists(NAMES, min_size=1),
    ),
    st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
    st.integers(1, 10_000),
    st.text(max_size=200),
)


@given(st.lists(KNOWN, unique_by=lambda known: astuple(known)[:3]))
def test_what_is_written_is_read(every: list[Known]) -> None:
    content = encode(every)
    assert content.isascii()
    assert list(decode(content)) == sorted(every)
    assert decode(content.replace(b"\n", b"\r\n")) == decode(content)
    assert encode(decode(content)) == content


@given(st.lists(KNOWN, min_size=1))
def test_the_same_twice_is_known_once(every: list[Known]) -> None:
    doubled = [*every, *(replace(each, count=1) for each in every)]
    largest = {}
    for each in sorted(every):
        largest[astuple(each)[:3]] = each.count
    assert {astuple(each)[:3]: each.count for each in decode(encode(doubled))} == largest


@given(st.one_of(st.binary(), st.binary().map(lambda rest: HEADER.encode() + rest)))
def test_any_bytes_are_a_baseline_or_an_error(content: bytes) -> None:
    try:
        every = decode(content)
    except BaselineError:
        return
    assert decode(encode(every)) == every


_SPOILT = st.sampled_from(["path", "rule", "fingerprint", "count", "title"])
_ANYTHING = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)


@given(_SPOILT, _ANYTHING)
def test_any_value_is_sound_or_an_error(name: str, value: object) -> None:
    line = json.dumps({**json.loads(LINE), name: value})
    try:
        (known,) = decode(f"{HEADER}{line}".encode())
    except BaselineError:
        return
    assert getattr(known, name) == value
    assert 1 <= known.count <= 10_000
