from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support import fake_faults
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.git_repository import GitRepository, needs_git

from kibitz.cli.entry import run
from kibitz.cli.output.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.fake_batches import FakeBatches
    from tests.support.fake_provider import Seen

BUGGY = "def mean(values):\n    return sum(values) / len(value)\n"
CLEAN = "def twice(number):\n    return number * 2\n"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    """A provider that finds the planted bug, and whose batches are done at the first look."""
    with FakeProvider(reviewer(Bug("len(value)", "len(values)"))).in_thread() as provider:
        monkeypatch.setenv("KIBITZ_BASE_URL", provider.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        monkeypatch.setenv("KIBITZ_MAX_RETRIES", "0")
        monkeypatch.setattr("kibitz.review.batching.FIRST_LOOK_S", 0.0)
        batches(provider).polls = 0
        yield provider


@pytest.fixture(autouse=True)
def code(folder: Path) -> Path:
    (folder / "a.py").write_text(BUGGY)
    (folder / "b.py").write_text(CLEAN)
    written_at(folder / "a.py", 1_600_000_000)
    written_at(folder / "b.py", 1_500_000_000)
    return folder


def written_at(path: Path, when: int) -> None:
    os.utime(path, (when, when))


def batches(fake: FakeProvider) -> FakeBatches:
    assert fake.batches is not None
    return fake.batches


def test_what_was_warmed_costs_a_check_nothing(
    fake: FakeProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["warm", "."]) == 0
    out = capsys.readouterr().out
    assert out.startswith("2 of 2 files: 0 units known before, 2 answered now · 2 requests · ")
    assert run(["check", "."]) == 1
    assert "2 units, 2 from the cache · 0 requests" in capsys.readouterr().out
    assert len(fake.requests) == 2
    assert run(["warm", "."]) == 0
    assert "2 units known before, 0 answered now · 0 requests" in capsys.readouterr().out


def test_warming_stops_when_the_provider_wants_fewer_requests(
    fake: FakeProvider, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIBITZ_MAX_RETRIES", "5")
    fake.push(fake_faults.status(429, retry_after=60))
    assert run(["warm", "--max-concurrency", "1", "."]) == 2
    captured = capsys.readouterr()
    assert "stopped, because the provider wants fewer requests" in captured.err
    assert len(fake.requests) == 1


@needs_git
def test_what_changed_last_goes_first(fake: FakeProvider, code: Path) -> None:
    (code / "a.py").unlink()
    repository = GitRepository(code)
    for when, name in enumerate(("b.py", "z.py", "c.py"), 1_500_000_000):
        repository.commit({name: f"def {name[0]}():\n    return 1\n"}, when)
    assert run(["warm", "--max-concurrency", "1", "."]) == 0
    assert [asked(request) for request in fake.requests] == ["c", "z", "b"]


def asked(request: Seen) -> str:
    """The name of the function that a request asks about."""
    return request.prompt.text.partition("def ")[2].partition("(")[0]


def test_a_budget_is_kept_to(fake: FakeProvider, capsys: pytest.CaptureFixture[str], code: Path) -> None:
    written_at(code / "b.py", 1_700_000_000)
    assert run(["warm", "--budget", "2000", "."]) == 2
    captured = capsys.readouterr()
    assert [asked(request) for request in fake.requests] == ["twice"]
    assert captured.out.startswith("1 of 2 files: 0 units known before, 1 answered now · 1 request · ")
    assert "the budget does not allow for the next file; left are 1 file" in captured.err
    # What is known costs nothing, so that the same budget goes on where it ended.
    assert run(["warm", "--budget", "2000", "."]) == 0
    assert [asked(request) for request in fake.requests] == ["twice", "mean"]
    assert "2 of 2 files: 1 unit known before, 1 answered now" in capsys.readouterr().out
    assert run(["warm", "--budget", "1", "."]) == 0


def test_a_budget_for_nothing_asks_nothing(fake: FakeProvider, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["warm", "--budget", "10", "."]) == 2
    assert fake.requests == []
    assert "left are 2 files" in capsys.readouterr().err


def test_an_interrupt_keeps_what_is_answered_and_says_so(fake: FakeProvider, code: Path) -> None:
    written_at(code / "b.py", 1_700_000_000)
    answer = fake.answer
    fake.answer = lambda prompt: fake_faults.hang() if "mean" in prompt.text else answer(prompt)
    with started(code, "--max-concurrency", "1") as process:
        fake.wait_until(lambda: len(fake.requests) == 2, timeout=60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out.startswith("1 of 2 files: 0 units known before, 1 answered now")
    assert "Interrupted." in err
    fake.answer = answer
    assert run(["warm", "."]) == 0
    assert [asked(request) for request in fake.requests] == ["twice", "mean", "mean"]


def test_a_file_that_fails_is_named(fake: FakeProvider, capsys: pytest.CaptureFixture[str]) -> None:
    fake.push(fake_faults.status(500))
    assert run(["warm", "--max-concurrency", "1", "."]) == 2
    captured = capsys.readouterr()
    assert "kibitz: a.py: API error: " in captured.err
    assert captured.out.startswith("1 of 2 files: 0 units known before, 1 answered now")


def test_a_batch_answers_a_folder(fake: FakeProvider, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["warm", "--batch", "."]) == 0
    captured = capsys.readouterr()
    assert "kibitz: sending 2 units in 2 requests: about " in captured.err
    assert captured.out.startswith("0 units known before, 2 answered now · 2 requests · ")
    assert "at the batch price" in captured.out
    assert run(["check", "."]) == 1
    assert "2 from the cache · 0 requests" in capsys.readouterr().out
    assert fake.requests == []
    assert batches(fake).files == {}


def test_a_batch_counts_for_the_day(fake: FakeProvider, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["warm", "--batch", "."]) == 0
    assert batches(fake).made
    run(["doctor"])
    assert "2 requests" in capsys.readouterr().out


def test_sending_now_and_taking_later(fake: FakeProvider, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["warm", "--batch", "--no-wait", "."]) == 0
    out = capsys.readouterr().out
    assert out == "2 units to come in 1 batch; run the same command again to take them\n"
    assert run(["warm", "--batch", "--no-wait", "."]) == 0
    assert "2 answered now" in capsys.readouterr().out
    assert len(batches(fake).made) == 1


def test_a_batch_can_be_stopped(fake: FakeProvider, capsys: pytest.CaptureFixture[str]) -> None:
    batches(fake).polls = 1
    assert run(["warm", "--batch", "--cancel", "."]) == 0
    assert "nothing was under way" in capsys.readouterr().out
    run(["warm", "--batch", "--no-wait", "."])
    assert run(["warm", "--batch", "--cancel", "."]) == 0
    assert "1 batch stopped" in capsys.readouterr().out
    assert batches(fake).made["batch_1"].status == "cancelling"


def test_what_is_not_answered_is_said(fake: FakeProvider, capsys: pytest.CaptureFixture[str]) -> None:
    batches(fake).ends, batches(fake).unanswered = "expired", 1
    assert run(["warm", "--batch", "."]) == 2
    captured = capsys.readouterr()
    assert "1 unit not answered in the batch (batch expired: 1); run it again" in captured.err
    batches(fake).ends, batches(fake).errors = "failed", ["token_limit_exceeded"]
    assert run(["warm", "--batch", "."]) == 2
    assert "let other batches end" in capsys.readouterr().err


def test_an_endpoint_without_batches_says_so(fake: FakeProvider, capsys: pytest.CaptureFixture[str]) -> None:
    fake.batches = None
    for command in ("warm", "check"):
        assert run([command, "--batch", "."]) == 2
        assert "has no Batch API; leave out --batch" in capsys.readouterr().err
    assert fake.requests == []


def test_checking_through_a_batch(fake: FakeProvider, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--batch", "--format", "json", "."]) == 1
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert [found["path"] for found in document["findings"]] == ["a.py"]
    assert document["stats"]["requests"] == 2
    assert document["stats"]["cached_units"] == 0
    assert "sending 2 units in 2 requests" in captured.err
    assert fake.requests == []


def test_what_a_batch_did_not_answer_is_asked_at_once(
    fake: FakeProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    batches(fake).unanswered = 1
    assert run(["check", "--batch", "."]) == 1
    captured = capsys.readouterr()
    assert "1 unit not answered in the batch (server error: 1); asking again at once" in captured.err
    assert "2 units, 0 from the cache" in captured.out or "2 units, 1 from the cache" in captured.out
    assert len(fake.requests) == 1


def test_a_batch_that_is_refused_as_a_whole_is_not_asked_at_the_full_price(
    fake: FakeProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    batches(fake).ends = "failed"
    assert run(["check", "--batch", "."]) == 2
    assert "was not accepted (invalid_json_line)" in capsys.readouterr().err
    assert fake.requests == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["warm", "--no-wait", "."], "add --batch"),
        (["warm", "--cancel", "."], "add --batch"),
        (["warm", "--batch", "--budget", "5", "."], "leave out --batch or --budget"),
        (["warm", "--disk-cache", "no", "."], "set disk_cache to true"),
        (["check", "--batch", "--review", "rewrite", "."], "set review to list"),
    ],
)
def test_what_does_not_go_together(
    fake: FakeProvider, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(arguments) == 2
    assert message in capsys.readouterr().err
    assert batches(fake).calls == []


def test_nothing_to_do(capsys: pytest.CaptureFixture[str], code: Path) -> None:
    (code / "docs").mkdir()
    assert run(["warm", "docs"]) == 0
    assert "no source files in docs" in capsys.readouterr().err


@pytest.mark.parametrize("verify", ["on", "on-demand"])
@pytest.mark.usefixtures("capsys")
def test_what_a_batch_finds_is_verified_at_once(fake: FakeProvider, verify: str) -> None:
    assert run(["check", "--batch", "--verify", verify, "."]) in {0, 1}
    assert len(batches(fake).made) == 1
    assert [("values" in request.prompt.text) for request in fake.requests] == [True], "where there is one"


def started(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kibitz.cli", "warm", *options, "."],
        cwd=folder,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_interrupting_the_wait_says_how_to_go_on(fake: FakeProvider, code: Path) -> None:
    batches(fake).polls = 1_000_000
    with started(code, "--batch") as process:
        fake.wait_until(lambda: bool(batches(fake).made), timeout=60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again to take its results" in err
    assert "Interrupted." in err
    assert out == ""


@pytest.mark.parametrize("when", ["upload", "create"])
def test_a_killed_process_costs_nothing(fake: FakeProvider, code: Path, when: str) -> None:
    """Killed before it could note what came of the call."""
    batches(fake).failing(when, fake_faults.hang(), after=True)
    with started(code, "--batch") as process:
        done = batches(fake).files if when == "upload" else batches(fake).made
        fake.wait_until(lambda: bool(done), timeout=60)
        process.kill()
        process.communicate()
    assert run(["warm", "--batch", "."]) == 0
    assert run(["check", "."]) == 1
    assert len(batches(fake).made) == 1
    assert batches(fake).files == {}
    assert fake.requests == []


@pytest.mark.parametrize(("count", "words"), [(0, "0 batches"), (1, "1 batch"), (2, "2 batches")])
def test_plurals(count: int, words: str) -> None:
    assert counted(count, "batch") == words
