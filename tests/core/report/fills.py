"""Fills in as few words as possible."""

from __future__ import annotations

from decimal import Decimal

from core.journal.history import BookedFill
from core.orders import Side

DAY_MS = 86_400_000
NOON_MS = 1_795_262_400_000  # 2026-11-21T12:00:00Z


def a_fill(
    side: str,
    quantity: str,
    price: str,
    *,
    number: int = 1,
    time_ms: int = NOON_MS,
    fee: str = "0",
    fee_asset: str = "USDT",
    fee_price: str | None = None,
    symbol: str = "BTCUSDT",
    order: str | None = None,
    is_ours: bool = True,
) -> BookedFill:
    base, quote = symbol[:3], symbol[3:]
    return BookedFill(
        symbol=symbol,
        base_asset=base,
        quote_asset=quote,
        trade_id=number,
        client_order_id=order or f"tr00-{number}",
        venue_order_id=900 + number,
        side=Side(side),
        price=Decimal(price),
        quantity=Decimal(quantity),
        fee=Decimal(fee),
        fee_asset=fee_asset,
        fee_price=None if fee_price is None else Decimal(fee_price),
        time_ms=time_ms,
        is_ours=is_ours,
    )
