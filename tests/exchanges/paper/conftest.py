"""Exchanges for tests, closed afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.exchanges.paper.venue import Venue, Wall, open_venue

OpenVenue = Callable[..., Venue]


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def venues(tmp_path: Path, wall: Wall) -> Iterator[OpenVenue]:
    """Open any number of venues on one state, as several processes would."""
    opened: list[Venue] = []

    def open_one(**settings: Any) -> Venue:
        opened.append(open_venue(tmp_path / "state", wall, **settings))
        return opened[-1]

    yield open_one
    for venue in opened:
        venue.exchange.close()


@pytest.fixture
def venue(venues: OpenVenue) -> Venue:
    """The testnet persona on the synthetic market."""
    return venues()
