from __future__ import annotations

from kibitz.telemetry.cachecounts import CacheCounts
from kibitz.telemetry.events import BURST_S, QUESTIONS, REPEATS_S, Rules, Seen, collapsed


def test_one_refused_key_after_the_other() -> None:
    rules = Rules()
    found = [list(rules.broken(Seen(at, trouble="401"))) for at in (0, 1, 2, 3, 4)]
    assert found == [[], [], [], [], ["refusals"]]
    assert list(rules.broken(Seen(5 + BURST_S, trouble="401"))) == []
    assert list(rules.broken(Seen(6, trouble="429"))) == []


def test_failed_handshakes_and_redirects() -> None:
    rules = Rules()
    codes = ("tls", "certificate", "redirect", "tls", "redirect")
    assert [list(rules.broken(Seen(0, trouble=code))) for code in codes][-1] == ["transport"]


def test_the_same_question_is_answered_three_times_and_no_more() -> None:
    rules = Rules()
    assert [list(rules.broken(Seen(at, question=7))) for at in range(4)][2:] == [[], ["repeated"]]
    assert list(rules.broken(Seen(REPEATS_S + 10, question=7))) == []
    failing = Rules()
    for at in range(9):
        assert list(failing.broken(Seen(at, question=7, trouble="503"))) == [], "it was not answered"
        assert list(failing.broken(Seen(at))) == [], "which one it was is not known"
    for number in range(1, 3 * QUESTIONS):
        list(rules.broken(Seen(1, question=number)))
    assert len(rules._questions) == QUESTIONS


def test_an_answer_that_is_far_longer_than_its_question() -> None:
    rules = Rules()
    assert list(rules.broken(Seen(0, input_tokens=200, output_tokens=2000))) == ["ratio"]
    assert list(rules.broken(Seen(0, input_tokens=201, output_tokens=2000))) == []
    assert list(rules.broken(Seen(0, input_tokens=10, output_tokens=1999))) == []


def test_a_cache_that_lost_what_it_had() -> None:
    week = CacheCounts(1000, hits=900, misses=100)
    assert collapsed(CacheCounts(200, hits=10, misses=190), week)
    assert not collapsed(CacheCounts(200, hits=100, misses=100), week)
    assert not collapsed(CacheCounts(199, misses=199), week), "too few to tell"
    assert not collapsed(CacheCounts(200, misses=200), CacheCounts(399, hits=300, misses=99))
    assert not collapsed(CacheCounts(200, misses=200), CacheCounts(1000, misses=1000)), "there never was any"
