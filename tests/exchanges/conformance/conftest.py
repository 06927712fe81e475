from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.exchanges.conformance.desk import Desk, open_desk


@pytest.fixture(params=["binance"])
def venue_name(request: pytest.FixtureRequest) -> str:
    """Every venue that must pass the suite; each speaks to the paper exchange in its own dialect."""
    name: str = request.param
    return name


@pytest.fixture
async def desk(venue_name: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(venue_name, tmp_path / "paper") as opened:
        yield opened


@pytest.fixture
async def live_desk(venue_name: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """The persona that plays the live venue."""
    async with open_desk(venue_name, tmp_path / "paper", "mainnet") as opened:
        yield opened
