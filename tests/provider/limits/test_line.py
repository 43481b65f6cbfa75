from __future__ import annotations

import random
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from kibitz.provider.limits.line import Line
from kibitz.provider.limits.priority import Priority


def drained(line: Line[str]) -> list[str]:
    result = []
    while (head := line.head) is not None:
        result.append(head)
        line.leave(head)
    return result


def test_the_more_urgent_goes_first_and_among_equals_who_came_first() -> None:
    line: Line[str] = Line()
    line.join("warm", Priority.WARMING)
    line.join("open 1", Priority.OPEN)
    line.join("open 2", Priority.OPEN)
    line.join("asked", Priority.EXPLICIT)
    assert len(line) == 4
    assert drained(line) == ["asked", "open 1", "open 2", "warm"]
    assert len(line) == 0


def test_one_that_has_waited_before_goes_before_who_came_later() -> None:
    line: Line[str] = Line()
    line.join("a", Priority.OPEN, since=2.0)
    line.join("b", Priority.OPEN, since=3.0)
    line.join("again", Priority.OPEN, since=2.5)
    line.join("later", Priority.OPEN, since=3.0)
    line.join("warm", Priority.WARMING, since=1.0)
    assert drained(line) == ["a", "again", "b", "later", "warm"]


def test_one_that_moves_forward_keeps_its_arrival() -> None:
    line: Line[str] = Line()
    for name in ("a", "b", "c"):
        line.join(name, Priority.WARMING)
    line.move("c", Priority.OPEN)
    line.move("b", Priority.OPEN)
    line.move("gone", Priority.EXPLICIT)
    assert drained(line) == ["b", "c", "a"]


def test_those_who_left_are_forgotten_while_the_head_stays() -> None:
    line: Line[int] = Line()
    line.join(0, Priority.EXPLICIT)
    for i in range(1, 10_000):
        line.join(i, Priority.OPEN)
        line.leave(i)
        line.leave(i)
    assert line.head == 0
    assert len(line._heap) < 100


@dataclass
class Model:
    """The same with a sorted list."""

    waiting: dict[int, tuple[Priority, int]]

    def head(self) -> int | None:
        return min(self.waiting, key=lambda waiter: self.waiting[waiter], default=None)


@given(st.integers(0, 2**32), st.integers(1, 300))
def test_it_is_in_order_after_any_coming_going_and_moving(seed: int, steps: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be the same each time
    line: Line[int] = Line()
    model = Model({})
    for step in range(steps):
        what = chance.random()
        if what < 0.4 or not model.waiting:
            priority = chance.choice(list(Priority))
            line.join(step, priority)
            model.waiting[step] = (priority, step)
        elif what < 0.7:
            waiter = chance.choice(list(model.waiting))
            arrival = model.waiting[waiter][1]
            priority = chance.choice(list(Priority))
            line.move(waiter, priority)
            model.waiting[waiter] = (priority, arrival)
        else:
            waiter = chance.choice(list(model.waiting))
            line.leave(waiter)
            del model.waiting[waiter]
        assert line.head == model.head()
        assert set(line) == set(model.waiting)
