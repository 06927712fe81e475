"""Stage 0's ports: nothing is placed, fills come from the live book, balances are the journal's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.account import CommissionRates
from core.dry_run import DryRunAccount, DryRunTrading, simulate_fills
from core.errors import VenueRejected, VenueUnavailable
from core.operations.observe import observe, risk_facts
from core.operations.order_path import place
from core.orders import (
    Intent,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderType,
    Purpose,
    SendOnce,
    Side,
    TimeInForce,
    filled_notional,
    filled_quantity,
)
from core.ports import Level
from core.risk.sizing import size_entry
from core.values import Base
from tests.core.operations.desks import ACCOUNT, NOW_MS, RATE, D, Exchange, desk_at
from tests.core.risk.worlds import BTCUSDT

RATES = CommissionRates(RATE, RATE)
STEP = D("0.00000001")


def intent(side: Side = Side.BUY, quantity: str = "3", price: str | None = "101") -> Intent:
    request = OrderRequest(
        symbol="BTCUSDT",
        side=side,
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        quantity=Base(D(quantity)),
        price=None if price is None else D(price),
        time_in_force=None if price is None else TimeInForce.IOC,
        purpose=Purpose.ENTRY if side is Side.BUY else Purpose.EXIT,
        decision_price=D(100),
    )
    return Intent("tr0123456789abcdef-7", 7, ACCOUNT, request, NOW_MS, 5_000, NOW_MS, dry_run=True)


ASKS: tuple[Level, ...] = ((D(100), D(1)), (D(101), D(1)), (D(102), D(5)))
BIDS: tuple[Level, ...] = ((D(99), D(1)), (D(98), D(1)), (D(97), D(5)))


@pytest.mark.parametrize(
    ("side", "price", "quantity", "expected"),
    [
        (Side.BUY, "101", "3", [("100", "1"), ("101", "1")]),
        (Side.BUY, "101", "1.5", [("100", "1"), ("101", "0.5")]),
        (Side.BUY, "99.99", "1", []),
        (Side.BUY, None, "3", [("100", "1"), ("101", "1"), ("102", "1")]),
        (Side.SELL, "98", "3", [("99", "1"), ("98", "1")]),
        (Side.SELL, "99.01", "1", []),
        (Side.SELL, None, "1.5", [("99", "1"), ("98", "0.5")]),
    ],
)
def test_an_order_takes_the_levels_within_its_price(
    side: Side, price: str | None, quantity: str, expected: list[tuple[str, str]]
) -> None:
    offered = ASKS if side is Side.BUY else BIDS
    fills = simulate_fills(intent(side, quantity, price), offered, RATES, "BTC")
    assert [(fill.price, fill.quantity) for fill in fills] == [(D(p), Base(D(q))) for p, q in expected]


def test_an_empty_book_fills_nothing() -> None:
    assert simulate_fills(intent(), (), RATES, "BTC") == ()


amounts = st.decimals("0.00001", "5", places=5)
levels = st.lists(st.tuples(st.decimals("1", "200", places=2), amounts), max_size=30)


@given(asks=levels, quantity=amounts, limit=st.decimals("1", "200", places=2))
def test_a_purchase_never_exceeds_order_book_price_or_cap(
    asks: list[Level], quantity: Decimal, limit: Decimal
) -> None:
    book = sorted(asks)
    fills = simulate_fills(intent(quantity=str(quantity), price=str(limit)), book, RATES, "BTC")
    bought = filled_quantity(fills).value
    assert bought <= quantity
    assert bought <= sum((available for _, available in book), D(0))
    assert all(fill.price <= limit for fill in fills)
    assert filled_notional(fills).value <= quantity * limit
    assert len({fill.trade_id for fill in fills}) == len(fills)
    for fill in fills:
        assert fill.fee.amount == (fill.quantity.value * RATE).quantize(STEP, ROUND_CEILING)
    within = sum((available for price, available in book if price <= limit), D(0))
    assert bought == min(quantity, within)


@dataclass
class Venue(Exchange):
    """An exchange that only checks orders. `validated`: what it was asked to check."""

    validated: list[Intent] = field(default_factory=list)
    refusal: Exception | None = None

    async def submit(self, permission: SendOnce) -> OrderReport:
        raise AssertionError("a dry run placed an order")

    async def validate(self, intent: Intent) -> None:
        self.validated.append(intent)
        if self.refusal:
            raise self.refusal


async def test_a_dry_run_checks_fills_and_books_without_placing(tmp_path: Path) -> None:
    venue = Venue(balances={"USDT": D(1000), "BTC": D(0)})
    async with desk_at(venue, tmp_path / "home") as real:
        account = DryRunAccount(venue, real.journal, real.account)
        trading = DryRunTrading(venue, venue, venue)
        desk = replace(real, venue=replace(real.venue, trading=trading, account=account))
        facts = risk_facts(desk, BTCUSDT, await observe(desk, "BTCUSDT"), dry_run=True)
        request = size_entry(facts, desk.limits)
        assert isinstance(request, OrderRequest)
        report = await place(desk, request, facts, dry_run=True, context={"stage": 0})
        assert report.status is OrderStatus.FILLED
        (checked,) = venue.validated
        assert checked.request == request
        assert checked.client_order_id == report.client_order_id
        # The virtual balance moved, the venue's did not, and the real books know nothing.
        held = (await account.snapshot()).balances
        spent = request.quantity.value * venue.ask
        assert held["USDT"].free == D(1000) - spent
        assert held["BTC"].free == request.quantity.value * D("0.999")
        assert venue.balances == {"USDT": D(1000), "BTC": D(0)}
        assert desk.journal.position(desk.account, "BTCUSDT").quantity == Base(D(0))
        assert desk.journal.position(desk.account, "BTCUSDT", dry_run=True).quantity == Base(held["BTC"].free)


@pytest.mark.parametrize(
    "refusal",
    [
        VenueRejected("LOT_SIZE", venue_code=-1013, venue_text="Filter failure: LOT_SIZE"),
        VenueUnavailable("down"),
    ],
)
async def test_what_the_venue_would_refuse_is_refused(tmp_path: Path, refusal: Exception) -> None:
    venue = Venue(refusal=refusal)
    with pytest.raises(type(refusal)):
        await DryRunTrading(venue, venue, venue).submit(SendOnce(intent()))


async def test_the_virtual_balance_begins_as_the_real_one_and_goes_its_own_way(tmp_path: Path) -> None:
    venue = Venue(balances={"USDT": D(500), "BTC": D(2)})
    async with desk_at(venue, tmp_path / "home") as desk:
        account = DryRunAccount(venue, desk.journal, desk.account)
        assert (await account.snapshot()).free("USDT") == D(500)
        venue.balances["USDT"] = D(1)
        assert (await account.snapshot()).free("USDT") == D(500)


async def test_a_dry_run_never_cancels() -> None:
    trading = DryRunTrading(Venue(), Venue(), Venue())
    with pytest.raises(VenueRejected, match="never rests"):
        await trading.cancel("BTCUSDT", "tr0123456789abcdef-7")
    with pytest.raises(VenueRejected, match="never rests"):
        await trading.cancel_all("BTCUSDT")
