"""Budgets on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.fake_provider import Bug, FakeProvider, reviewer

from kibitz.cli.entry import run
from kibitz.telemetry import budget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CODE = "def f{0}(value):\n    return value + {0}\n"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    with FakeProvider(reviewer(Bug("nothing", "nothing"))).in_thread() as provider:
        monkeypatch.setenv("KIBITZ_BASE_URL", provider.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        monkeypatch.setenv("KIBITZ_BUDGET_REQUESTS_PER_DAY", "4")
        yield provider


@pytest.fixture(autouse=True)
def code(folder: Path) -> None:
    for number in range(8):
        (folder / f"{number}.py").write_text(CODE.format(number))


@pytest.mark.parametrize("command", ["check", "warm"])
def test_a_command_stops_at_the_cap_and_goes_on_when_told_to(
    command: str, fake: FakeProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, ".", "--max-concurrency", "1"]) == 2
    told = capsys.readouterr()
    everything = told.out + told.err
    assert len(fake.requests) == 4
    assert "today's budget of 4 requests is used to 50 % (2 requests spent" in told.err
    assert "today's budget of 4 requests is used up (4 requests spent" in told.err
    assert "--ignore-budget" in everything
    assert run([command, ".", "--ignore-budget"]) == 0
    assert len(fake.requests) == 8
    capsys.readouterr()
    assert run(["doctor", "--offline"]) in {0, 1}
    assert "today's budget of 4 requests is used up (8 requests spent)" in capsys.readouterr().out


def test_what_is_known_is_shown_although_nothing_may_be_asked(
    fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["check", "0.py"]) == 0
    monkeypatch.setenv("KIBITZ_BUDGET_REQUESTS_PER_DAY", "0")
    assert run(["check", "0.py"]) == 0
    assert run(["check", "1.py"]) == 2
    assert len(fake.requests) == 1


def test_a_batch_is_not_sent_that_the_budget_does_not_allow_for(
    fake: FakeProvider, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "LOOKS", 1)  # it is not waited until the first batch is over
    assert run(["warm", ".", "--batch"]) == 2
    assert "today's budget of 4 requests" in capsys.readouterr().err
    assert fake.batches is not None
    assert not fake.batches.made
    assert not fake.batches.files
    fake.batches.polls = 10
    assert run(["warm", "0.py", "1.py", "--batch", "--no-wait"]) == 0
    capsys.readouterr()
    assert run(["warm", "2.py", "3.py", "4.py", "--batch", "--no-wait"]) == 2
    assert "today's budget of 4 requests" in capsys.readouterr().err, "the first batch is under way"
