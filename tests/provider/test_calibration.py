"""The figures were recorded: review requests over real code, estimated and counted with o200k_base."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.provider.calibration import Calibration

if TYPE_CHECKING:
    from collections.abc import Callable

COUNTS: dict[str, list[tuple[int, int]]] = json.loads(
    Path(__file__).with_name("o200k_counts.json").read_text("utf-8")
)
TOKENIZERS: dict[str, Callable[[int], int]] = {
    "o200k": lambda actual: actual,
    "o200k and what the provider adds": lambda actual: actual + 150,
    "one with a smaller vocabulary": lambda actual: actual * 5 // 4,
    "one with a larger vocabulary": lambda actual: actual * 17 // 20,
}


def errors(counts: list[tuple[int, int]], tokenizer: Callable[[int], int], learnt: int = 10) -> list[float]:
    """Of the predictions after so many requests, as shares of the truth."""
    calibration = Calibration()
    result = []
    for i, (raw, count) in enumerate(counts):
        actual = tokenizer(count)
        if i >= learnt:
            result.append(abs(calibration.input("m", "x", raw) - actual) / actual)
        calibration.learn_input("m", "x", raw, actual)
    return result


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@pytest.mark.parametrize("language", COUNTS)
def test_after_ten_requests_the_input_is_known_to_ten_percent(language: str, tokenizer: str) -> None:
    wrong = errors(COUNTS[language], TOKENIZERS[tokenizer])
    assert fmean(wrong) < 0.07
    assert sum(error > 0.1 for error in wrong) <= 0.15 * len(wrong)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_over_all_languages_the_mean_error_is_four_percent(tokenizer: str) -> None:
    wrong = [error for counts in COUNTS.values() for error in errors(counts, TOKENIZERS[tokenizer])]
    assert fmean(wrong) < 0.04
    assert sum(error > 0.1 for error in wrong) <= 0.05 * len(wrong)


def test_what_nobody_answered_yet_is_taken_as_estimated() -> None:
    calibration = Calibration()
    assert calibration.input("m", "go", 1000) == 1000
    assert calibration.output("m", "findings", 800) == 800


def test_another_language_begins_with_what_is_known_of_the_model_and_then_goes_its_own_way() -> None:
    calibration = Calibration()
    for _ in range(20):
        calibration.learn_input("m", "go", 1000, 1300)
    assert calibration.input("m", "rust", 1000) == 1300
    assert calibration.input("another", "go", 1000) == 1000
    for _ in range(60):
        calibration.learn_input("m", "rust", 1000, 900)
    assert calibration.input("m", "rust", 1000) == pytest.approx(900, abs=10)
    assert calibration.input("m", "go", 1000) == 1300


def test_a_factor_follows_a_model_that_changes() -> None:
    calibration = Calibration()
    for _ in range(100):
        calibration.learn_input("m", "go", 1000, 900)
    for _ in range(30):
        calibration.learn_input("m", "go", 1000, 1200)
    assert calibration.input("m", "go", 1000) == pytest.approx(1200, rel=0.02)


@pytest.mark.parametrize(("raw", "actual"), [(1000, 0), (1000, -5), (0, 100), (1000, 10), (10, 1_000_000)])
def test_counts_that_cannot_be_are_not_learnt(raw: int, actual: int) -> None:
    calibration = Calibration()
    calibration.learn_input("m", "go", raw, actual)
    assert calibration.input("m", "go", 1000) == 1000


def test_an_answer_is_expected_as_long_as_nine_of_ten_were() -> None:
    calibration = Calibration()
    for length in range(10, 210, 10):
        calibration.learn_output("m", "findings", length)
    assert calibration.output("m", "findings", 4000) == 190
    assert calibration.output("m", "findings", 100) == 100
    assert calibration.output("m", "verdicts", 4000) == 4000


def test_a_few_answers_say_nothing_about_the_next() -> None:
    calibration = Calibration()
    for _ in range(4):
        calibration.learn_output("m", "findings", 10)
    assert calibration.output("m", "findings", 4000) == 4000
    calibration.learn_output("m", "findings", 0)
    assert calibration.output("m", "findings", 4000) == 4000
    calibration.learn_output("m", "findings", 12)
    assert calibration.output("m", "findings", 4000) == 12


def test_answers_of_long_ago_are_forgotten() -> None:
    calibration = Calibration()
    for _ in range(50):
        calibration.learn_output("m", "findings", 3000)
    for _ in range(50):
        calibration.learn_output("m", "findings", 20)
    assert calibration.output("m", "findings", 4000) == 20


@given(st.lists(st.tuples(st.integers(-10, 10**9), st.integers(-10, 10**9))), st.integers(0, 10**6))
def test_whatever_is_learnt_a_prediction_stays_within_reason(learnt: list[tuple[int, int]], raw: int) -> None:
    calibration = Calibration()
    for estimated, actual in learnt:
        calibration.learn_input("m", "go", estimated, actual)
        calibration.learn_output("m", "findings", actual)
    assert raw // 4 <= calibration.input("m", "go", raw) <= raw * 4 + 1
    assert 0 <= calibration.output("m", "findings", raw) <= raw
