"""A calm market in which every order passes; each test changes what it is about."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from core.account import CommissionRates
from core.instrument import (
    Filters,
    Instrument,
    LotSize,
    NotionalFilter,
    PercentPrice,
    PriceFilter,
    SymbolStatus,
)
from core.orders import OrderRequest, OrderType, Purpose, Side, TimeInForce
from core.ports import BookTop
from core.risk.facts import NewestBar, RiskFacts, RiskLimits
from core.risk.portfolio import Held, Portfolio, PortfolioLimits
from core.stages import TradingState
from core.values import Base, Quote

NOW_MS = 1_700_000_000_000
MINUTE_MS = 60_000
D = Decimal

BTCUSDT = Instrument(
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    status=SymbolStatus.TRADING,
    order_types=frozenset({"LIMIT", "MARKET", "LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT"}),
    base_precision=8,
    quote_precision=8,
    filters=Filters(
        price=PriceFilter(D("0.01"), D("1000000"), D("0.01")),
        lot=LotSize(D("0.00001"), D("9000"), D("0.00001")),
        market_lot=LotSize(D(0), D("585.20788284"), D(0)),
        notional=NotionalFilter(D(5), D(9_000_000), True, False, 5),
        percent_price=PercentPrice(
            bid_up=D("1.2"), bid_down=D("0.8"), ask_up=D("1.2"), ask_down=D("0.8"), average_price_minutes=5
        ),
        orders_max=200,
        algo_orders_max=5,
    ),
)


def top(bid: str = "9999", ask: str = "10000", received_ms: int = NOW_MS) -> BookTop:
    return BookTop("BTCUSDT", D(bid), D(1), D(ask), D(1), received_ms)


FACTS = RiskFacts(
    instrument=BTCUSDT,
    book=top(),
    average_price=D(10_000),
    free_quote=Quote(D(1_000)),
    free_base=Base(D(2)),
    position=Base(D(1)),
    commission=CommissionRates(maker_rate=D("0.001"), taker_rate=D("0.001")),
    trading_state=TradingState.ACTIVE,
    quarantined=False,
    in_flight=(),
    newest_bar=NewestBar(close_ms=NOW_MS, interval_ms=15 * MINUTE_MS),
    now_ms=NOW_MS,
    live=True,
    measured=True,
    live_entries_today=0,
    live_realized_loss_today=Quote(D(0)),
    live_unrealized_loss=Quote(D(0)),
    open_orders=0,
    open_algo_orders=0,
    portfolio=Portfolio(Quote(D(11_000)), (Held("BTCUSDT", "BTC", Quote(D(9_999))),)),
)

LIMITS = RiskLimits(
    risk_fraction=D("0.02"),
    max_order=Quote(D(25)),
    allowed_symbols=frozenset({"BTCUSDT"}),
    slippage_rate=D("0.002"),
    price_band_rate=D("0.01"),
    stop_rate=D("0.008"),
    quote_age_ms_max=3_000,
    bar_grace_ms=30_000,
    live_trades_per_day=10,
    live_loss_per_day=Quote(D(10)),
    portfolio=PortfolioLimits(asset_rate=D(1)),
)


def entry(quantity: str = "0.001", price: str = "10000") -> OrderRequest:
    return OrderRequest(
        symbol="BTCUSDT",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Base(D(quantity)),
        price=D(price),
        time_in_force=TimeInForce.IOC,
        purpose=Purpose.ENTRY,
        decision_price=D(price),
    )


def sale(quantity: str = "0.001", purpose: Purpose = Purpose.EXIT) -> OrderRequest:
    request = replace(entry(quantity, "9980"), side=Side.SELL, purpose=purpose)
    if purpose is Purpose.FLATTEN:
        return replace(request, order_type=OrderType.MARKET, price=None, time_in_force=None)
    return request
