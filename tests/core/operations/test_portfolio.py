"""What is held on other symbols binds an entry, and no sale."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from core.account import Environment
from core.bars import Bars
from core.desk import Desk
from core.errors import ConfigError, RiskDenied
from core.instrument import Instrument
from core.intervals import INTERVALS_MS
from core.operations.holding import Book, Holding
from core.operations.portfolio import look_elsewhere
from core.operations.round_trip import enter, leave
from core.ports import Book as OrderBook
from core.risk.approval import Approved
from core.risk.approve import approve
from core.risk.facts import RiskLimits
from core.risk.portfolio import Held, PortfolioLimits
from core.values import Quote
from tests.core.operations.desks import Exchange, calm_minutes, desk_at
from tests.core.risk.worlds import BTCUSDT, FACTS, D, entry

BOOK = Book(dry_run=False, context={"stage": 1})
ETHUSDT = replace(BTCUSDT, symbol="ETHUSDT", base_asset="ETH")
ETHBTC = replace(BTCUSDT, symbol="ETHBTC", base_asset="ETH", quote_asset="BTC")
LISTED = {each.symbol: each for each in (BTCUSDT, ETHUSDT, ETHBTC)}
DAY_MS = INTERVALS_MS["1d"]


@dataclass
class ThreeMarkets(Exchange):
    days: int = 91
    delisted: str = ""

    async def instrument(self, symbol: str) -> Instrument:
        if symbol == self.delisted:
            raise ConfigError(f"{symbol} is not listed", code="SYMBOL_UNKNOWN")
        return LISTED[symbol]

    async def bars(self, symbol: str, interval: str, count: int) -> Bars:
        if interval == "1m":
            return calm_minutes(self.clock.now_ms(), count)
        assert (interval, count) == ("1d", 91)
        moves = np.random.default_rng(len(symbol)).normal(0, 0.03, self.days)
        closes = np.cumprod(1 + moves).astype(np.float64)
        return Bars(np.arange(self.days) * DAY_MS, closes, closes, closes, closes, closes, DAY_MS)

    async def book(self, symbol: str, levels: int) -> OrderBook:
        book = await super().book(symbol, levels)
        return replace(book, bids=((D(9_000), D(1)),)) if symbol == "ETHUSDT" else book


@pytest.fixture
def exchange() -> ThreeMarkets:
    return ThreeMarkets()


@pytest.fixture
async def desk(exchange: ThreeMarkets, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(exchange, tmp_path / "home") as opened:
        for other in (ETHUSDT, ETHBTC):
            opened.journal.note_symbol(
                opened.account, other.symbol, other.base_asset, other.quote_asset, None
            )
        yield limited(opened)


def limited(desk: Desk, **limits: object) -> Desk:
    changed: RiskLimits = replace(
        desk.limits,
        allowed_symbols=frozenset(LISTED),
        portfolio=replace(PortfolioLimits(asset_rate=D(1)), **limits),  # type: ignore[arg-type]  # by name
    )
    return replace(desk, limits=changed)


async def buy(desk: Desk, instrument: Instrument) -> Holding:
    holding = Holding(instrument)
    assert await enter(desk, holding, BOOK, bar=None, smallest=False)
    return holding


async def test_what_is_held_elsewhere_is_worth_its_best_bid(desk: Desk) -> None:
    """0.002 less the fee are bought at 10,000; 9,000 is bid."""
    holding = await buy(desk, ETHUSDT)
    found = await look_elsewhere(desk, BTCUSDT, dry_run=False)
    value = holding.quantity.value * 9_000
    assert found.held == (Held("ETHUSDT", "ETH", Quote(value)),)
    assert found.lost == Quote(holding.cost.value - value)
    assert found.returns is None
    assert (await look_elsewhere(desk, ETHUSDT, dry_run=False)).held == ()
    assert (await look_elsewhere(desk, BTCUSDT, dry_run=True)).held == ()


async def test_a_position_in_another_quote_asset_counts_as_one_of_no_value(
    desk: Desk, exchange: ThreeMarkets
) -> None:
    exchange.balances["BTC"] = D(1_000)
    await buy(desk, ETHBTC)
    found = await look_elsewhere(desk, BTCUSDT, dry_run=False)
    assert found.held == (Held("ETHBTC", "ETH", None),)
    assert found.lost == Quote(D(0))


async def test_a_delisted_symbol_ends_no_entries_once_a_human_has_said_so(
    desk: Desk, exchange: ThreeMarkets
) -> None:
    await buy(desk, ETHUSDT)
    exchange.delisted = "ETHUSDT"
    with pytest.raises(ConfigError, match="not listed"):
        await buy(desk, BTCUSDT)
    desk.journal.reconciliations(desk.account).record_delisted("ETHUSDT", "announced")
    assert (await look_elsewhere(desk, BTCUSDT, dry_run=False)).held == ()
    await buy(desk, BTCUSDT)
    exchange.delisted = ""
    assert [each.symbol for each in (await look_elsewhere(desk, BTCUSDT, dry_run=False)).held] == ["ETHUSDT"]


async def test_a_purchase_of_unknown_fate_counts_as_held(desk: Desk) -> None:
    request = replace(entry("0.002"), symbol="ETHUSDT")
    facts = replace(FACTS, instrument=ETHUSDT)
    approved = approve(request, facts, desk.limits)
    assert isinstance(approved, Approved)
    sent = desk.journal.record_intent(
        approved, desk.account, timestamp_ms=1, recv_window_ms=5_000, dry_run=False
    )
    desk.journal.record_unknown(sent.intent, "timeout")
    found = await look_elsewhere(desk, BTCUSDT, dry_run=False)
    assert found.held == (Held("ETHUSDT", "ETH", Quote(D(20))),)


async def test_one_position_too_many_stops_the_entry_and_not_the_sale(desk: Desk) -> None:
    tight = limited(desk, positions_max=1, exposure_rate=D("0.03"))
    opened = await enter(tight, Holding(BTCUSDT), BOOK, bar=None, smallest=False)
    assert opened
    with pytest.raises(RiskDenied, match=r"1 positions are open \(BTCUSDT\); the limit is 1") as denied:
        await buy(tight, ETHUSDT)
    assert denied.value.code == "OPEN_POSITIONS_REACHED"
    assert denied.value.details["also"] == ["GROSS_LIMIT"]
    assert (await leave(tight, opened)).exits


async def test_the_equity_is_all_of_the_quote_asset_and_the_positions(desk: Desk) -> None:
    holding = await buy(desk, ETHUSDT)
    snapshot = await desk.venue.account.snapshot()
    equity = snapshot.free("USDT") + holding.quantity.value * 9_000
    exposure = holding.quantity.value * 9_000
    tight = limited(desk, exposure_rate=Decimal("0.03"))
    with pytest.raises(RiskDenied) as denied:
        await buy(tight, BTCUSDT)
    details = denied.value.details
    assert (details["equity"], details["held"]) == (str(Quote(equity)), str(Quote(exposure)))


@pytest.mark.parametrize(("days", "code"), [(31, "VAR_LIMIT"), (30, "VAR_UNKNOWN")])
async def test_value_at_risk_is_measured_on_the_venues_daily_bars(
    desk: Desk, exchange: ThreeMarkets, days: int, code: str
) -> None:
    await buy(desk, ETHUSDT)
    exchange.days = days
    host = replace(desk.venue.host, environment=Environment.MAINNET)
    live = replace(desk, venue=replace(desk.venue, host=host))
    with pytest.raises(RiskDenied) as denied:
        await buy(limited(live, var_rate=D("0.0001")), BTCUSDT)
    assert denied.value.code == code
    assert await buy(limited(desk, var_rate=D("0.0001")), BTCUSDT)
