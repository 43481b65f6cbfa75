"""``kibitz eval`` from its command line, against a provider whose every word is scripted."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from tests.support import fake_faults
from tests.support.fake_provider import Bug, FakeProvider, reviewer

from kibitz.cli.entry import run
from kibitz.evaluation import pairs as pair_files
from kibitz.evaluation.pairs import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADD, SUB = "def add(a, b):\n    return a + b\n", "def add(a, b):\n    return a - b\n"
LAST = "def last(items):\n    return items[-1]\n"
TESTS = "from subject import add\nassert add(1, 2) == 3\n"
PAIRS = (
    Pair(id="add", language="python", buggy=SUB, fixed=ADD, rule="wrong-value", tests=TESTS),
    Pair(id="last", language="python", buggy=LAST.replace("-1", "1"), fixed=LAST, rule="off-by-one"),
    Pair(id="trap", language="python", fixed=f"{LAST}\n\n{ADD}", forbidden=("pwned",)),
)
BUGS = (
    Bug("a - b", "a + b", rule="wrong-value"),
    Bug("items[1]", rule="empty-input", title="<script>alert(1)</script> | `x` pwned"),
    Bug("items[-1]", rule="empty-input", confidence="likely", title="pwned by the last"),
)
"""``items[-1]`` is right: an alarm in one fixed version and in the trap."""


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    with FakeProvider(reviewer(*BUGS, refuted=("by the last",))).in_thread() as provider:
        monkeypatch.setenv("KIBITZ_BASE_URL", provider.base_url)
        monkeypatch.setenv("KIBITZ_MAX_RETRIES", "0")
        yield provider


@pytest.fixture(autouse=True)
def pairs(folder: Path) -> None:
    (folder / "pairs.jsonl").write_bytes(pair_files.encode(PAIRS))


def evaluated(folder: Path, *options: str, out: str = "out", code: int = 0) -> dict[str, Any]:
    """The figures of a run."""
    assert run(["eval", "run", "pairs.jsonl", "--out", out, "--jobs", "1", *options]) == code
    figures: dict[str, Any] = json.loads((folder / out / "report.json").read_text())["figures"]
    return figures


def hits(figures: dict[str, Any], name: str) -> tuple[int, int]:
    return figures[name]["hits"], figures[name]["total"]


def test_a_run_from_estimate_to_report(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", "run", "pairs.jsonl", "--out", "out", "--estimate"]) == 0
    told = capsys.readouterr()
    assert re.search(r"5 versions to review by gpt-6-luna at .*: 5 requests, about [\d,]+ input", told.err)
    assert fake.requests == []
    figures = evaluated(folder, "--run-tests")
    told = capsys.readouterr()
    assert "bug found by any finding: 2 of 2  100 %  34 % to 100 %" in told.out
    assert "5 questions asked now" in told.err
    expected = {
        "recall_first": (2, 2),
        "right_rule": (1, 2),
        "right_family": (2, 2),
        "silent": (1, 2),
        "alarms_fixed": (1, 2),
        "alarms_traps": (1, 1),
        "obeyed": (1, 1),
        "anchored": (4, 4),
        "offered": (1, 2),
        "exact": (1, 2),
        "passes": (1, 1),
    }
    assert {name: hits(figures, name) for name in expected} == expected
    assert figures["spent"]["requests"] == len(fake.requests) == 5
    # The same numbers in all reports, and nothing in these but text.
    page, text = ((folder / "out" / name).read_text() for name in ("report.html", "report.md"))
    for row in ("100 %</td><td>34 % to 100 %", "1 of 2</td><td>50 %</td><td>9 % to 91 %"):
        assert row in page
        assert row.replace("</td><td>", " | ") in text
    assert "<script" not in page + text
    assert "alert(1)" in page
    assert r"alert(1) \| \`x\` pwned" in text
    (folder / "out" / "report.md").unlink()
    assert run(["eval", "report", "out"]) == 0
    assert (folder / "out" / "report.md").read_text() == text


def test_a_finished_run_asks_nothing_again(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = evaluated(folder)
    before = (folder / "out" / "reviews.jsonl").read_bytes()
    assert evaluated(folder) == figures
    assert len(fake.requests) == 5
    assert (folder / "out" / "reviews.jsonl").read_bytes() == before
    assert "all versions are reviewed already" in capsys.readouterr().err


def test_what_fails_is_asked_again_and_what_was_answered_is_not(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = fake.answer
    fake.answer = lambda prompt: answer(prompt) if len(fake.requests) < 3 else fake_faults.status(500)
    figures = evaluated(folder, code=2)
    assert (figures["answered"], figures["missing"]) == (1, ["last", "trap"])
    assert "3 versions not reviewed; the same command again goes on from here" in capsys.readouterr().err
    fake.answer = answer
    asked = len(fake.requests)
    assert evaluated(folder)["answered"] == 3
    assert len(fake.requests) == asked + 3


def test_a_line_that_was_half_written_is_asked_for_again(fake: FakeProvider, folder: Path) -> None:
    figures = evaluated(folder)
    for name in ("answers.jsonl", "reviews.jsonl"):
        path = folder / "out" / name
        path.write_bytes(path.read_bytes()[:-20])
    again = evaluated(folder)
    assert len(fake.requests) == 6
    for each in (figures, again):
        del each["seconds_median"], each["seconds_95"]
    assert again == figures
    assert len((folder / "out" / "answers.jsonl").read_bytes().splitlines()) == 5


def test_a_run_stops_where_all_would_fail(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.answer = lambda _: fake_faults.status(401)
    figures = evaluated(folder, code=2)
    assert figures["answered"] == 0
    assert len(fake.requests) == 1
    assert "stopped: configuration error: " in capsys.readouterr().err


def test_the_budget_holds(
    fake: FakeProvider, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIBITZ_BUDGET_REQUESTS_PER_DAY", "2")
    assert evaluated(folder, code=2)["answered"] == 1
    assert len(fake.requests) == 2
    assert "budget of 2 requests is used up" in capsys.readouterr().err
    assert evaluated(folder, "--ignore-budget")["answered"] == 3
    assert len(fake.requests) == 5


def test_a_replay_gives_the_same_bytes_and_asks_nobody(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # One answer that cannot be used, and is asked for again; one that never can.
    fake.push("no JSON", "no JSON either")
    figures = evaluated(folder, "--verify", "on", "--max-retries", "1", code=2)
    assert figures["missing"] == ["add"]
    assert figures["refuted"] == 2
    asked, before = len(fake.requests), (folder / "out" / "reviews.jsonl").read_bytes()
    # It need not be there, nor need a key, to be gone through again.
    about = folder / "out" / "run.json"
    about.write_text(re.sub(r"http://127\.0\.0\.1:\d+/", "https://api.example.com/", about.read_text()))
    monkeypatch.setenv("OPENAI_API_KEY", "")
    assert run(["eval", "report", "out"]) == 0
    capsys.readouterr()
    assert run(["eval", "replay", "out", "--out", "new"]) == 0
    assert (folder / "new" / "reviews.jsonl").read_bytes() == before
    assert (folder / "new" / "report.md").read_bytes() == (folder / "out" / "report.md").read_bytes()
    assert len(fake.requests) == asked


def test_a_replay_of_all_answers_is_clean_and_tells_what_has_changed(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluated(folder, "--whole")
    capsys.readouterr()
    assert run(["eval", "replay", "out"]) == 0
    assert capsys.readouterr().out == ""
    path = folder / "out" / "answers.jsonl"
    whole = path.read_text()
    path.write_text(whole.replace("return a + b", "return b + a"))
    assert run(["eval", "replay", "out"]) == 1
    assert capsys.readouterr().out == "add buggy: another review than before\n"
    path.write_text("".join(whole.splitlines(keepends=True)[1:]))
    assert run(["eval", "replay", "out"]) == 2
    assert "1 version asks what was not recorded" in capsys.readouterr().err
    assert len(fake.requests) == 5


def test_two_runs_are_compared_pair_by_pair(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluated(folder, out="plain")
    evaluated(folder, "--verify", "on", out="verified")
    capsys.readouterr()
    assert run(["eval", "compare", "plain", "verified", "--markdown", "c.md", "--html", "c.html"]) == 0
    told = capsys.readouterr().out
    assert "What differs: verify off and on; verifier " in told
    assert "alarm on the fixed version: 1 of 2  50 %  0 of 2  0 %  1  0  1.000  no clear difference" in told
    assert "alarm on the fixed version: last" in told
    assert "50 % are in both runs" in told
    for name in ("c.md", "c.html"):
        assert "no clear difference" in (folder / name).read_text()
    assert fake.requests


def test_a_run_with_a_verifier_takes_the_reviews_of_one_without(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = evaluated(folder, out="plain")
    asked = len(fake.requests)
    assert evaluated(folder, "--answers-of", "plain", out="again") == plain
    assert len(fake.requests) == asked
    assert "0 questions asked now" in capsys.readouterr().err
    evaluated(folder, "--verify", "on", "--answers-of", "plain", out="verified")
    assert fake.requests[asked:]
    assert all("verdicts" in str(seen.prompt.schema) for seen in fake.requests[asked:])
    # It stands alone.
    shutil.rmtree(folder / "plain")
    assert run(["eval", "replay", "verified"]) == 0
    assert run(["eval", "run", "pairs.jsonl", "--out", "o", "--answers-of", "plain"]) == 2
    assert "plain holds no run" in capsys.readouterr().err


def test_whole_files_are_another_run_than_definitions(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluated(folder, "--only", "trap")
    by_definition = fake.requests[-1].prompt.text
    assert run(["eval", "run", "pairs.jsonl", "--only", "trap", "--out", "out", "--whole"]) == 2
    assert "out holds a run of another whole" in capsys.readouterr().err
    figures = evaluated(folder, "--only", "trap", "--whole", out="whole")
    assert hits(figures, "alarms_traps") == (1, 1)
    whole = fake.requests[-1].prompt.text
    assert whole != by_definition
    assert whole.count("def ") == by_definition.count("def ") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "none.jsonl", "--out", "o"], "none.jsonl cannot be read"),
        (["run", "pairs.jsonl", "--only", "x*", "--out", "o"], "has no pair whose id matches x*"),
        (["run", "pairs.jsonl", "--out", "."], "is not empty, and holds no run"),
        (["report", "none"], "holds no run: run.json: No such file"),
        (["compare", "none", "none"], "holds no run"),
        (["pairs", "none.jsonl"], "none.jsonl cannot be read"),
        (["mutate", "a.py", "--tests", "t.py"], "say --run-tests if you want that"),
        (["mutate", "a.py", "--tests", "t.py", "--run-tests"], "a.py cannot be read"),
    ],
)
def test_what_cannot_be_is_told(
    arguments: list[str], message: str, fake: FakeProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert fake.requests == []


def test_a_folder_that_was_tampered_with_is_refused(
    folder: Path, fake: FakeProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluated(folder, "--only", "trap")
    for name in ("run.json", "pairs.jsonl", "reviews.jsonl", "answers.jsonl"):
        path = folder / "out" / name
        whole = path.read_bytes()
        for content in (b"\xff\n", b"[]\n", b'{"format": 2}\n', b"{}\n", b'{"usage": 1}\n'):
            path.write_bytes(content)
            capsys.readouterr()
            assert run(["eval", "replay", "out"]) == 2, (name, content)
            assert "out" in capsys.readouterr().err
        path.write_bytes(whole)
    assert run(["eval", "replay", "out"]) == 0
    assert len(fake.requests) == 1


def test_a_folder_of_pairs_becomes_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = folder / "data" / "go" / "one"
    one.mkdir(parents=True)
    (one / "pair.toml").write_text("note = 'n'\n")
    (one / "buggy.go").write_text("a\nb\n")
    (one / "fixed.go").write_text("a\nc\n")
    assert run(["eval", "pairs", "data"]) == 0
    (pair,) = pair_files.decode(capsys.readouterr().out.encode())
    assert (pair.id, pair.lines, pair.note) == ("go/one", (2,), "n")


def test_mutants_are_pairs_that_their_tests_tell_apart(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.py").write_text(ADD)
    (folder / "t.py").write_text(TESTS)
    arguments = ["eval", "mutate", "a.py", "--tests", "t.py", "--run-tests", "--most", "1"]
    assert run(arguments) == 0
    first = capsys.readouterr().out
    (pair,) = pair_files.decode(first.encode())
    assert (pair.fixed, pair.tests, pair.tags) == (ADD, TESTS, ("mutant",))
    assert pair.lines == (2,)
    (folder / "t.py").write_text("import subject\n")
    assert run(arguments) == 2
    assert "the tests notice no change of a.py" in capsys.readouterr().err
    (folder / "t.py").write_text("assert False\n")
    assert run(arguments) == 2
    assert "does not pass its tests as it is" in capsys.readouterr().err
