from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.lsp_wire import Wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire()
    yield wire
    await wire.close()
