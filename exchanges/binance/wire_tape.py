"""Binance's tape of public trades, read: what takers bought and sold.

Source: Binance Spot API documents, "Compressed/Aggregate trades list".
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import msgspec

from core.ports import TakerFlow
from core.values import EXACT
from exchanges.binance.wire import Unreadable, number, shaped


class Aggregate(NamedTuple):
    """Trades of one taker order at one price. `bought`: the taker did; `value`: in quote."""

    number: int
    time_ms: int
    value: Decimal
    trades: int
    bought: bool


class _AggregatePayload(msgspec.Struct):
    number: int = msgspec.field(name="a")
    price: str = msgspec.field(name="p")
    quantity: str = msgspec.field(name="q")
    first_trade: int = msgspec.field(name="f")
    last_trade: int = msgspec.field(name="l")
    time_ms: int = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")


def parse_tape(payload: object) -> list[Aggregate]:
    """Read the answer of aggTrades, oldest first. Raises Unreadable."""
    tape = [
        Aggregate(
            number=each.number,
            time_ms=each.time_ms,
            value=EXACT.multiply(number(each.price, "price"), number(each.quantity, "quantity")),
            trades=each.last_trade - each.first_trade + 1,
            bought=not each.buyer_is_maker,
        )
        for each in shaped(payload, list[_AggregatePayload])
    ]
    if any(one.number >= two.number for one, two in pairwise(tape)) or any(each.trades < 1 for each in tape):
        raise Unreadable("the tape is out of order")
    return tape


def taker_flow(tape: Iterable[Aggregate], ts_recv_ms: int) -> TakerFlow:
    """Add a tape up."""
    bought = sold = Decimal(0)
    trades = 0
    for each in tape:
        trades += each.trades
        if each.bought:
            bought = EXACT.add(bought, each.value)
        else:
            sold = EXACT.add(sold, each.value)
    return TakerFlow(bought, sold, trades, ts_recv_ms)
