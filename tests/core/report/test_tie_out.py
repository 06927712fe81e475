"""On any history: opening + moved - fees = closing, and profit is the quote that moved."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from core.account import AccountKey
from core.journal import Journal
from core.journal.history import BookedFill
from core.operations.report import Period, reports
from core.orders import Fill, OrderStatus, Purpose, Side
from core.report.figures import BookReport
from core.values import Money
from tests.core.journal.books import NOW_MS, fill, open_account, open_journal, record_intent, report, request

ASSETS = {"BTCUSDT": ("BTC", "USDT"), "BNBBTC": ("BNB", "BTC")}
ALWAYS = Period(0, 2**62)


@dataclass(frozen=True)
class Deal:
    """One order, filled in parts. `hours`: when, by the venue; not in the order of recording."""

    symbol: str
    side: Side
    parts: list[int]
    price: int
    fee: int
    fee_asset: str
    fee_price: int | None
    hours: int
    dry_run: bool
    is_ours: bool


deals = st.builds(
    Deal,
    st.sampled_from(sorted(ASSETS)),
    st.sampled_from(Side),
    st.lists(st.integers(1, 5_000), min_size=1, max_size=3),
    st.integers(1, 900_000),
    st.integers(0, 300),
    st.sampled_from(["BTC", "USDT", "BNB", "EUR"]),
    st.none() | st.integers(1, 10_000),
    st.integers(0, 90 * 24),
    st.booleans(),
    st.sampled_from([True, True, True, False]),
)


def fills_of(deal: Deal, number: int, journal: Journal, account: AccountKey) -> list[Fill]:
    """Write one order down, filled, and return its fills."""
    total = str(Decimal(sum(deal.parts)) / 1000)
    purpose = None if deal.is_ours else Purpose.LIQUIDATE
    wanted = request(deal.side, total, symbol=deal.symbol, purpose=purpose)
    intent = record_intent(journal, account, wanted, dry_run=deal.dry_run).intent
    done = [
        Fill(
            **{
                name: getattr(plain, name)
                for name in Fill.__dataclass_fields__
                if name not in ("fee", "fee_price")
            },
            fee=Money(Decimal(deal.fee) / 10_000, deal.fee_asset),
            fee_price=None if deal.fee_price is None else Decimal(deal.fee_price) / 100,
        )
        for plain in (
            fill(
                intent,
                number * 10 + at,
                str(Decimal(part) / 1000),
                price=str(Decimal(deal.price) / 100),
                ts_event_ms=NOW_MS + deal.hours * 3_600_000 + at,
            )
            for at, part in enumerate(deal.parts)
        )
    ]
    journal.record_report(intent, report(intent, OrderStatus.FILLED, *done))
    return done


@settings(max_examples=60, deadline=None)
@given(st.lists(deals, max_size=12))
def test_the_report_ties_out(history: list[Deal]) -> None:
    with tempfile.TemporaryDirectory() as folder, open_journal(Path(folder) / "home") as journal:
        account = open_account(journal)
        journal.open_dry_run(account, {"USDT": Decimal("500.25"), "BTC": Decimal(2)})
        done = [(deal, fills_of(deal, n, journal, account)) for n, deal in enumerate(history, start=1)]
        for dry_run in (False, True):
            (book,) = reports(journal, (account,), ALWAYS, dry_run=dry_run)
            own = [(deal, each) for deal, fills in done for each in fills if deal.dry_run is dry_run]
            opening = {"USDT": "500.25", "BTC": "2"} if dry_run else {"USDT": "1000.50"}
            balances = _balances(own, opening)
            _refuse_wrong_flows(book, balances)
            _refuse_wrong_profit(book, own)
            _refuse_other_positions(book, journal, account, dry_run)
            if dry_run:
                assert {flow.asset: flow.closing for flow in book.flows}.items() <= {
                    **journal.dry_run_balances(account)
                }.items()
        booked = list(journal.history.fills(account, dry_run=False))
        assert booked == sorted(booked, key=lambda each: (each.time_ms, each.symbol, each.trade_id))


def _balances(own: list[tuple[Deal, Fill]], opening: dict[str, str]) -> dict[str, Fraction]:
    """Add up every balance from the fills alone."""
    balances = {asset: Fraction(amount) for asset, amount in opening.items()}

    def move(asset: str, amount: Fraction) -> None:
        balances[asset] = balances.get(asset, Fraction(0)) + amount

    for deal, each in own:
        base, quote = ASSETS[deal.symbol]
        sign = 1 if deal.side is Side.BUY else -1
        move(base, sign * Fraction(each.quantity.value))
        move(quote, -sign * Fraction(each.quantity.value) * Fraction(each.price))
        move(each.fee.currency, -Fraction(each.fee.amount))
    return balances


def _refuse_wrong_flows(book: BookReport, balances: dict[str, Fraction]) -> None:
    for flow in book.flows:
        assert Fraction(flow.closing) == balances[flow.asset]
        assert flow.opening + flow.moved - flow.fees == flow.closing


def _refuse_wrong_profit(book: BookReport, own: list[tuple[Deal, Fill]]) -> None:
    """By either method: realized - cost of what is held = quote that moved - valued fees in third assets."""
    for quotes in book.quotes:
        for symbol in quotes.symbols:
            moved, fees, unvalued = Fraction(0), Fraction(0), dict[str, Decimal]()
            for deal, each in own:
                if deal.symbol != symbol.symbol or not deal.is_ours:
                    continue
                base, quote = ASSETS[deal.symbol]
                sign = -1 if deal.side is Side.BUY else 1
                moved += sign * Fraction(each.quantity.value) * Fraction(each.price)
                fee = Fraction(each.fee.amount)
                if each.fee.currency == base:
                    fees += fee * Fraction(each.price)
                elif each.fee.currency == quote:
                    moved, fees = moved - fee, fees + fee
                elif each.fee_price is not None:
                    value = fee * Fraction(each.fee_price)
                    moved, fees = moved - value, fees + value
                elif fee:
                    name = each.fee.currency
                    unvalued[name] = unvalued.get(name, Decimal(0)) + each.fee.amount
            assert Fraction(symbol.profit.fifo) - Fraction(symbol.cost_fifo) == moved
            assert Fraction(symbol.profit.average) - Fraction(symbol.cost_average) == moved
            assert Fraction(symbol.profit.fees_value) == fees
            assert symbol.profit.unvalued_fees == unvalued
            days = [day.profit for day in quotes.days if day.symbol == symbol.symbol]
            assert sum(day.fifo for day in days) == symbol.profit.fifo
            assert sum(day.average for day in days) == symbol.profit.average
        total = sum(Fraction(each.profit.fifo) + Fraction(each.unrealized) for each in quotes.symbols)
        assert Fraction(quotes.equity_end.equity) - Fraction(quotes.equity_start.equity) == total


def _refuse_other_positions(book: BookReport, journal: Journal, account: AccountKey, dry_run: bool) -> None:
    told = {each.symbol: each.quantity for quotes in book.quotes for each in quotes.symbols}
    held = {each.symbol: each.quantity.value for each in journal.positions(account, dry_run=dry_run)}
    assert told == held


def test_a_booked_fill_is_what_was_recorded(journal: Journal, account: AccountKey) -> None:
    (first,) = fills_of(
        Deal("BTCUSDT", Side.BUY, [1_000], 3_000_000, 5, "BNB", 61_000, 0, False, True), 1, journal, account
    )
    assert list(journal.history.fills(account, dry_run=False)) == [
        BookedFill(
            symbol="BTCUSDT",
            base_asset="BTC",
            quote_asset="USDT",
            trade_id=first.trade_id,
            client_order_id=f"tr{journal.installation_id}-1",
            venue_order_id=901,
            side=Side.BUY,
            price=Decimal(30_000),
            quantity=Decimal(1),
            fee=Decimal("0.0005"),
            fee_asset="BNB",
            fee_price=Decimal(610),
            time_ms=NOW_MS,
            is_ours=True,
        )
    ]
