"""The pulse of the streams when looking fails: nothing is told twice, and nothing is lost."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from exchanges.paper.dialects.binance.streams.account_feed import AccountEvents
from exchanges.paper.engine import Engine
from exchanges.paper.sockets.hub import Hub, Told
from tests.exchanges.paper.venue import Venue


@dataclass
class Failing:
    """A feed that fails as often as it is told to."""

    errors: list[Exception]
    period_s: float = 0.0

    def news(self, engine: Engine) -> list[Any]:
        if self.errors:
            raise self.errors.pop()
        return []


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk full"), RuntimeError("a bug")])
async def test_what_a_failed_look_saw_is_told_at_the_next(venue: Venue, error: Exception) -> None:
    hub, told, errors = Hub(venue.exchange), list[Told](), list[Exception]()
    account = venue.exchange.open_account("main").account
    hub.listen({"account": partial(AccountEvents, account), "failing": partial(Failing, errors)}, told.append)
    venue.order(price="50000", quantity="0.001")
    errors.append(error)
    hub.pulse()
    assert told == []
    hub.pulse()
    hub.pulse()
    assert [each.payload["e"] for each in told] == ["executionReport", "outboundAccountPosition"]
