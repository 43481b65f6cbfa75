from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.support.lsp_wire import settle

from kibitz.lsp.raising import ALLOW, NOT_NOW, Raising
from kibitz.provider.errors import RateLimitExceeded
from kibitz.provider.fallback import BUDGET
from kibitz.telemetry.budget import BudgetUsedUpError
from kibitz.telemetry.caps import Cap

if TYPE_CHECKING:
    from collections.abc import Sequence


def refused(period: str) -> RateLimitExceeded:
    cause = BudgetUsedUpError(Cap("requests", "day", 5), 5, 1, period)
    error = RateLimitExceeded(str(cause), code=BUDGET)
    error.__cause__ = cause
    return error


class User:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: list[asyncio.Future[str | None]] = []
        self.raised = 0
        self.reviews = 0
        self.raising = Raising(self.choose, self.more, self.review)

    async def choose(self, message: str, choices: Sequence[str]) -> str | None:
        assert choices == (ALLOW, NOT_NOW)
        self.asked.append(message)
        self.answers.append(asyncio.get_running_loop().create_future())
        return await self.answers[-1]

    async def more(self) -> str:
        self.raised += 1
        return ""

    def review(self) -> None:
        self.reviews += 1


async def test_it_asks_once_a_day_and_goes_on_with_a_yes() -> None:
    user = User()
    for _ in range(3):
        user.raising.need(refused("2026-11-23"))
    await settle()
    (question,) = user.asked
    assert question.startswith("kibitz: today's budget of 5 requests does not allow for another request")
    user.answers[0].set_result(ALLOW)
    await settle()
    assert (user.raised, user.reviews) == (1, 1)
    user.raising.need(refused("2026-11-24"))
    await settle()
    assert len(user.asked) == 2


@pytest.mark.parametrize("answer", [NOT_NOW, None, "something else"])
async def test_without_a_yes_nothing_changes(answer: str | None) -> None:
    user = User()
    user.raising.need(refused("2026-11-23"))
    await settle()
    user.answers[0].set_result(answer)
    await settle()
    assert (user.raised, user.reviews) == (0, 0)
