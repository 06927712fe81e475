"""What an earlier installation of this home sent: ours up to the first comparison, a stranger's after it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.account import Environment
from core.orders import OrderStatus
from core.reconciliation import BreakClass, Terms, Trade, VenueOrder
from core.reconciliation.orders import match_orders
from core.reconciliation.trades import Market, Parties, Unmatched, explained

OLD, NEW, OTHER = "a" * 16, "b" * 16, "c" * 16
UNTIL_MS = 1_795_219_200_000
LONG_AFTER_MS = UNTIL_MS + 10**9
TERMS = Terms(LONG_AFTER_MS, 0, NEW, Environment.TESTNET, {OLD: UNTIL_MS})


def order(maker: str, created_ms: int) -> VenueOrder:
    return VenueOrder(
        venue_order_id=7,
        client_order_id=f"tr{maker}-9",
        is_buy=True,
        order_type="LIMIT",
        status=OrderStatus.FILLED,
        quantity=Decimal(1),
        price=Decimal(5),
        executed_quantity=Decimal(1),
        created_ms=created_ms,
        updated_ms=created_ms,
    )


CASES = pytest.mark.parametrize(
    ("maker", "created_ms", "expected"),
    [
        (OLD, UNTIL_MS, BreakClass.MISSING_LOCAL),
        (OLD, UNTIL_MS + 1, BreakClass.UNAUTHORIZED),
        (OTHER, UNTIL_MS - 1, BreakClass.UNAUTHORIZED),
        (NEW, UNTIL_MS + 1, BreakClass.MISSING_LOCAL),
    ],
)


@CASES
def test_an_order_that_the_journal_does_not_know(maker: str, created_ms: int, expected: BreakClass) -> None:
    (found,) = match_orders("BTCUSDT", [], [order(maker, created_ms)], TERMS)
    assert found.break_class is expected
    assert found.is_alarming is (expected is BreakClass.UNAUTHORIZED)


@CASES
def test_a_trade_of_such_an_order(maker: str, created_ms: int, expected: BreakClass) -> None:
    trade = Trade(1, 7, True, Decimal(5), Decimal(1), Decimal(0), "BNB", UNTIL_MS + 5)
    parties = {7: Parties(theirs=order(maker, created_ms))}
    market = Market("BTCUSDT", "BTC", "USDT")
    (found,) = explained(market, Unmatched(only_theirs=(trade,)), (), parties, TERMS)
    assert found.break_class is expected
