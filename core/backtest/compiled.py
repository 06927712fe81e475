"""The compiled engine: a strategy's signals as arrays, traded by `kernel`. Imports numba when it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from core.backtest.market import Market, units
from core.backtest.outcome import Counts, Outcome
from core.backtest.setup import NO_DECISION, Course, Lane, Setup
from core.bars import BoolArray, FloatArray, IntArray
from core.matching import UNIT
from core.orders import OrderType
from core.strategies.decision import rate
from core.strategies.protocol import Learning, Signals, Strategy, Vectorized

if TYPE_CHECKING:
    from core.backtest.kernel import Input

_FITS = 1 << 61
_NONE = -1

Item = TypeVar("Item", bound=np.generic)


class NotCompiled(Exception):
    """Why a back-test has to go by the plain engine."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A course as arrays: what does not depend on the strategy's parameters, made once for a whole sweep."""

    course: Course
    setup: Setup
    bars: IntArray
    quotes: IntArray
    decide_at: IntArray
    reached: IntArray
    sizes: IntArray
    lowest: int
    highest: int


def prepare(course: Course, setup: Setup) -> Prepared:
    """Lay a course out for the kernel. Raises NotCompiled, also when numba is missing."""
    if setup.has_rules:
        raise NotCompiled("position rules move the stop, or limit the time")
    try:
        import core.backtest.kernel  # noqa: F401 - compiled as it is loaded
    except ImportError:
        raise NotCompiled("numba is not installed (pip install 'trader[fast]')") from None
    except RuntimeError as error:
        raise NotCompiled(f"numba cannot keep what it compiled: {error}") from None
    bars, quotes = zip(*(_bars_and_quotes(each, setup) for each in course.lanes), strict=True)
    laid_out = _on_clock(quotes, course, 0)
    return Prepared(
        course,
        setup,
        bars=_on_clock(bars, course, 0),
        quotes=laid_out,
        decide_at=_on_clock([each.decide_at for each in course.lanes], course, NO_DECISION),
        reached=_side_by_side([_reached(each) for each in course.lanes]),
        sizes=_sizes([each.market for each in course.lanes], setup),
        lowest=min(int(each.market.open[each.first : each.end].min()) for each in course.lanes),
        highest=int(laid_out.max()),
    )


def run_compiled(prepared: Prepared, strategy: Strategy) -> Outcome:
    """Run a strategy over a course, with the same result as `run_plain`. Raises NotCompiled."""
    if isinstance(strategy, Learning):
        raise NotCompiled(f"{strategy.name} learns from its trades")
    if not isinstance(strategy, Vectorized):
        raise NotCompiled(f"{strategy.name} decides bar by bar")
    signals = [strategy.evaluate(each.view).signals() for each in prepared.course.lanes]
    if any(each.confirm for each in signals):
        raise NotCompiled(f"{strategy.name} enters by where the account stands, too")
    return run_signals(prepared, signals)


def run_signals(prepared: Prepared, signals: Sequence[Signals]) -> Outcome:
    """Run signals, one a lane, over a course. Raises NotCompiled."""
    from core.backtest import kernel

    given = _given(prepared, signals)
    _check_range(given, prepared.lowest, prepared.highest)
    trades, equity, counts = kernel.run(given, units(prepared.setup.balance.value))
    return Outcome(trades, equity, Counts(*counts), engine="compiled")


def _given(prepared: Prepared, signals: Sequence[Signals]) -> Input:
    from core.backtest.kernel import Input

    first = signals[0]
    if any(
        (each.stops_on_close, each.min_hold_bars) != (first.stops_on_close, first.min_hold_bars)
        for each in signals
    ):
        raise NotCompiled("the symbols have different rules")
    terms = [_terms(each, prepared.setup) for each in signals]
    starts = np.cumsum([0, *(len(table) for _, table in terms)])
    return Input(
        rules=_rules(prepared, first),
        bars=prepared.bars,
        quotes=prepared.quotes,
        decide_at=prepared.decide_at,
        reached=prepared.reached,
        entry=_side_by_side([each.entry for each in signals]),
        leave=_side_by_side([each.exit_long for each in signals]),
        leave_held=_side_by_side([_flags(each.exit_held, each) for each in signals]),
        rearm=_side_by_side([_flags(each.rearm, each) for each in signals]),
        terms_at=_side_by_side([at + start for (at, _), start in zip(terms, starts, strict=False)]),
        terms=np.concatenate([table for _, table in terms]),
        sizes=prepared.sizes,
    )


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


def _bars_and_quotes(lane: Lane, setup: Setup) -> tuple[IntArray, IntArray]:
    market, part, costs = lane.market, slice(lane.first, lane.end), setup.costs
    opened, high, low = market.open[part], market.high[part], market.low[part]
    quotes = (
        costs.ask(opened),
        costs.bid(opened),
        costs.bought_at(opened, high, market.interval_ms),
        costs.sold_at(opened, low, market.interval_ms),
    )
    return np.stack((opened, high, low, market.close[part]), axis=-1), np.stack(quotes, axis=-1)


def _reached(lane: Lane) -> IntArray:
    bars, market, tick = lane.view.bars, lane.market, lane.market.scale.tick
    if bars is market.bars:
        return np.stack((market.low, market.high, market.close), axis=-1)
    prices = np.stack((bars.low, bars.high, bars.close), axis=-1)
    return np.rint(prices * (UNIT / tick)).astype(np.int64)


def _on_clock(parts: Sequence[IntArray], course: Course, missing: int) -> IntArray:
    """Return one row a lane, on the clock of the course."""
    if len(parts) == 1:
        return parts[0][np.newaxis]
    table = np.full((len(parts), course.length, *parts[0].shape[1:]), missing, dtype=np.int64)
    for row, offset, part in zip(table, course.offsets, parts, strict=True):
        row[offset : offset + len(part)] = part
    return table


def _side_by_side(parts: Sequence[npt.NDArray[Item]]) -> npt.NDArray[Item]:
    """Return one row a lane, filled up with zeros."""
    if len(parts) == 1:
        return np.ascontiguousarray(parts[0][np.newaxis])
    length = max(map(len, parts))
    table = np.zeros((len(parts), length, *parts[0].shape[1:]), dtype=parts[0].dtype)
    for row, part in zip(table, parts, strict=True):
        row[: len(part)] = part
    return table


def _flags(given: BoolArray | None, signals: Signals) -> BoolArray:
    return np.zeros(len(signals.entry), dtype=np.bool_) if given is None else given


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
            raise NotCompiled("the rates do not fit 64 bits")
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
        raise NotCompiled("the sizes of orders do not fit 64 bits")
    return np.array(rows, dtype=np.int64)


def _cells(amount: Decimal, cell: int) -> Fraction:
    return Fraction(amount) * UNIT * Fraction(UNIT, cell)


def _check_rules(market: Market) -> None:
    filters = market.instrument.filters
    lot = filters.lot
    simple = lot is not None and lot.min_quantity == lot.step_size and not lot.max_quantity
    others = (filters.market_lot, filters.min_notional, filters.percent_price, filters.position_max)
    if not simple or any(each is not None for each in others):
        raise NotCompiled(f"{market.symbol} has filters that only the plain engine knows")


def _check_range(given: Input, lowest: int, highest: int) -> None:
    """Raise NotCompiled where a number in the kernel might not fit 63 bits."""
    from core.backtest.kernel import FILTER_D, KEPT_D, TICK, WORTH_D, WORTH_N

    greatest = (
        highest * int(given.sizes[:, TICK].max()),
        highest * 2 * UNIT,
        highest * int(given.sizes[:, WORTH_D].max()),
        highest * int(given.sizes[:, FILTER_D].max()),
        int(given.sizes[:, WORTH_N].max()) * int(given.terms[:, KEPT_D].max()) // lowest,
    )
    if max(greatest) >= _FITS:
        raise NotCompiled("the prices do not fit 64 bits")
