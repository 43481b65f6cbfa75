from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING

import pytest
from tests.support.lsp_wire import settle

from kibitz.lsp.permission import ALLOW, NOT_NOW, Permission
from kibitz.provider.keys.consent import ConsentNeeded

if TYPE_CHECKING:
    from collections.abc import Sequence

NEEDED = ConsentNeeded("https://models.example:443", "environment variable OPENAI_API_KEY")
OTHER = ConsentNeeded("https://models.example:443", "file /x/key")


class User:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: list[asyncio.Future[str | None]] = []
        self.refused: list[str] = []
        self.kept: list[tuple[str, str]] = []
        self.trouble: OSError | None = None
        self.reviews = 0
        self.permission = Permission(self.choose, self.refused.append, self.keep, self.review)

    async def choose(self, message: str, choices: Sequence[str]) -> str | None:
        assert choices == (ALLOW, NOT_NOW)
        self.asked.append(message)
        self.answers.append(asyncio.get_running_loop().create_future())
        return await self.answers[-1]

    async def keep(self, wanted: ConsentNeeded) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.kept.append((wanted.origin, wanted.place))

    def review(self) -> None:
        self.reviews += 1


async def test_it_asks_once_and_keeps_the_answer() -> None:
    user = User()
    for _ in range(3):
        user.permission.need(NEEDED)
    await settle()
    (question,) = user.asked
    assert question.startswith(
        "kibitz: Send the key from environment variable OPENAI_API_KEY to https://models.example:443? "
        "It was not used there before."
    )
    user.answers[0].set_result(ALLOW)
    await settle()
    assert user.kept == [(NEEDED.origin, NEEDED.place)]
    assert user.reviews == 1
    user.permission.need(NEEDED)
    await settle()
    assert (len(user.asked), user.refused) == (1, [])


@pytest.mark.parametrize("answer", [NOT_NOW, None, "something else"])
async def test_without_a_yes_it_says_how_to_allow_it_and_asks_no_more(answer: str | None) -> None:
    user = User()
    user.permission.need(NEEDED)
    await settle()
    user.answers[0].set_result(answer)
    await settle()
    user.permission.need(NEEDED)
    await settle()
    (told,) = user.refused
    assert "kibitz key allow https://models.example:443" in told
    assert (len(user.asked), user.kept, user.reviews) == (1, [], 0)


async def test_each_key_and_place_is_a_question_of_its_own() -> None:
    user = User()
    user.permission.need(NEEDED)
    user.permission.need(OTHER)
    await settle()
    assert len(user.asked) == 2
    user.answers[1].set_result(ALLOW)
    await settle()
    assert user.kept == [(OTHER.origin, OTHER.place)]


async def test_a_yes_that_cannot_be_kept_is_no_yes() -> None:
    user = User()
    user.trouble = OSError(errno.EROFS, "Read-only file system")
    user.permission.need(NEEDED)
    await settle()
    user.answers[0].set_result(ALLOW)
    await settle()
    (told,) = user.refused
    assert "Read-only file system" in told
    assert user.reviews == 0
