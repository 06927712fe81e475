"""A course and a strategy's signals as arrays of integers, for the engines that do not go bar by bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from core.backtest.kernel import FILTER_D, KEPT_D, TICK, WORTH_D, WORTH_N
from core.backtest.market import Market
from core.backtest.setup import Course, Lane, Setup
from core.bars import BoolArray, FloatArray, IntArray
from core.matching import UNIT
from core.orders import OrderType
from core.strategies.decision import rate
from core.strategies.protocol import Evaluation, Learning, Signals, Strategy, Vectorized

_FITS = 1 << 61
_NONE = -1

Item = TypeVar("Item", bound=np.generic)


class OnlyPlain(Exception):
    """Why a back-test has to go by the plain engine."""


class Tape(NamedTuple):
    """One lane in ticks. Of its bars, shape (n_bars,): what was recorded, and what orders meet at the open;
    `low_seen` and so on, shape (n_decisions,): what bars of decisions touched.
    """

    open: IntArray
    high: IntArray
    low: IntArray
    close: IntArray
    ask: IntArray
    bid: IntArray
    bought_at: IntArray
    sold_at: IntArray
    low_seen: IntArray
    high_seen: IntArray
    close_seen: IntArray


class Wishes(NamedTuple):
    """One lane's signals, shape (n_decisions,); `terms_at` counts the rows of the terms of all lanes."""

    entry: npt.NDArray[np.int8]
    leave: BoolArray
    leave_held: BoolArray | None
    rearm: BoolArray | None
    terms_at: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A course as arrays: what does not depend on the strategy's parameters, made once for a whole sweep.

    `sizes`: a row a lane, in the kernel's order. `lowest`, `highest`: of all prices in ticks.
    """

    course: Course
    setup: Setup
    tapes: tuple[Tape, ...]
    sizes: IntArray
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """What a strategy wants in a course; `rules` and the rows of `terms` in the kernel's order."""

    evaluations: tuple[Evaluation, ...]
    signals: tuple[Signals, ...]
    rules: IntArray
    terms: IntArray
    wishes: tuple[Wishes, ...]


def prepare(course: Course, setup: Setup) -> Prepared:
    """Lay a course out. Raises OnlyPlain."""
    if setup.has_rules:
        raise OnlyPlain("position rules move the stop, or limit the time")
    tapes = tuple(_tape(each, setup) for each in course.lanes)
    return Prepared(
        course,
        setup,
        tapes,
        sizes=_sizes([each.market for each in course.lanes], setup),
        lowest=min(int(each.open.min()) for each in tapes),
        highest=max(int(part.max()) for each in tapes for part in (each.high, each.bought_at)),
    )


def wanted(prepared: Prepared, strategy: Strategy) -> Wanted:
    """Return what a strategy wants. Raises OnlyPlain."""
    if isinstance(strategy, Learning):
        raise OnlyPlain(f"{strategy.name} learns from its trades")
    if not isinstance(strategy, Vectorized):
        raise OnlyPlain(f"{strategy.name} decides bar by bar")
    evaluations = tuple(strategy.evaluate(each.view) for each in prepared.course.lanes)
    signals = tuple(each.signals() for each in evaluations)
    first = signals[0]
    alike = {(each.stops_on_close, each.min_hold_bars, each.rearm is None, each.confirm) for each in signals}
    if len(alike) > 1:
        raise OnlyPlain("the symbols have different rules")
    terms = [_terms(each, prepared.setup) for each in signals]
    starts = np.cumsum([0, *(len(table) for _, table in terms)]).tolist()
    made = Wanted(
        evaluations,
        signals,
        _rules(prepared, first),
        np.concatenate([table for _, table in terms]),
        tuple(
            Wishes(each.entry, each.exit_long, each.exit_held, each.rearm, at + start if start else at)
            for each, (at, _), start in zip(signals, terms, starts, strict=False)
        ),
    )
    _check_range(prepared, made.terms)
    return made


def _rules(prepared: Prepared, signals: Signals) -> IntArray:
    """Return the kernel's `rules`, in the order of their names there."""
    setup, costs = prepared.setup, prepared.setup.costs
    limit, floor = Fraction(1 + setup.max_slippage_rate), Fraction(1 - setup.max_slippage_rate)
    return np.array(
        [
            costs.taker_units,
            costs.maker_units,
            *limit.as_integer_ratio(),
            *floor.as_integer_ratio(),
            costs.half_spread_units,
            costs.slippage_units,
            costs.bars_late(prepared.course.interval_ms),
            signals.min_hold_bars,
            signals.stops_on_close,
            signals.rearm is not None,
        ],
        dtype=np.int64,
    )


def _tape(lane: Lane, setup: Setup) -> Tape:
    market, part, costs = lane.market, slice(lane.first, lane.end), setup.costs
    opened, high, low, close = (each[part] for each in (market.open, market.high, market.low, market.close))
    bars = lane.view.bars
    if bars is market.bars:
        seen = market.low, market.high, market.close
    else:
        ticks = UNIT / market.scale.tick
        low_seen, high_seen, close_seen = (
            np.rint(each * ticks).astype(np.int64) for each in (bars.low, bars.high, bars.close)
        )
        seen = low_seen, high_seen, close_seen
    return Tape(
        opened,
        high,
        low,
        close,
        costs.ask(opened),
        costs.bid(opened),
        costs.bought_at(opened, high, market.interval_ms),
        costs.sold_at(opened, low, market.interval_ms),
        *seen,
    )


def _terms(signals: Signals, setup: Setup) -> tuple[IntArray, IntArray]:
    """Return the different terms of entries as a table, and for each decision its row of it."""
    at = np.zeros(len(signals.entry), dtype=np.int64)
    enters = np.flatnonzero(signals.entry > 0)
    rates = (signals.stop_loss_rate, signals.take_profit_rate, signals.fraction)
    parts = [_different(values, enters) for values in rates]
    codes = np.zeros(len(enters), dtype=np.int64)
    for values, code in parts:
        codes = codes * len(values) + code
    known, at[enters] = _unique(codes)
    floor = Fraction(1 - setup.max_slippage_rate)
    table = []
    for code in known.tolist():
        row: list[int] = []
        for values, _ in reversed(parts):
            code, which = divmod(code, len(values))
            row.insert(0, values[which])
        kept = Fraction(UNIT - row[0], UNIT) * floor
        if kept.denominator >= _FITS:
            raise OnlyPlain("the rates do not fit 64 bits")
        table.append([*row, *kept.as_integer_ratio()])
    return at, np.array(table or [[0] * 5], dtype=np.int64)


def _different(values: FloatArray | None, enters: IntArray) -> tuple[list[int], IntArray]:
    """Return the different rates at entries in units, rounded as `EntryTerms` has them, and which each has.

    −1 stands for no rate.
    """
    if values is None:
        return [_NONE], np.zeros(len(enters), dtype=np.int64)
    known, which = _unique(np.nan_to_num(values[enters], nan=-1.0))
    return [_NONE if each < 0 else int(rate(each) * UNIT) for each in known.tolist()], which


def _unique(values: npt.NDArray[Item]) -> tuple[npt.NDArray[Item], IntArray]:
    """Return the different values, and which of them each is; sorting is spared where all are alike."""
    if not len(values) or (values == values[0]).all():
        return values[:1], np.zeros(len(values), dtype=np.int64)
    known, which = np.unique(values, return_inverse=True)
    return known, which


def _sizes(markets: Sequence[Market], setup: Setup) -> IntArray:
    """Return the kernel's `sizes`, in the order of their names there."""
    rows = []
    for market in markets:
        _check_rules(market)
        cell = market.scale.tick * market.scale.step
        filters = {each: market.instrument.minimum_notional(each).value for each in OrderType}
        cap = _cells(setup.max_order.value, cell)
        share = Fraction(setup.risk_fraction) * Fraction(UNIT, cell)
        worth = _cells(
            max(filters[OrderType.LIMIT], filters[OrderType.MARKET], setup.min_notional.value), cell
        )
        filtered = _cells(filters[OrderType.LIMIT], cell)
        sizes = [market.scale.tick, market.scale.step, cell, cap.numerator // cap.denominator]
        rows.append(
            [*sizes, *(part for each in (share, worth, filtered) for part in each.as_integer_ratio())]
        )
    if max(map(max, rows)) >= _FITS:
        raise OnlyPlain("the sizes of orders do not fit 64 bits")
    return np.array(rows, dtype=np.int64)


def _cells(amount: Decimal, cell: int) -> Fraction:
    return Fraction(amount) * UNIT * Fraction(UNIT, cell)


def _check_rules(market: Market) -> None:
    filters = market.instrument.filters
    lot = filters.lot
    simple = lot is not None and lot.min_quantity == lot.step_size and not lot.max_quantity
    others = (filters.market_lot, filters.min_notional, filters.percent_price, filters.position_max)
    if not simple or any(each is not None for each in others):
        raise OnlyPlain(f"{market.symbol} has filters that only the plain engine knows")


def _check_range(prepared: Prepared, terms: IntArray) -> None:
    """Raise OnlyPlain where a number in the kernel might not fit 63 bits."""
    highest, sizes = prepared.highest, prepared.sizes
    greatest = (
        highest * int(sizes[:, TICK].max()),
        highest * 2 * UNIT,
        highest * int(sizes[:, WORTH_D].max()),
        highest * int(sizes[:, FILTER_D].max()),
        int(sizes[:, WORTH_N].max()) * int(terms[:, KEPT_D].max()) // prepared.lowest,
    )
    if max(greatest) >= _FITS:
        raise OnlyPlain("the prices do not fit 64 bits")
