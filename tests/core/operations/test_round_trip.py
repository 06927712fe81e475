"""Buy, then sell what was bought: whatever happens in between, the position is sold or named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.desk import Desk
from core.errors import (
    ConfigError,
    OutcomeUnknown,
    PositionOpen,
    Refused,
    RiskDenied,
    TraderError,
    VenueRejected,
    VenueUnavailable,
)
from core.operations.holding import Book, Holding, holding_at_start
from core.operations.round_trip import OpenTrade, Trade, enter, leave
from core.orders import Side
from core.values import Base, Quote, notional
from tests.core.operations.desks import Act, D, Exchange, desk_at, fails, partly
from tests.core.risk.worlds import BTCUSDT

BOOK = Book(dry_run=False, context={"stage": 1})
DRY = Book(dry_run=True, context={"stage": 0})


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
async def desk(exchange: Exchange, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(exchange, tmp_path / "home") as desk:
        yield desk


async def bought(desk: Desk, holding: Holding, book: Book = BOOK) -> OpenTrade:
    opened = await enter(desk, holding, book, bar=None, smallest=False)
    assert opened
    return opened


async def round_trip(desk: Desk, holding: Holding | None = None) -> Trade:
    holding = holding or Holding(BTCUSDT)
    return await leave(desk, await bought(desk, holding))


async def test_a_round_trip_buys_and_sells_and_counts_fees(desk: Desk, exchange: Exchange) -> None:
    trade = await round_trip(desk)
    # 0.02 x 1000 USDT at 10,000 x 1.002 buys 0.00199; the fee leaves 0.00198801, of which 0.00198 is sold.
    assert trade.entry.executed_quantity == Base(D("0.00199"))
    assert [order.executed_quantity for order in trade.exits] == [Base(D("0.00198"))]
    assert trade.dust == Base(D("0.00000801"))
    cost_of_sold = D("19.9") * D("0.00198") / D("0.00198801")
    proceeds = D("0.00198") * 9999 * D("0.999")
    assert abs(trade.pnl.value - (proceeds - cost_of_sold)) < D("1e-15")


async def test_the_balance_changes_by_exactly_fills_and_fees(desk: Desk, exchange: Exchange) -> None:
    before = dict(exchange.balances)
    trade = await round_trip(desk)
    for asset, opening in before.items():
        moved = opening
        for order in (trade.entry, *trade.exits):
            sign = 1 if order.side is Side.BUY else -1
            for fill in order.fills:
                amount = fill.quantity.value if asset == "BTC" else -fill.quantity.value * fill.price
                moved += sign * amount - (fill.fee.amount if fill.fee.currency == asset else 0)
        assert exchange.balances[asset] == moved


async def test_an_entry_that_fills_nothing_is_tried_again(desk: Desk, exchange: Exchange) -> None:
    exchange.script = [partly("0"), partly("0")]
    trade = await round_trip(desk)
    assert [intent.request.side for intent in exchange.received] == [Side.BUY] * 3 + [Side.SELL]
    assert trade.entry.client_order_id == exchange.received[2].client_order_id


async def test_an_entry_that_never_fills_is_refused(desk: Desk, exchange: Exchange) -> None:
    exchange.script = [partly("0")] * 3
    with pytest.raises(Refused) as caught:
        await round_trip(desk)
    assert caught.value.code == "ENTRY_NOT_FILLED"
    assert len(exchange.received) == 3


async def test_a_partly_filled_entry_is_sold_as_far_as_it_was_filled(desk: Desk, exchange: Exchange) -> None:
    exchange.script = [partly("0.6")]
    trade = await round_trip(desk)
    assert trade.entry.executed_quantity == Base(D("0.00119"))
    assert trade.exits[0].executed_quantity == Base(D("0.00118"))


async def test_a_thin_book_takes_several_sales(desk: Desk, exchange: Exchange) -> None:
    exchange.script = [partly("1"), partly("0.3"), partly("0.4")]
    trade = await round_trip(desk)
    sold = [order.executed_quantity.value for order in trade.exits]
    assert sold == [D("0.00059"), D("0.00055"), D("0.00084")]
    assert sum(sold) == D("0.00198")
    assert exchange.clock.slept_s == []


async def test_what_a_partial_sale_leaves_below_the_minimum_is_named_dust(
    desk: Desk, exchange: Exchange
) -> None:
    exchange.script = [partly("1"), partly("0.9")]
    trade = await round_trip(desk)
    assert trade.dust == Base(D("0.00198801") - D("0.00178"))
    assert len(exchange.received) == 2


async def test_a_balance_that_lags_behind_its_fill_is_waited_for(desk: Desk, exchange: Exchange) -> None:
    holding = Holding(BTCUSDT)
    opened = await bought(desk, holding)
    exchange.lag = [{"USDT": D(980), "BTC": D(0)}] * 2
    trade = await leave(desk, opened)
    assert trade.exits[0].executed_quantity == Base(D("0.00198"))
    assert exchange.clock.slept_s == [0.5, 0.5]


PASSING: list[TraderError] = [
    VenueUnavailable("down for a moment"),
    VenueRejected("price moved", venue_code=-1013, venue_text="Filter failure: PERCENT_PRICE_BY_SIDE"),
    Refused("no bids", code="EMPTY_BOOK"),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: error.code)
async def test_what_may_pass_is_tried_again_before_a_position_is_left(
    desk: Desk, exchange: Exchange, error: TraderError
) -> None:
    holding = Holding(BTCUSDT)
    opened = await bought(desk, holding)
    if isinstance(error, Refused):
        exchange.book_errors = [error]
    else:
        exchange.script = [fails(error)]
    trade = await leave(desk, opened)
    assert trade.exits[0].executed_quantity == Base(D("0.00198"))


LASTING: list[tuple[Act, str]] = [
    (fails(VenueUnavailable("the venue is down")), "the venue is down"),
    (fails(ConfigError("the key was revoked", code="KEY_REFUSED")), "the key was revoked"),
    (partly("0"), "filled nothing"),
]


@pytest.mark.parametrize(("act", "reason"), LASTING, ids=[reason for _, reason in LASTING])
async def test_a_position_that_cannot_be_sold_is_named(
    desk: Desk, exchange: Exchange, act: Act, reason: str
) -> None:
    holding = Holding(BTCUSDT)
    opened = await bought(desk, holding)
    exchange.script = [act] * 100
    with pytest.raises(PositionOpen) as caught:
        await leave(desk, opened)
    assert "0.00198801 BTC of BTCUSDT is left open" in caught.value.message
    assert reason in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 9
    assert len(exchange.received) == 1 + 6
    assert desk.journal.position(desk.account, "BTCUSDT").quantity == Base(D("0.00198801"))


async def test_a_bug_between_entry_and_exit_names_the_position_and_no_secret(
    desk: Desk, exchange: Exchange
) -> None:
    holding = Holding(BTCUSDT)
    opened = await bought(desk, holding)
    exchange.book_errors = [RuntimeError("signature=abc")]
    with pytest.raises(PositionOpen) as caught:
        await leave(desk, opened)
    assert "RuntimeError" in caught.value.message
    assert "signature" not in caught.value.message


async def test_an_exit_of_unknown_fate_is_not_repeated(desk: Desk, exchange: Exchange) -> None:
    holding = Holding(BTCUSDT)
    opened = await bought(desk, holding)
    exchange.script = [fails(OutcomeUnknown("the connection broke"))]
    with pytest.raises(OutcomeUnknown) as caught:
        await leave(desk, opened)
    assert len(exchange.received) == 2
    assert caught.value.details["position"] == {"symbol": "BTCUSDT", "quantity": "0.00198801"}


async def test_a_stop_before_the_entry_buys_nothing(desk: Desk, exchange: Exchange) -> None:
    desk.stop.ask("SIGINT")
    assert await enter(desk, Holding(BTCUSDT), BOOK, bar=None, smallest=False) is None
    assert exchange.received == []


async def test_a_stop_between_two_tries_of_an_entry_ends_them(desk: Desk, exchange: Exchange) -> None:
    def stopped(exchange: Exchange, intent: object) -> object:
        desk.stop.ask("SIGTERM")
        return partly("0")(exchange, intent)  # type: ignore[arg-type]  # passed on

    exchange.script = [stopped]  # type: ignore[list-item]  # as above
    assert await enter(desk, Holding(BTCUSDT), BOOK, bar=None, smallest=False) is None
    assert len(exchange.received) == 1


async def test_an_order_above_the_limits_is_denied(desk: Desk, exchange: Exchange, tmp_path: Path) -> None:
    exchange.balances["USDT"] = D(100)  # 2 % of it is below the smallest sellable order
    with pytest.raises(RiskDenied) as caught:
        await round_trip(desk)
    assert caught.value.code == "FRACTION_EXCEEDED"
    assert "the smallest sellable order is too large" in caught.value.message
    assert exchange.received == []


async def test_two_dry_runs_sell_only_what_each_bought(exchange: Exchange, tmp_path: Path) -> None:
    async with (
        desk_at(exchange, tmp_path / "home") as one,
        desk_at(exchange, tmp_path / "home", alone=False) as other,
    ):
        mine, theirs = Holding(BTCUSDT), Holding(BTCUSDT)
        my_trade, their_trade = await bought(one, mine, DRY), await bought(other, theirs, DRY)
        first = await leave(one, my_trade)
        second = await leave(other, their_trade)
    assert [order.executed_quantity for order in first.exits] == [Base(D("0.00198"))]
    assert [order.executed_quantity for order in second.exits] == [Base(D("0.00194"))]
    assert first.pnl.value < 0
    assert second.pnl.value < 0


async def test_an_order_that_stays_in_flight_stops_entries(desk: Desk, exchange: Exchange) -> None:
    exchange.script = [fails(OutcomeUnknown("lost"))]
    with pytest.raises(OutcomeUnknown):
        await round_trip(desk)
    with pytest.raises(RiskDenied) as caught:
        await round_trip(desk)
    assert caught.value.code == "ORDER_IN_FLIGHT"
    assert len(exchange.received) == 1


async def test_who_is_alone_takes_over_what_was_left(desk: Desk, exchange: Exchange) -> None:
    await bought(desk, Holding(BTCUSDT))  # and killed here
    holding = holding_at_start(desk, BTCUSDT, dry_run=False)
    assert holding.quantity == Base(D("0.00198801"))
    trade = await round_trip(desk, holding)
    assert trade.exits[0].executed_quantity == Base(D("0.00393"))
    assert desk.journal.position(desk.account, "BTCUSDT").quantity == trade.dust


async def test_who_is_not_alone_takes_nothing_over(exchange: Exchange, tmp_path: Path) -> None:
    async with desk_at(exchange, tmp_path / "home", alone=False) as desk:
        await bought(desk, Holding(BTCUSDT), DRY)
        assert holding_at_start(desk, BTCUSDT, dry_run=True).quantity == Base(D(0))


@settings(max_examples=25)
@given(shares=st.lists(st.integers(0, 100), max_size=12))
async def test_whatever_fills_the_holding_is_what_was_bought_less_what_was_sold(
    tmp_path_factory: pytest.TempPathFactory, shares: list[int]
) -> None:
    exchange = Exchange()
    async with desk_at(exchange, tmp_path_factory.mktemp("home")) as desk:
        holding = Holding(BTCUSDT)
        exchange.script = [partly("1"), *[partly(str(Decimal(share) / 100)) for share in shares]]
        opened = await bought(desk, holding)
        try:
            trade = await leave(desk, opened)
            assert notional(trade.dust, exchange.bid) < Quote(D("5.1"))
            left = trade.dust
        except PositionOpen:
            left = holding.quantity
        position = desk.journal.position(desk.account, "BTCUSDT")
        assert position.quantity == holding.quantity == left == Base(exchange.balances["BTC"])
        assert position.realized == holding.realized
