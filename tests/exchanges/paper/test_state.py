"""The state file: foreign files, resets, speeds, markets, and who shares what."""

from __future__ import annotations

import os
import sqlite3
import stat
from decimal import Decimal
from pathlib import Path

import pytest

from exchanges.paper import MarketFileError, StateError, admin
from exchanges.paper.schema import STATE_FILE
from tests.exchanges.paper.conftest import OpenVenue
from tests.exchanges.paper.venue import START_MS, Wall, open_venue

HOUR_MS = 3_600_000


def test_a_foreign_file_is_refused_and_left_untouched(tmp_path: Path, wall: Wall) -> None:
    for name, content in (("text", b"these are not rows" * 100), ("sqlite", None)):
        directory = tmp_path / name
        directory.mkdir()
        path = directory / STATE_FILE
        if content is None:
            with sqlite3.connect(path) as other:
                other.execute("CREATE TABLE notes (text)")
            other.close()
        else:
            path.write_bytes(content)
        before = path.read_bytes()
        with pytest.raises(StateError, match="move it away"):
            open_venue(directory, wall)
        assert path.read_bytes() == before
        assert list(directory.iterdir()) == [path]


def test_another_version_is_refused(tmp_path: Path, wall: Wall) -> None:
    open_venue(tmp_path, wall).exchange.close()
    with sqlite3.connect(tmp_path / STATE_FILE) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(StateError, match="version 99"):
        open_venue(tmp_path, wall)


def test_only_the_owner_reads_the_state(venues: OpenVenue, tmp_path: Path) -> None:
    venues()
    assert stat.S_IMODE((tmp_path / "state" / STATE_FILE).stat().st_mode) == 0o600


def test_a_home_made_with_the_state_is_the_owners_alone(tmp_path: Path, wall: Wall) -> None:
    state = tmp_path / "home" / "paper"
    usual = os.umask(0)
    try:
        open_venue(state, wall).exchange.close()
    finally:
        os.umask(usual)
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (state.parent, state)] == [0o700, 0o700]


def test_reset_wipes_one_persona_and_keeps_its_keys(venues: OpenVenue, wall: Wall) -> None:
    testnet, mainnet = venues(), venues(persona="mainnet")
    for venue in (testnet, mainnet):
        venue.order("BUY", "MARKET", quantity="0.001")
        venue.order(price="50000", quantity="0.001")
    epoch, uid = admin.account(testnet.exchange).epoch, admin.account(testnet.exchange).uid
    key = admin.create_key(testnet.exchange, "mine")
    wall.forward(1000)
    testnet.exchange.reset()
    assert admin.account(testnet.exchange).epoch == epoch + 1
    assert admin.account(testnet.exchange).uid == uid
    assert testnet.balances()["USDT"] == ("10000.00000000", "0.00000000")
    for path in ("allOrders", "myTrades", "openOrders"):
        assert testnet.signed("GET", f"/api/v3/{path}", symbol="BTCUSDT").body == []
    assert key in admin.list_keys(testnet.exchange)
    assert testnet.order(price="50000", quantity="0.001").body["orderId"] == 1
    assert len(mainnet.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT").body) == 2


def test_another_process_sees_a_reset_at_once(venues: OpenVenue) -> None:
    one, other = venues(), venues()
    one.order(price="50000", quantity="0.001")
    assert len(other.signed("GET", "/api/v3/openOrders").body) == 1
    other.exchange.reset()
    assert one.signed("GET", "/api/v3/openOrders").body == []
    assert one.balances()["USDT"] == ("10000.00000000", "0.00000000")


def test_a_failed_transaction_leaves_nothing_behind(venues: OpenVenue) -> None:
    venue = venues()
    before = venue.balances()

    def fail_half_way() -> None:
        with venue.exchange.transaction() as engine:
            engine.world.post("USDT", free=-5)
            engine.records.orders.page(engine.world.account.account, "BTCUSDT", limit=1)
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="bug"):
        fail_half_way()
    assert venue.balances() == before


def test_a_balance_never_becomes_negative(venues: OpenVenue) -> None:
    venue = venues()
    with pytest.raises(ArithmeticError), venue.exchange.transaction() as engine:
        engine.world.post("USDT", free=-(10**15))


def test_all_processes_share_one_clock_and_a_new_speed_continues_it(venues: OpenVenue, wall: Wall) -> None:
    one = venues()
    assert one.exchange.now_ms() == START_MS
    wall.forward(1_000)
    fast = venues(speed=60)
    assert fast.exchange.now_ms() == START_MS + 1_000
    wall.forward(1_000)
    assert fast.exchange.now_ms() == START_MS + 61_000
    assert one.public("/api/v3/time").body["serverTime"] == START_MS + 61_000
    kept = venues()
    wall.forward(500)
    assert kept.exchange.now_ms() == START_MS + 91_000
    assert float(kept.exchange.speed) == 60


@pytest.mark.parametrize("speed", [0, -1, 100_001])
def test_impossible_speeds_are_refused(venues: OpenVenue, speed: int) -> None:
    with pytest.raises(ValueError, match="speed"):
        venues(speed=speed)


def test_time_never_runs_backwards_even_across_processes(venues: OpenVenue, wall: Wall) -> None:
    one = venues()
    one.order(price="50000", quantity="0.001")
    wall.forward(-10_000)
    assert one.exchange.now_ms() == START_MS
    other = venues()
    assert other.public("/api/v3/time").body["serverTime"] == START_MS


def recording(path: Path, minutes: int, start_ms: int = 1_640_995_200_000) -> Path:
    rows = []
    for minute in range(minutes):
        opened, price = start_ms + minute * 60_000, 47_000 + minute % 7
        rows.append(
            f"{opened},{price},{price + 2},{price - 2},{price + 1},10,{opened + 59_999},470000,0,0,0,0"
        )
    path.write_text("\n".join(rows) + "\n")
    return path


def test_a_recorded_market_has_an_account_of_its_own(venues: OpenVenue, tmp_path: Path) -> None:
    path = recording(tmp_path / "bars.csv", 5_000)
    synthetic = venues()
    synthetic.order(price="50000", quantity="0.001")
    recorded = venues(market=f"file:{path}")
    price = Decimal(recorded.public("/api/v3/ticker/price", symbol="BTCUSDT").body["price"])
    assert 46_990 < price < 47_020
    assert recorded.signed("GET", "/api/v3/openOrders").body == []
    assert recorded.api_key == synthetic.api_key  # keys belong to the persona
    assert recorded.order("BUY", "MARKET", quantity="0.001").body["status"] == "FILLED"
    assert len(synthetic.signed("GET", "/api/v3/openOrders").body) == 1
    assert admin.account(recorded.exchange).uid != admin.account(synthetic.exchange).uid
    moved = path.rename(tmp_path / "moved.csv")
    again = venues(market=f"file:{moved}")
    assert admin.account(again.exchange).uid == admin.account(recorded.exchange).uid


def test_at_the_end_of_the_file_the_symbol_breaks_and_cancels_still_work(
    venues: OpenVenue, wall: Wall, tmp_path: Path
) -> None:
    venue = venues(market=f"file:{recording(tmp_path / 'bars.csv', 5_000)}")
    venue.order(price="40000", quantity="0.001")
    wall.forward(5_000 * 60_000)
    assert venue.public("/api/v3/exchangeInfo", symbol="BTCUSDT").body["symbols"][0]["status"] == "BREAK"
    assert venue.order(price="40000", quantity="0.001").body == {"code": -2010, "msg": "Market is closed."}
    assert venue.order("BUY", "MARKET", quantity="0.001").body == {"code": -2010, "msg": "Market is closed."}
    assert venue.public("/api/v3/depth", symbol="BTCUSDT").body["bids"][1:] == []
    for path in ("ticker/24hr", "ticker/bookTicker", "avgPrice", "trades", "klines?interval=1m&"):
        path, _, query = path.partition("?")
        assert venue.send("GET", f"/api/v3/{path}", query=f"{query}symbol=BTCUSDT").status == 200
    assert venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=1).status == 200
    assert venue.order(symbol="ETHUSDT", side="BUY", kind="MARKET", quantity="0.01").status == 200
    venue.exchange.reset()
    assert venue.order("BUY", "MARKET", quantity="0.001").body["status"] == "FILLED"  # it starts again


@pytest.mark.parametrize(
    ("market", "symbol", "error", "text"),
    [
        ("file:missing.csv", "BTCUSDT", MarketFileError, "missing.csv"),
        ("csv:bars", "BTCUSDT", ValueError, "file:PATH"),
        ("file:bars.csv", "NOSUCH", ValueError, "NOSUCH"),
    ],
)
def test_markets_that_cannot_be(
    venues: OpenVenue, market: str, symbol: str, error: type[Exception], text: str
) -> None:
    recording(Path("bars.csv"), 100)
    with pytest.raises(error, match=text):
        venues(market=market, market_symbol=symbol)


def test_a_malformed_file_is_refused_before_any_account_is_made(venues: OpenVenue, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("not,bars\n")
    with pytest.raises(MarketFileError):
        venues(market=f"file:{bad}")
    assert not (tmp_path / "state").exists()


def test_a_state_made_before_a_symbol_was_listed_can_trade_it(tmp_path: Path, wall: Wall) -> None:
    open_venue(tmp_path, wall).exchange.close()
    with sqlite3.connect(tmp_path / STATE_FILE) as other:
        other.execute("DELETE FROM symbols WHERE symbol = 'XRPBTC'")
    other.close()
    venue = open_venue(tmp_path, wall)
    placed = venue.order("SELL", symbol="BTCUSDT", price="200000", quantity="0.001")
    listed = venue.order("BUY", symbol="XRPBTC", price="0.00001000", quantity="100")
    venue.exchange.close()
    assert (placed.status, listed.status) == (200, 200)
