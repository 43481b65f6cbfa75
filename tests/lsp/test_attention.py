from __future__ import annotations

import pytest
from tests.support.clock import FakeClock

from kibitz.lsp.attention import SETTLE_SECONDS, Attention


class Watched:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.told: list[str] = []
        self.attention = Attention(self.clock, self.told.append)

    def focus(self) -> str | None:
        return self.attention.focus


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_only_attention_that_stays_counts(watched: Watched) -> None:
    for number in range(100):
        watched.attention.turn(f"{number}.py")
        watched.clock.advance(SETTLE_SECONDS / 2)
    assert watched.told == []
    assert watched.focus() is None
    watched.clock.advance(SETTLE_SECONDS)
    assert watched.told == ["99.py"]
    assert watched.focus() == "99.py"
    assert watched.clock.waiting == 0


def test_going_on_in_the_same_document_is_no_news(watched: Watched) -> None:
    for _ in range(10):
        watched.attention.turn("a.py")
        watched.clock.advance(SETTLE_SECONDS)
    assert watched.told == ["a.py"]


def test_a_look_aside_changes_nothing(watched: Watched) -> None:
    watched.attention.turn("a.py")
    watched.clock.advance(SETTLE_SECONDS)
    watched.attention.turn("b.py")
    watched.attention.turn("a.py")
    assert watched.focus() == "a.py"
    watched.clock.advance(SETTLE_SECONDS)
    assert watched.focus() == "a.py"


def test_what_is_gone_is_not_looked_at(watched: Watched) -> None:
    watched.attention.turn("a.py")
    watched.attention.lose("a.py")
    watched.clock.advance(SETTLE_SECONDS)
    assert watched.told == []
    watched.attention.turn("a.py")
    watched.clock.advance(SETTLE_SECONDS)
    watched.attention.turn("b.py")
    watched.attention.lose("b.py")
    assert watched.focus() == "a.py"
    watched.attention.lose("a.py")
    watched.clock.advance(SETTLE_SECONDS)
    assert watched.focus() is None
    assert watched.told == ["a.py"]
