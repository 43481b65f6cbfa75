"""What the tests of faults share."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import pytest
from tests.provider.clients import CANARY, CODE, client
from tests.support.fake_provider import Answer, FakeProvider

from kibitz.provider.errors import OpenAIError

if TYPE_CHECKING:
    from kibitz.provider.client import OpenAIClient

APIS = ("chat", "responses")
SECRET_LINE = "    return sum(values) / len(value)"
"""Of ``CODE``, which no message may repeat."""


def whole(error: BaseException) -> str:
    """All that printing an error in any way could show."""
    shown = traceback.format_exception(error)
    link: BaseException | None = error
    while link is not None:
        shown += [str(link), repr(link), repr(link.args)]
        link = link.__cause__ or link.__context__
    return "\n".join([*shown, repr(vars(error))])


def queued(tested: OpenAIClient) -> int:
    """How many requests wait for their turn."""
    return sum(lane.gate.queued for target in tested.status().targets for lane in target.lanes)


async def failed(tested: OpenAIClient) -> OpenAIError:
    """The error of a review, which shows neither the key nor the code."""
    with pytest.raises(OpenAIError) as caught:
        await tested.process_code(CODE)
    assert CANARY not in whole(caught.value)
    assert SECRET_LINE not in whole(caught.value)
    return caught.value


async def failure(answer: Answer, api: str = "chat", **changes: Any) -> OpenAIError:
    """The error of a review whose only request gets this answer."""
    async with FakeProvider() as fake, client(fake, api=api, **changes) as tested:
        fake.push(answer)
        return await failed(tested)
