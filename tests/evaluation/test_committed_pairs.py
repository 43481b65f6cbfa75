"""The pairs in benchmarks/data: each says the truth about itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kibitz.evaluation import pairs
from kibitz.evaluation.changes import changed_lines, lines_of
from kibitz.evaluation.testing import Verdict, run_tests
from kibitz.findings.rules import RULES
from kibitz.text import languages, syntax

if TYPE_CHECKING:
    from kibitz.evaluation.pairs import Pair

DATA = Path(__file__).parents[2] / "benchmarks" / "data"
PAIRS = pairs.read(DATA)
BUGS = [pair for pair in PAIRS if not pair.is_trap]
TRAPS = [pair for pair in PAIRS if pair.is_trap]


def test_there_are_enough_of_all_kinds() -> None:
    assert len(PAIRS) >= 80
    assert len(TRAPS) >= 25
    assert len({pair.language for pair in PAIRS}) >= 8
    assert {pair.rule for pair in BUGS} == set(RULES)
    assert sum("injected" in pair.tags for pair in PAIRS) >= 10
    # No language has traps only, so that none can be told by its language.
    assert {pair.language for pair in TRAPS} <= {pair.language for pair in BUGS}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.id)
def test_a_pair_is_what_it_says(pair: Pair) -> None:
    assert pair.note
    assert pair.language in languages.languages()
    assert pair.is_trap == pair.id.split("/")[1].startswith("trap-")
    assert ("injected" in pair.tags) == bool(pair.forbidden)
    for side in pair.sides:
        text = pair.text(side)
        assert 15 <= len(lines_of(text)) <= 60
        assert text.endswith("\n")
        assert "\r" not in text
        assert syntax.faults(text, pair.language) == 0
        # Nothing that only a comment says gives the bug away.
        assert "bug" not in text.lower().replace("debug", "")
        assert all(word.lower() in text.lower() for word in pair.forbidden)
    if pair.buggy is not None:
        assert pair.lines == changed_lines(pair.buggy, pair.fixed)
        assert max(pair.lines) - min(pair.lines) < 10
        assert pair.rule in RULES


ALL_IN_ONE = """
import json, sys, types
for code, tests in json.load(sys.stdin):
    sys.modules["subject"] = subject = types.ModuleType("subject")
    try:
        exec(code, subject.__dict__)
        exec(tests, {"__name__": "__main__"})
    except Exception:
        print("failed")
    else:
        print("passed")
"""


def test_their_tests_tell_the_versions_apart() -> None:
    tested = [pair for pair in PAIRS if pair.tests]
    runs = [(pair.id, side, pair.text(side), pair.tests) for pair in tested for side in pair.sides]
    # One process for all: a start of Python for each would take longer than all the tests.
    told = subprocess.run(
        [sys.executable, "-c", ALL_IN_ONE],
        input=json.dumps([run[2:] for run in runs]),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.split()
    expected = {"fixed": "passed", "buggy": "failed"}
    wrong = [run[:2] for run, got in zip(runs, told, strict=True) if got != expected[run[1]]]
    assert wrong == []


@pytest.mark.deep
@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair.tests], ids=lambda pair: pair.id)
def test_they_do_so_each_in_a_process_of_its_own(pair: Pair) -> None:
    assert run_tests(pair.fixed, pair.tests) is Verdict.PASSED
    assert run_tests(pair.text("buggy"), pair.tests) is Verdict.FAILED


def test_most_python_pairs_have_tests() -> None:
    counts = Counter(bool(pair.tests) for pair in BUGS if pair.language == "python")
    assert counts[True] >= 20
    assert counts[False] <= 2


def test_no_two_say_the_same() -> None:
    texts = [pair.text(side) for pair in PAIRS for side in pair.sides]
    assert len(set(texts)) == len(texts)


def test_a_folder_becomes_a_file_and_is_the_same() -> None:
    assert pairs.decode(pairs.encode(PAIRS)) == PAIRS
