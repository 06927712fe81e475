"""Bars made of trades: Binance Vision's trades and aggTrades, and freqtrade's CSV of trades."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.bars import BoolArray, IntArray
from core.data.checks import Finding, found
from core.data.csv_columns import Column, Columns
from core.data.files import unreadable
from core.data.numbers import counts, units_of_texts
from core.data.series import UNIT, Row
from core.intervals import interval_ms

DEFAULT_INTERVAL = "1m"
LONGEST_INTERVAL = "1d"
_TAKER_BUYS = {"false": True, "true": False, "buy": True, "sell": False}


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Trades in the order of the file; every array has shape (n,). `count`: how many each row stands for."""

    first_id: IntArray
    time_ms: IntArray
    price: IntArray
    quantity: IntArray
    taker_buys: BoolArray
    count: IntArray

    def chosen(self, index: IntArray | BoolArray) -> Trades:
        return Trades(
            self.first_id[index],
            self.time_ms[index],
            self.price[index],
            self.quantity[index],
            self.taker_buys[index],
            self.count[index],
        )


def read_trades(columns: Columns, kind: str | None) -> Trades:
    """Return the trades of a file. `kind`: what its name says. Raises ConfigError."""
    first_id = columns.read(0, counts)
    if {"timestamp", "side", "price", "amount"} <= set(columns.header):
        at = {name: columns.header.index(name) for name in ("timestamp", "side", "price", "amount")}
        places = at["timestamp"], at["price"], at["amount"], at["side"]
        count = np.ones_like(first_id)
    elif kind == "aggTrades" and columns.width in (7, 8):
        places = 5, 1, 2, 6
        first_id = columns.read(3, counts)
        count = columns.read(4, counts) - first_id + 1
    elif columns.width in (6, 7):
        places = 4, 1, 2, 5
        count = np.ones_like(first_id)
    else:
        raise unreadable(columns.path, "is neither bars nor trades of a known form")
    time, price, quantity, side = places
    return Trades(
        first_id=first_id,
        time_ms=columns.times_ms(time),
        price=columns.read(price, units_of_texts),
        quantity=columns.read(quantity, units_of_texts),
        taker_buys=columns.read(side, _sides),
        count=count,
    )


def bars_of_trades(
    trades: Trades, interval: str, span_ms: tuple[int, int] | None, *, keeps_partial: bool = False
) -> tuple[IntArray, list[Finding]]:
    """Return the whole bars that trades make up, and what was found about the trades.

    `span_ms`: what the file is whole for; None: from the first trade to the last, whose bars are then only
    partly there and left out unless `keeps_partial`. A bar without a trade stands at the last price, as the
    venue lists it.
    """
    findings = found("OUT_OF_ORDER", trades.time_ms[1:], trades.first_id[1:] < trades.first_id[:-1])
    order = np.argsort(trades.first_id, kind="stable")
    trades = trades.chosen(order)
    again = np.append(False, trades.first_id[1:] == trades.first_id[:-1])
    findings += found("DUPLICATE", trades.time_ms, again)
    trades = trades.chosen(~again)
    skipped = np.append(False, trades.first_id[1:] != (trades.first_id + trades.count)[:-1])
    findings += found("TRADES_MISSING", trades.time_ms, skipped)

    length = interval_ms(interval)
    first_ms, end_ms = int(trades.time_ms[0]), int(trades.time_ms[-1])
    if keeps_partial:
        start_ms, stop_ms = first_ms // length * length, (end_ms // length + 1) * length
    else:
        start_ms, stop_ms = span_ms or (-(-first_ms // length) * length, end_ms // length * length)
    inside = (trades.time_ms >= start_ms) & (trades.time_ms < stop_ms)
    findings += found("PARTIAL", trades.time_ms, ~inside)
    trades = trades.chosen(inside)
    if not len(trades.time_ms):
        return np.empty((len(Row), 0), dtype=np.int64), findings
    return _with_quiet_bars(_aggregated(trades, length), length, stop_ms), findings


def _aggregated(trades: Trades, length: int) -> IntArray:
    bar = trades.time_ms // length
    starts = np.flatnonzero(np.append(True, bar[1:] != bar[:-1]))
    ends = np.append(starts[1:], len(bar)) - 1
    # Price × quantity does not fit 64 bits: Python's integers carry it, and the sum is cut to 8 decimals.
    turnover = trades.price.astype(object) * trades.quantity.astype(object)
    bought = np.where(trades.taker_buys, trades.quantity, 0)
    bought_turnover = np.where(trades.taker_buys, turnover, 0)
    table = np.empty((len(Row), len(starts)), dtype=np.int64)
    table[Row.OPEN_TIME] = bar[starts] * length
    table[Row.OPEN], table[Row.CLOSE] = trades.price[starts], trades.price[ends]
    table[Row.HIGH] = np.maximum.reduceat(trades.price, starts)
    table[Row.LOW] = np.minimum.reduceat(trades.price, starts)
    table[Row.VOLUME] = np.add.reduceat(trades.quantity, starts)
    table[Row.QUOTE_VOLUME] = np.add.reduceat(turnover, starts) // UNIT
    table[Row.TRADES] = np.add.reduceat(trades.count, starts)
    table[Row.TAKER_BASE] = np.add.reduceat(bought, starts)
    table[Row.TAKER_QUOTE] = np.add.reduceat(bought_turnover, starts) // UNIT
    return table


def _with_quiet_bars(table: IntArray, length: int, stop_ms: int) -> IntArray:
    first = int(table[Row.OPEN_TIME, 0])
    times = np.arange(first, stop_ms, length)
    source = np.searchsorted(table[Row.OPEN_TIME], times, side="right") - 1
    whole = table[:, source]
    quiet = whole[Row.OPEN_TIME] != times
    whole[Row.OPEN_TIME] = times
    for row in (Row.OPEN, Row.HIGH, Row.LOW):
        whole[row] = np.where(quiet, whole[Row.CLOSE], whole[row])
    whole[Row.VOLUME :, quiet] = 0
    return whole


def _sides(column: Column) -> BoolArray:
    try:
        return np.array([_TAKER_BUYS[field.strip().lower()] for field in column], dtype=np.bool_)
    except KeyError as error:
        raise ValueError(f"{error} is no side") from None
