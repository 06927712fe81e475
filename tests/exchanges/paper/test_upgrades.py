"""A state file of an earlier version goes on: nothing is lost, and everything new works on it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from exchanges.paper.schema import APPLICATION_ID, SCHEMA_VERSION, STATE_FILE
from tests.exchanges.paper.conftest import OpenVenue
from tests.exchanges.paper.venue import Venue

VERSION_4 = Path(__file__).parent / "states" / "version_4.sql"
"""What version 4 of the program left: a market order filled, and a bid, an offer and two stops waiting."""

_TO_VERSION_1 = (
    "ALTER TABLE orders DROP COLUMN stop_price",
    "DROP TABLE fault_plan",
    "DROP TABLE late_fills",
    "DROP TABLE transfers",
)


def restored(directory: Path, version: int) -> None:
    """Put a state of an early version where an exchange will look for it."""
    directory.mkdir(parents=True)
    database = sqlite3.connect(directory / STATE_FILE)
    database.executescript(VERSION_4.read_text())
    if version == 1:
        for statement in ("DELETE FROM orders WHERE stop_price > 0", *_TO_VERSION_1):
            database.execute(statement)
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute(f"PRAGMA user_version = {version}")
    database.commit()
    database.close()


def open_ids(venue: Venue) -> list[str]:
    return [row["clientOrderId"] for row in venue.signed("GET", "/api/v3/openOrders").body]


def test_a_state_of_version_4_keeps_its_orders_and_balances(venues: OpenVenue, tmp_path: Path) -> None:
    restored(tmp_path / "state", 4)
    venue = venues()
    assert open_ids(venue) == ["bid", "offer", "guard", "chase"]
    before = venue.balances()
    assert (before["USDT"], before["BTC"]) == (
        ("7219.48750000", "1550.00000000"),
        ("0.97999000", "0.03000000"),
    )
    assert len(venue.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT").body) == 1
    for name in open_ids(venue):
        assert venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId=name).status == 200
    after = venue.balances()
    assert after["USDT"] == ("8769.48750000", "0.00000000")
    assert after["BTC"] == ("1.00999000", "0.00000000")
    assert venue.order(quantity="0.001", price="50000.00").body["orderId"] == 6


@pytest.mark.parametrize("version", [1, 4])
def test_every_version_is_brought_to_the_present_one(venues: OpenVenue, tmp_path: Path, version: int) -> None:
    restored(tmp_path / "state", version)
    venue = venues()
    assert "bid" in open_ids(venue)
    database = sqlite3.connect(tmp_path / "state" / STATE_FILE)
    assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    database.close()
