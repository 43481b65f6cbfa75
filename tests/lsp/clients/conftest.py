from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.captured import CLIENTS
from tests.support.captured_wire import CapturedWire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(params=CLIENTS)
async def client(request: pytest.FixtureRequest) -> AsyncIterator[CapturedWire]:
    """Each captured client in turn, in front of a server of its own."""
    wire = CapturedWire(request.param)
    yield wire
    await wire.close()
    assert wire.overasked() == []
