from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.exchanges.binance.scripted import ScriptedServer, serve


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with serve() as scripted:
        yield scripted
