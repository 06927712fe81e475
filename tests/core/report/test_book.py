"""The figures of a book, worked by hand."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from core.account import AccountKey, Environment
from core.journal.history import BookedFill
from core.report.book import report_book
from core.report.figures import AssetFlow, BookReport, QuoteFigures
from tests.core.report.fills import DAY_MS, NOON_MS, a_fill

D = Decimal
ACCOUNT = AccountKey("paper", Environment.TESTNET, "paper", "7")


def report(*fills: BookedFill, since_ms: int = 0, opening: Mapping[str, Decimal] | None = None) -> BookReport:
    return report_book(ACCOUNT, False, fills, opening or {"USDT": D(1000)}, since_ms)


def usdt(*fills: BookedFill, since_ms: int = 0) -> QuoteFigures:
    (figures,) = report(*fills, since_ms=since_ms).quotes
    return figures


def test_nothing_filled_says_nothing() -> None:
    assert report() == BookReport(ACCOUNT, False, 0, (), ())


def test_a_round_trip_with_fees_in_quote() -> None:
    figures = usdt(
        a_fill("BUY", "1", "100", fee="0.1", number=1),
        a_fill("SELL", "1", "110", fee="0.11", number=2),
    )
    assert figures.profit.fifo == figures.profit.average == D("9.79")
    assert figures.profit.fees_value == D("0.21")
    assert (figures.equity_start.equity, figures.equity_end.equity) == (D(1000), D("1009.79"))
    assert (figures.trades.trades, figures.trades.won, figures.trades.win_rate) == (1, 1, D(1))
    assert figures.trades.profit_factor is None


def test_a_fee_in_base_is_valued_at_the_fill_and_leaves_dust() -> None:
    figures = usdt(
        a_fill("BUY", "1", "100", fee="0.001", fee_asset="BTC", number=1),
        a_fill("SELL", "0.99", "110", number=2),
    )
    assert figures.profit.fees_value == D("0.1")
    (symbol,) = figures.symbols
    assert symbol.quantity == D("0.009")
    assert symbol.cost_fifo == symbol.cost_average
    # What was sold, less its share of the cost; the dust keeps the rest.
    assert figures.profit.fifo == D("108.9") - (100 - symbol.cost_fifo)
    assert symbol.unrealized == D("0.009") * 110 - symbol.cost_fifo
    assert figures.equity_end.equity == D(1000) - 100 + D("108.9") + D("0.009") * 110


def test_a_fee_in_a_third_asset_is_valued_when_its_price_was_recorded() -> None:
    figures = usdt(
        a_fill("BUY", "1", "100", fee="0.001", fee_asset="BNB", fee_price="600", number=1),
        a_fill("SELL", "1", "110", fee="0.002", fee_asset="BNB", fee_price="500", number=2),
    )
    assert figures.profit.fees_value == D("1.6")
    assert figures.profit.fifo == D("8.4")
    assert figures.profit.unvalued_fees == {}


def test_a_fee_without_a_price_is_listed_and_never_zero() -> None:
    book = report(
        a_fill("BUY", "1", "100", fee="0.001", fee_asset="BNB", number=1),
        a_fill("SELL", "1", "110", fee="0.002", fee_asset="BNB", fee_price="500", number=2),
        opening={"USDT": D(1000), "BNB": D(1)},
    )
    (figures,) = book.quotes
    assert figures.profit.unvalued_fees == {"BNB": D("0.001")}
    assert figures.profit.fifo == D(9)
    assert (
        figures.days[0].profit.unvalued_fees == figures.symbols[0].profit.unvalued_fees == {"BNB": D("0.001")}
    )
    assert AssetFlow("BNB", D(1), D(0), D("0.003"), D("0.997")) in book.flows


def test_methods_differ_and_both_are_told_per_day_and_symbol() -> None:
    figures = usdt(
        a_fill("BUY", "1", "100", number=1),
        a_fill("BUY", "1", "200", number=2),
        a_fill("SELL", "1", "180", number=3, time_ms=NOON_MS + DAY_MS),
        a_fill("BUY", "1", "5", number=4, symbol="ETHUSDT", time_ms=NOON_MS + DAY_MS),
        a_fill("SELL", "1", "6", number=5, symbol="ETHUSDT", time_ms=NOON_MS + 2 * DAY_MS),
    )
    days = [
        (day.day - NOON_MS // DAY_MS, day.symbol, day.profit.fifo, day.profit.average) for day in figures.days
    ]
    assert days == [
        (0, "BTCUSDT", 0, 0),
        (1, "BTCUSDT", 80, 30),
        (1, "ETHUSDT", 0, 0),
        (2, "ETHUSDT", 1, 1),
    ]
    assert (figures.profit.fifo, figures.profit.average) == (81, 31)


def test_the_period_begins_with_what_was_bought_before() -> None:
    figures = usdt(
        a_fill("BUY", "1", "100", number=1),
        a_fill("SELL", "1", "130", number=2, time_ms=NOON_MS + DAY_MS),
        since_ms=NOON_MS + 1,
    )
    assert figures.profit.fifo == 30
    assert figures.symbols[0].bought == 0
    assert figures.equity_start.equity == 1000
    assert figures.equity_end.equity == 1030


def test_quote_assets_are_never_added() -> None:
    book = report(
        a_fill("BUY", "1", "100", number=1),
        a_fill("BUY", "1", "0.01", number=2, symbol="BNBBTC", fee="0.1", fee_asset="BNB"),
    )
    assert [each.asset for each in book.quotes] == ["BTC", "USDT"]


def test_what_is_not_our_position_moves_balances_and_no_profit() -> None:
    book = report(a_fill("SELL", "2", "100", is_ours=False), opening={"BTC": D(3)})
    assert book.quotes == ()
    assert book.flows == (
        AssetFlow("BTC", D(3), D(-2), D(0), D(1)),
        AssetFlow("USDT", D(0), D(200), D(0), D(200)),
    )


def test_trades_are_closing_orders_however_many_fills_they_took() -> None:
    trades = usdt(
        a_fill("BUY", "4", "100", number=1),
        a_fill("SELL", "1", "110", number=2, order="tr00-2"),
        a_fill("SELL", "1", "120", number=3, order="tr00-2"),
        a_fill("SELL", "1", "95", number=4),
        a_fill("SELL", "1", "100", number=5),
    ).trades
    assert (trades.trades, trades.won, trades.lost) == (3, 1, 1)
    assert trades.win_rate == D("0.3333333333333333")
    assert (trades.profit_factor, trades.average_win, trades.average_loss) == (6, 30, -5)


@pytest.mark.parametrize(
    ("prices", "amount", "rate"),
    [
        (["100", "90", "120", "100"], 20, "0.01960784313725490"),
        (["100", "50", "60", "200"], 50, "0.05"),
        (["100", "101", "102"], None, None),
    ],
)
def test_drawdown_is_the_fall_of_equity_from_its_peak(
    prices: list[str], amount: int | None, rate: str | None
) -> None:
    """One unit is held throughout; each sell and buy back at the same price marks it."""
    fills = [a_fill("BUY", "1", "100", number=1)]
    for number, price in enumerate(prices):
        fills.append(a_fill("BUY", "0.5", price, number=10 + number, time_ms=NOON_MS + number))
        fills.append(a_fill("SELL", "0.5", price, number=50 + number, time_ms=NOON_MS + number))
    worst = usdt(*fills).drawdown
    if amount is None:
        assert worst is None
    else:
        assert worst is not None
        assert (worst.amount, worst.rate) == (amount, D(str(rate)))
        assert worst.peak.equity - worst.trough.equity == amount
