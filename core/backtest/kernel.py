"""The compiled engine's loop: the rules of `plain` and `slot` in 64-bit integers. Loads numba.

Prices are in ticks, quantities in steps, money in units of 1e-8, rates in units of 1e-8 or as fractions of
two integers. A price times a quantity is counted in *cells* of one tick × one step. What `slot` computes in
exact decimals is exact here too: `compiled` refuses what could overflow before it calls this.

Numbers that belong together are columns of one array, named below: a tuple of arrays is slow to compile, and
slow to pass on.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from core.bars import BoolArray, IntArray

_UNIT = 10**8
_NOWHERE = 1 << 62
_BY_SIGNAL, _BY_STOP, _BY_TARGET, _BY_DUST = 1, 2, 3, 4
_NO_ORDER, _ENTER, _LEAVE = 0, 1, 2
_TRADE_COLUMNS = 13

# `rules`, for all symbols. LIMIT: a purchase's worst price over the ask, as a fraction n/d; FLOOR: a sale's
# over the bid. ON_CLOSE and REARMS are 0 or 1.
(
    TAKER,
    MAKER,
    LIMIT_N,
    LIMIT_D,
    FLOOR_N,
    FLOOR_D,
    HALF_SPREAD,
    SLIPPAGE,
    BARS_LATE,
    MIN_HOLD,
    ON_CLOSE,
    REARMS,
) = range(12)
# `sizes`, a row a symbol. In cells: CAP, the most of one order; WORTH, the smallest order that is worth
# sending, and FILTER, that the venue takes, as fractions; SHARE: how many a unit of free balance may buy.
(TICK, STEP, CELL, CAP, SHARE_N, SHARE_D, WORTH_N, WORTH_D, FILTER_N, FILTER_D) = range(10)
# `terms` of entries. Rates in units, −1 for none. KEPT: what an exit at the stop gets of the ask, a fraction.
(STOP_RATE, TARGET_RATE, FRACTION, KEPT_N, KEPT_D) = range(5)
# `bars`, `quotes`, `reached`: what a bar recorded, what it is traded at, what a bar of decisions touched.
(_OPEN, _HIGH, _LOW, _CLOSE) = range(4)
(_ASK, _BID, _BOUGHT_AT, _SOLD_AT) = range(4)
(_D_LOW, _D_HIGH, _D_CLOSE) = range(3)
# `slots`, a row a symbol: what changes. ROW: of the open trade, −1 when flat. ENDED: whether stop or target
# ended a position since the newest decision. ARMED: whether an entry is allowed after a stop. WORTH: a coin
(_HELD, _COST, _ROW, _DECIDED, _TERMS, _STOP, _TARGET, _ENDED, _ARMED, _ORDER, _ORDERED, _DUE, _WORTH) = (
    range(13)
)
_FREE, _EQUITY = 0, 1
_MISSED_ENTRIES, _DENIED_ENTRIES, _MISSED_EXITS, _SHORTS, _TRADES = range(5)


class Input(NamedTuple):
    """`rules`: shape (12,). `bars`, `quotes`: (n_symbols, n_bars, 4); 0 where a symbol has no bar.
    `decide_at`: (n_symbols, n_bars), the decision at the open of a bar, −1 for none. `reached`: (n_symbols,
    n_decisions, 3). The other arrays of decisions: (n_symbols, n_decisions); `terms_at` counts the rows of
    `terms`.
    """

    rules: IntArray
    bars: IntArray
    quotes: IntArray
    decide_at: IntArray
    reached: IntArray
    entry: npt.NDArray[np.int8]
    leave: BoolArray
    leave_held: BoolArray
    rearm: BoolArray
    terms_at: IntArray
    terms: IntArray
    sizes: IntArray


def run(given: Input, balance: int) -> tuple[IntArray, IntArray, list[int]]:
    """Run the course; return the trades, the equity at the close of each bar, and the counts."""
    slots = np.zeros((len(given.sizes), 13), dtype=np.int64)
    slots[:, _ROW], slots[:, _ARMED] = -1, 1
    money = np.full(2, balance, dtype=np.int64)
    counts = np.zeros(5, dtype=np.int64)
    trades = np.zeros((int(np.count_nonzero(given.entry > 0)) + 1, _TRADE_COLUMNS), dtype=np.int64)
    equity = np.empty(given.bars.shape[1], dtype=np.int64)
    _simulate(*given, slots, money, counts, trades, equity)
    *counted, n_trades = counts.tolist()
    return trades[:n_trades].copy(), equity, counted


_ROW_1, _TABLE, _CUBE = "int64[::1]", "int64[:, ::1]", "int64[:, :, ::1]"
# One signature each: numba would make a version of a function for every constant it is called with.
_outer = partial(njit, cache=True, error_model="numpy", no_cfunc_wrapper=True)
_inner = partial(_outer, no_cpython_wrapper=True)


@_inner("int64(int64, int64, int64)")
def mul_div(a, b, c):
    """Return a · b // c exactly. a, b ≥ 0; 0 < c < 2**61; the result fits 63 bits."""
    if a == 0 or b <= (1 << 62) // a:
        return a * b // c
    whole, part = b // c, b % c
    quotient = rest = 0
    for shift in range(62, -1, -1):
        quotient, rest = 2 * quotient, 2 * rest
        if (a >> shift) & 1:
            quotient, rest = quotient + whole, rest + part
        while rest >= c:
            quotient, rest = quotient + 1, rest - c
    return quotient


@_inner("int64(int64, int64, int64)")
def mul_div_up(a, b, c):
    """Return a · b / c rounded up, under the same conditions."""
    down = mul_div(a, b, c)
    # The difference is below c, so it is exact even where the products wrap around 2**64.
    return down if a * b - down * c == 0 else down + 1


@_inner("int64(int64, int64)")
def worth_of(held, price):
    """Return held · price // 1e8, both in units, without a product that could overflow."""
    coins, rest = held // _UNIT, held % _UNIT
    return coins * price + rest * (price // _UNIT) + rest * (price % _UNIT) // _UNIT


@_inner("boolean(int64, int64, int64, int64, int64)")
def _touches(entry_price, low, high, stop_rate, target_rate):
    """Tell whether a bar of decisions touched stop or target, unrounded, as a strategy sees it."""
    return low * _UNIT <= entry_price * (_UNIT - stop_rate) or (
        target_rate >= 0 and high * _UNIT >= entry_price * (_UNIT + target_rate)
    )


@_inner("int64(int64, int64, int64)")
def _stopped_at(reached, half_spread, slippage):
    price = reached - mul_div_up(reached, half_spread, _UNIT)
    return max(1, price - mul_div_up(reached, slippage, _UNIT))


@_inner(f"void({_TABLE}, {_TABLE}, int64, int64, int64, int64)")
def _end(slots, trades, s, bar, price, how):
    trade = slots[s, _ROW]
    trades[trade, 6], trades[trade, 7], trades[trade, 12] = bar, price, how
    slots[s, _ROW] = -1


@_inner(f"void({_TABLE}, {_TABLE}, {_ROW_1}, {_TABLE}, int64, int64, int64)")
def _sell(sizes, slots, money, trades, s, price, fee_rate):
    held, cost, trade = slots[s, _HELD], slots[s, _COST], slots[s, _ROW]
    steps = held // sizes[s, STEP]
    sold = steps * sizes[s, STEP]
    quote = mul_div(price * sizes[s, TICK], sold, _UNIT)
    fee = mul_div_up(quote, fee_rate, _UNIT)
    cost_of_rest = mul_div(cost, held - sold, held)
    trades[trade, 8], trades[trade, 9], trades[trade, 10] = steps, fee, quote - fee
    trades[trade, 11] = quote - fee - (cost - cost_of_rest)
    money[_FREE] += quote - fee
    slots[s, _HELD], slots[s, _COST] = held - sold, cost_of_rest


@_inner(f"void({_ROW_1}, {_ROW_1}, {_TABLE}, {_TABLE}, {_TABLE}, {_ROW_1}, {_ROW_1}, {_TABLE}, int64, int64)")
def _enter(rules, quotes, terms, sizes, slots, money, counts, trades, s, bar):
    slots[s, _ORDER] = _NO_ORDER
    term, step = slots[s, _TERMS], sizes[s, STEP]
    ask, price, taker = quotes[_ASK], quotes[_BOUGHT_AT], rules[TAKER]
    limit = mul_div(ask, rules[LIMIT_N], rules[LIMIT_D])
    budget = min(sizes[s, CAP], mul_div(money[_FREE], sizes[s, SHARE_N], sizes[s, SHARE_D]))
    if terms[term, FRACTION] >= 0:
        budget = min(budget, mul_div(money[_EQUITY], terms[term, FRACTION], sizes[s, CELL]))
    # The fewest steps that can be sold again after fee, step and stop: `smallest_entry`.
    worth_n, worth_d = sizes[s, WORTH_N], sizes[s, WORTH_D]
    remaining = mul_div_up(worth_n, terms[term, KEPT_D], worth_d * ask)
    remaining = max(1, mul_div_up(remaining, 1, terms[term, KEPT_N]))
    least = mul_div_up(remaining, _UNIT, _UNIT - taker)
    least = max(least, mul_div_up(worth_n, 1, worth_d * limit))
    quantity = budget // limit
    if least > quantity:
        counts[_DENIED_ENTRIES] += 1
        return
    if price > limit:
        counts[_MISSED_ENTRIES] += 1
        return
    spent = mul_div(price * sizes[s, TICK], quantity * step, _UNIT)
    fee = mul_div_up(quantity * step, taker, _UNIT)
    money[_FREE] -= spent
    slots[s, _HELD] += quantity * step - fee
    slots[s, _COST] += spent
    slots[s, _STOP] = mul_div_up(price, _UNIT - terms[term, STOP_RATE], _UNIT)
    slots[s, _TARGET] = _NOWHERE
    if terms[term, TARGET_RATE] >= 0:
        slots[s, _TARGET] = mul_div_up(price, _UNIT + terms[term, TARGET_RATE], _UNIT)
    slots[s, _DECIDED], slots[s, _ARMED] = slots[s, _ORDERED], 1
    trade = counts[_TRADES]
    counts[_TRADES] += 1
    slots[s, _ROW] = trade
    trades[trade, 0], trades[trade, 1], trades[trade, 2] = s, bar, price
    trades[trade, 3], trades[trade, 4], trades[trade, 5], trades[trade, 6] = quantity, fee, spent, -1


@_inner(f"void({_ROW_1}, {_ROW_1}, {_TABLE}, {_TABLE}, {_ROW_1}, {_ROW_1}, {_TABLE}, int64, int64)")
def _leave(rules, quotes, sizes, slots, money, counts, trades, s, bar):
    slots[s, _ORDER] = _NO_ORDER
    if slots[s, _ROW] < 0:
        return
    steps, price, bid = slots[s, _HELD] // sizes[s, STEP], quotes[_SOLD_AT], quotes[_BID]
    floor = mul_div_up(max(bid, 0), rules[FLOOR_N], rules[FLOOR_D])
    if steps == 0 or (bid > 0 and steps < mul_div_up(sizes[s, FILTER_N], 1, sizes[s, FILTER_D] * floor)):
        _end(slots, trades, s, bar, 0, _BY_DUST)
    elif bid > 0 and price >= floor:
        _sell(sizes, slots, money, trades, s, price, rules[TAKER])
        _end(slots, trades, s, bar, price, _BY_SIGNAL)
    else:
        counts[_MISSED_EXITS] += 1
        slots[s, _ORDER], slots[s, _DUE] = _LEAVE, bar + 1


@_inner(f"void({_ROW_1}, {_ROW_1}, {_TABLE}, {_TABLE}, {_ROW_1}, {_TABLE}, int64, int64)")
def _pass_through(rules, prices, sizes, slots, money, trades, s, bar):
    """Let the bar's prices meet stop and target.

    What happened at the open is known. Of stop and target within one bar the stop is taken to be first.
    """
    stop, target = slots[s, _STOP], slots[s, _TARGET]
    opened, low, high = prices[_OPEN], prices[_LOW], prices[_HIGH]
    if opened > stop and (opened > target or (low > stop and high > target)):
        _sell(sizes, slots, money, trades, s, target, rules[MAKER])
        _end(slots, trades, s, bar, target, _BY_TARGET)
        slots[s, _ENDED] = 1
    elif low <= stop:
        price = _stopped_at(min(opened, stop), rules[HALF_SPREAD], rules[SLIPPAGE])
        _sell(sizes, slots, money, trades, s, price, rules[TAKER])
        _end(slots, trades, s, bar, price, _BY_STOP)
        slots[s, _ENDED], slots[s, _ARMED] = 1, 1 - rules[REARMS]


_FLAGS = "boolean[:, ::1]"


@_outer(
    f"void({_ROW_1}, {_CUBE}, {_CUBE}, {_TABLE}, {_CUBE}, int8[:, ::1], {_FLAGS}, {_FLAGS}, {_FLAGS},"
    f" {_TABLE}, {_TABLE}, {_TABLE}, {_TABLE}, {_ROW_1}, {_ROW_1}, {_TABLE}, {_ROW_1})"
)
def _simulate(
    rules, bars, quotes, decide_at, reached, entry, leave, leave_held, rearm, terms_at, terms, sizes,
    slots, money, counts, trades, equity,
):  # fmt: skip
    min_hold, on_close, late = rules[MIN_HOLD], rules[ON_CLOSE], rules[BARS_LATE]
    symbols, length = decide_at.shape
    for bar in range(length):
        worth = 0
        for s in range(symbols):
            prices = bars[s, bar]
            if prices[_OPEN] > 0:
                d = decide_at[s, bar]
                if d >= 0:
                    if rearm[s, d]:
                        slots[s, _ARMED] = 1
                    if slots[s, _ENDED]:
                        slots[s, _ENDED] = 0  # a bar that exits never enters
                    elif slots[s, _ORDER] == _NO_ORDER:
                        if slots[s, _ROW] >= 0:
                            term = slots[s, _TERMS]
                            if (
                                leave[s, d]
                                or (leave_held[s, d] and d - slots[s, _DECIDED] >= min_hold)
                                or _touches(
                                    trades[slots[s, _ROW], 2],
                                    reached[s, d, _D_CLOSE if on_close else _D_LOW],
                                    reached[s, d, _D_CLOSE if on_close else _D_HIGH],
                                    terms[term, STOP_RATE],
                                    terms[term, TARGET_RATE],
                                )
                            ):
                                slots[s, _ORDER], slots[s, _DUE] = _LEAVE, bar + late
                        elif entry[s, d] and slots[s, _ARMED]:
                            if entry[s, d] > 0:
                                slots[s, _ORDER], slots[s, _DUE] = _ENTER, bar + late
                                slots[s, _ORDERED], slots[s, _TERMS] = d, terms_at[s, d]
                            else:
                                counts[_SHORTS] += 1
                if slots[s, _ORDER] != _NO_ORDER and slots[s, _DUE] <= bar:
                    if slots[s, _ORDER] == _ENTER:
                        _enter(rules, quotes[s, bar], terms, sizes, slots, money, counts, trades, s, bar)
                    else:
                        _leave(rules, quotes[s, bar], sizes, slots, money, counts, trades, s, bar)
                if slots[s, _ROW] >= 0 and (
                    prices[_LOW] <= slots[s, _STOP] or prices[_HIGH] > slots[s, _TARGET]
                ):
                    _pass_through(rules, prices, sizes, slots, money, trades, s, bar)
                slots[s, _WORTH] = prices[_CLOSE] * sizes[s, TICK]
            if slots[s, _HELD] > 0:
                worth += worth_of(slots[s, _HELD], slots[s, _WORTH])
        money[_EQUITY] = equity[bar] = money[_FREE] + worth
