"""A state file of an earlier version goes on: nothing is lost, and everything new works on it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from exchanges.paper import admin
from exchanges.paper.schema import APPLICATION_ID, SCHEMA_VERSION, STATE_FILE, connect
from tests.exchanges.paper.conftest import OpenVenue
from tests.exchanges.paper.venue import Venue, customer

STATES = Path(__file__).parent / "states"
"""What the program left at version 4: a market order filled, and a bid, an offer and two stops waiting; at
version 5: two market orders filled, and a bid, an offer and a pair waiting, and two keys.
"""

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
    database.executescript((STATES / f"version_{max(version, 4)}.sql").read_text())
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


def test_a_state_of_version_5_goes_on_as_the_main_account_of_a_venue(
    venues: OpenVenue, tmp_path: Path
) -> None:
    restored(tmp_path / "state", 5)
    venue = venues()
    assert venue.secret == "b" * 64
    assert {key.account for key in admin.list_keys(venue.exchange)} == {"main"}
    assert open_ids(venue) == ["bid", "offer", "below", "above"]
    before = venue.balances()
    assert (before["USDT"], before["BTC"]) == (
        ("9129.63601160", "500.00000000"),
        ("0.98998000", "0.02000000"),
    )
    trades = venue.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT").body
    public = venue.public("/api/v3/historicalTrades", symbol="BTCUSDT", fromId=trades[0]["id"], limit=1)
    assert [trade["id"] for trade in public.body] == [trades[0]["id"]]
    other = customer(venue)
    assert other.balances()["USDT"] == ("10000.00000000", "0.00000000")
    assert other.order(quantity="0.001", price="50000.00").body["orderId"] == 7
    assert venue.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT").status == 200
    assert venue.balances()["USDT"] == ("9629.63601160", "0.00000000")


@pytest.mark.parametrize("version", [1, 4, 5])
def test_every_version_is_brought_to_the_present_one(venues: OpenVenue, tmp_path: Path, version: int) -> None:
    restored(tmp_path / "state", version)
    venue = venues()
    assert "bid" in open_ids(venue)
    database = sqlite3.connect(tmp_path / "state" / STATE_FILE)
    assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    database.close()


def test_an_upgraded_state_has_the_tables_of_a_new_one(venues: OpenVenue, tmp_path: Path) -> None:
    restored(tmp_path / "state", 1)
    venues()
    connect(tmp_path / "new").close()
    assert tables(tmp_path / "state") == tables(tmp_path / "new")


def tables(directory: Path) -> dict[str, tuple[object, ...]]:
    """Return of each table and index what it is made of."""
    database = sqlite3.connect(directory / STATE_FILE)
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_master ORDER BY name")]
    found = {
        name: tuple(
            tuple(database.execute(f"SELECT * FROM {pragma}(?)", (name,)).fetchall())
            for pragma in ("pragma_table_info", "pragma_index_xinfo")
        )
        for name in names
    }
    conditions = [
        sql.partition(" WHERE ")[2]
        for (sql,) in database.execute("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL")
    ]
    database.close()
    return {**found, "conditions": tuple(sorted(conditions))}
