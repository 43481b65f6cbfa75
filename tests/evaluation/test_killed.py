"""A run that is killed in the middle: what was answered is there, and is not paid again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.fake_provider import Bug, FakeProvider, Prompt, Reply, reviewer

from kibitz.evaluation import pairs as pair_files
from kibitz.evaluation.pairs import Pair

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.deep
PAIRS = [
    Pair(
        id=f"p{number}",
        language="python",
        buggy=f"def f{number}(x):\n    return x - {number}\n",
        fixed=f"def f{number}(x):\n    return x + {number}\n",
    )
    for number in range(4)
]
ANSWERED = 3


def test_a_killed_run_goes_on_and_pays_nothing_twice(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_bytes(pair_files.encode(PAIRS))
    with FakeProvider().in_thread() as fake:
        command = [
            sys.executable,
            "-m",
            "kibitz",
            "eval",
            "run",
            "pairs.jsonl",
            "--out",
            "out",
            "--jobs",
            "1",
        ]
        environ = {
            **os.environ,
            "KIBITZ_BASE_URL": fake.base_url,
            "KIBITZ_STATE_DIR": str(tmp_path / "state"),
            "OPENAI_API_KEY": "",
        }
        answers = tmp_path / "out" / "answers.jsonl"
        answer = reviewer(Bug("x - ", "x + "))

        def slow(prompt: Prompt) -> Reply:
            # The one after the third never comes.
            reply = answer(prompt)
            return reply.but(latency=600.0) if len(fake.requests) > ANSWERED else reply

        fake.answer = slow
        running = subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=subprocess.DEVNULL)
        try:
            fake.wait_until(lambda: len(fake.requests) == ANSWERED + 1, timeout=60)
        finally:
            running.send_signal(signal.SIGKILL)
            running.wait()
        assert len(answers.read_bytes().splitlines()) == ANSWERED
        fake.answer = answer
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "5 questions asked now" in done.stderr
        bodies = [json.dumps(seen.body, sort_keys=True) for seen in fake.requests]
    # Only the one that was under way was asked twice.
    assert len(bodies) == 2 * len(PAIRS) + 1
    assert [body for body in set(bodies) if bodies.count(body) > 1] == [bodies[ANSWERED]]
    questions = [json.loads(line)["question"] for line in answers.read_text().splitlines()]
    assert len(set(questions)) == len(questions) == 2 * len(PAIRS)
    figures = json.loads((tmp_path / "out" / "report.json").read_text())["figures"]
    assert figures["recall"]["hits"] == len(PAIRS)
    assert figures["spent"]["requests"] == 2 * len(PAIRS)
