"""Cases of all kinds in batches, each of which can be repeated by its number."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.fuzz import answers, written
from tests.fuzz.stream import CASES as MESSAGES
from tests.fuzz.stream import Conversation

if TYPE_CHECKING:
    from pathlib import Path

ANSWERS = 60
FILES = 40
CASES = MESSAGES + ANSWERS + FILES
"""Of one batch. A conversation that ends early is followed by another one."""


async def play(number: int, folder: Path) -> None:
    """Play the batch of that number; raises whatever went wrong."""
    chance = random.Random(number)  # noqa: S311 - a test that can be repeated
    left = MESSAGES
    while left:
        left -= await Conversation(chance).run(left)
    for _ in range(ANSWERS):
        await answers.answer(chance)
    for _ in range(FILES):
        written.case(chance, folder)
