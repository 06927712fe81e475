"""What the ladder counts as earned with real money."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.operations.holding import Book, Holding
from core.operations.live import live_history
from core.operations.round_trip import enter, leave
from core.orders import Intent, OrderReport
from core.stages import EntryMode, Evidence
from core.values import Money
from tests.core.operations.desks import ACCOUNT, NOW_MS, Exchange, desk_at, filled
from tests.core.risk.worlds import BTCUSDT

BOOK = Book(dry_run=False, context={"stage": 2})
FEE = Decimal("0.0001")


class DiscountedExchange(Exchange):
    """Takes its fees in BNB, at 600 USDT."""

    bnb_is_listed = True

    async def average_price(self, symbol: str) -> Decimal:
        if symbol != "BNBUSDT":
            return await super().average_price(symbol)
        if not self.bnb_is_listed:
            raise ConfigError("BNBUSDT is not listed", code="SYMBOL_UNKNOWN")
        return Decimal(600)


def in_bnb(exchange: Exchange, intent: Intent) -> OrderReport:
    report = filled(exchange, intent)
    for fill in report.fills:
        exchange.balances[fill.fee.currency] += fill.fee.amount
    first, *rest = report.fills
    free = [replace(fill, fee=Money(Decimal(0), "BNB")) for fill in rest]
    return replace(report, fills=(replace(first, fee=Money(FEE, "BNB")), *free))


@pytest.mark.parametrize("listed", [True, False])
async def test_fees_in_a_third_asset_are_taken_off(tmp_path: Path, listed: bool) -> None:
    exchange = DiscountedExchange(script=[in_bnb, in_bnb])
    exchange.bnb_is_listed = listed
    async with desk_at(exchange, tmp_path) as desk:
        opened = await enter(desk, Holding(BTCUSDT), BOOK, bar=None, smallest=False)
        assert opened
        exchange.bid, exchange.ask = Decimal(10_020), Decimal(10_021)
        trade = await leave(desk, opened)
        assert trade.pnl.value > 0
        desk.journal.record_evidence(EVIDENCE)
        history = (await live_history(desk))["BTCUSDT"]
        assert history.pnl == (trade.pnl.value - 2 * FEE * 600 if listed else 0)
        assert history.trades == 1


EVIDENCE = Evidence(
    evidence_id="ev1",
    stage=2,
    account=replace(ACCOUNT, epoch=0),
    official_host=False,
    symbol="BTCUSDT",
    strategy="coherence",
    entry_mode=EntryMode.PROBE,
    trades=1,
    first_fill_ms=NOW_MS,
    last_fill_ms=NOW_MS,
    risk_digest="risk",
    code_digest="code",
    key_fingerprint="fingerprint",
    checks={},
    created_ms=NOW_MS,
)
