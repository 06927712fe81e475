"""The rules of `plain` and `slot` in integers, and a loop over all bars that keeps them.

Prices are in ticks, quantities in steps, money in units of 1e-8, rates in units of 1e-8 or as fractions of
two integers. A price times a quantity is counted in *cells* of one tick × one step. What `slot` computes in
exact decimals is exact here too: `arrays` refuses what could overflow 64 bits.

Each function is used in two ways: as it is, on lists, by `jumping`; and on arrays by `compiled`, so there is
only what numba knows. Numbers that belong together are one row, its places named below: a tuple of arrays is
slow to compile, and slow to pass on.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from core.bars import IntArray

Row = Any
"""A list of integers, or an array of them; of `Rows`, a list of lists or a table."""
Rows = Any
Units = TypeVar("Units", int, IntArray)

_UNIT = 10**8
_NOWHERE = 1 << 62
_BY_SIGNAL, _BY_STOP, _BY_TARGET, _BY_DUST = 1, 2, 3, 4
_NO_ORDER, _ENTER, _LEAVE = 0, 1, 2
TRADE_COLUMNS = 13

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
(OPEN, HIGH, LOW, CLOSE) = range(4)
(ASK, BID, BOUGHT_AT, SOLD_AT) = range(4)
(D_LOW, D_HIGH, D_CLOSE) = range(3)
# `slot`, one a symbol: what changes. ROW: of the open trade, −1 when flat. ENDED: whether stop or target
# ended a position since the newest decision. ARMED: whether an entry is allowed after a stop. WORTH: a coin
(HELD, _COST, ROW, _DECIDED, TERMS, STOP, TARGET, _ENDED, ARMED, _ORDER, ORDERED, _DUE, _WORTH) = range(13)
FREE, EQUITY = 0, 1
_MISSED_ENTRIES, _DENIED_ENTRIES, _MISSED_EXITS, SHORTS, TRADES = range(5)


def new_slots(symbols: int) -> IntArray:
    slots = np.zeros((symbols, 13), dtype=np.int64)
    slots[:, ROW], slots[:, ARMED] = -1, 1
    return slots


def mul_div(a: int, b: int, c: int) -> int:
    """Return a · b // c."""
    return a * b // c


def mul_div_up(a: int, b: int, c: int) -> int:
    """Return a · b / c rounded up."""
    return -(-a * b // c)


def mul_div_64(a: int, b: int, c: int) -> int:
    """Do what `mul_div` does in 64-bit integers. a, b ≥ 0; 0 < c < 2**61; the result fits 63 bits."""
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


def mul_div_up_64(a: int, b: int, c: int) -> int:
    """Do what `mul_div_up` does, under the conditions of `mul_div_64`."""
    down = mul_div(a, b, c)
    # The difference is below c, so it is exact even where the products wrap around 2**64.
    return down if a * b - down * c == 0 else down + 1


def worth_of(held: Units, price: Units) -> Units:
    """Return held · price // 1e8, both in units, without a product that could overflow; arrays will do."""
    coins, rest = held // _UNIT, held % _UNIT
    worth: Units = coins * price + rest * (price // _UNIT) + rest * (price % _UNIT) // _UNIT
    return worth


def touches(entry_price: int, low: int, high: int, stop_rate: int, target_rate: int) -> bool:
    """Tell whether a bar of decisions touched stop or target, unrounded, as a strategy sees it."""
    return low * _UNIT <= entry_price * (_UNIT - stop_rate) or (
        target_rate >= 0 and high * _UNIT >= entry_price * (_UNIT + target_rate)
    )


def stopped_at(reached: int, half_spread: int, slippage: int) -> int:
    price = reached - mul_div_up(reached, half_spread, _UNIT)
    return max(1, price - mul_div_up(reached, slippage, _UNIT))


def end(slot: Row, trades: Rows, bar: int, price: int, how: int) -> None:
    trade = trades[slot[ROW]]
    trade[6], trade[7], trade[12] = bar, price, how
    slot[ROW] = -1


def sell(sizes: Row, slot: Row, money: Row, trades: Rows, price: int, fee_rate: int) -> None:
    trade, held, cost = trades[slot[ROW]], slot[HELD], slot[_COST]
    steps = held // sizes[STEP]
    sold = steps * sizes[STEP]
    quote = mul_div(price * sizes[TICK], sold, _UNIT)
    fee = mul_div_up(quote, fee_rate, _UNIT)
    cost_of_rest = mul_div(cost, held - sold, held)
    trade[8], trade[9], trade[10] = steps, fee, quote - fee
    trade[11] = quote - fee - (cost - cost_of_rest)
    money[FREE] += quote - fee
    slot[HELD], slot[_COST] = held - sold, cost_of_rest


def enter(
    rules: Row,
    ask: int,
    price: int,
    term: Row,
    sizes: Row,
    slot: Row,
    money: Row,
    counts: Row,
    trades: Rows,
    s: int,
    bar: int,
) -> None:
    """Buy what was ordered, as the next row of `trades`, or count why not."""
    slot[_ORDER] = _NO_ORDER
    taker, step = rules[TAKER], sizes[STEP]
    limit = mul_div(ask, rules[LIMIT_N], rules[LIMIT_D])
    budget = min(sizes[CAP], mul_div(money[FREE], sizes[SHARE_N], sizes[SHARE_D]))
    if term[FRACTION] >= 0:
        budget = min(budget, mul_div(money[EQUITY], term[FRACTION], sizes[CELL]))
    # The fewest steps that can be sold again after fee, step and stop: `smallest_entry`.
    worth_n, worth_d = sizes[WORTH_N], sizes[WORTH_D]
    remaining = mul_div_up(worth_n, term[KEPT_D], worth_d * ask)
    remaining = max(1, mul_div_up(remaining, 1, term[KEPT_N]))
    least = mul_div_up(remaining, _UNIT, _UNIT - taker)
    least = max(least, mul_div_up(worth_n, 1, worth_d * limit))
    quantity = budget // limit
    if least > quantity:
        counts[_DENIED_ENTRIES] += 1
        return
    if price > limit:
        counts[_MISSED_ENTRIES] += 1
        return
    spent = mul_div(price * sizes[TICK], quantity * step, _UNIT)
    fee = mul_div_up(quantity * step, taker, _UNIT)
    money[FREE] -= spent
    slot[HELD] += quantity * step - fee
    slot[_COST] += spent
    slot[STOP], slot[TARGET] = mul_div_up(price, _UNIT - term[STOP_RATE], _UNIT), _NOWHERE
    if term[TARGET_RATE] >= 0:
        slot[TARGET] = mul_div_up(price, _UNIT + term[TARGET_RATE], _UNIT)
    slot[_DECIDED], slot[ARMED], slot[ROW] = slot[ORDERED], 1, counts[TRADES]
    counts[TRADES] += 1
    trade = trades[slot[ROW]]
    trade[0], trade[1], trade[2] = s, bar, price
    trade[3], trade[4], trade[5], trade[6] = quantity, fee, spent, -1


def leave(
    rules: Row, bid: int, price: int, sizes: Row, slot: Row, money: Row, counts: Row, trades: Rows, bar: int
) -> None:
    """Sell what is held, or try again at the next bar."""
    slot[_ORDER] = _NO_ORDER
    if slot[ROW] < 0:
        return
    steps = slot[HELD] // sizes[STEP]
    floor = mul_div_up(max(bid, 0), rules[FLOOR_N], rules[FLOOR_D])
    if steps == 0 or (bid > 0 and steps < mul_div_up(sizes[FILTER_N], 1, sizes[FILTER_D] * floor)):
        end(slot, trades, bar, 0, _BY_DUST)
    elif bid > 0 and price >= floor:
        sell(sizes, slot, money, trades, price, rules[TAKER])
        end(slot, trades, bar, price, _BY_SIGNAL)
    else:
        counts[_MISSED_EXITS] += 1
        slot[_ORDER], slot[_DUE] = _LEAVE, bar + 1


def pass_through(
    rules: Row, opened: int, low: int, high: int, sizes: Row, slot: Row, money: Row, trades: Rows, bar: int
) -> None:
    """Let the bar's prices meet stop and target.

    What happened at the open is known. Of stop and target within one bar the stop is taken to be first.
    """
    stop, target = slot[STOP], slot[TARGET]
    if opened > stop and (opened > target or (low > stop and high > target)):
        sell(sizes, slot, money, trades, target, rules[MAKER])
        end(slot, trades, bar, target, _BY_TARGET)
        slot[_ENDED] = 1
    elif low <= stop:
        price = stopped_at(min(opened, stop), rules[HALF_SPREAD], rules[SLIPPAGE])
        sell(sizes, slot, money, trades, price, rules[TAKER])
        end(slot, trades, bar, price, _BY_STOP)
        slot[_ENDED], slot[ARMED] = 1, 1 - rules[REARMS]


def simulate(
    rules: Row, bars: IntArray, quotes: IntArray, decide_at: IntArray, reached: IntArray, entry: Any,
    leaves: Any, leaves_held: Any, rearm: Any, terms_at: IntArray, terms: IntArray, sizes: IntArray,
    slots: IntArray, money: Row, counts: Row, trades: IntArray, equity: Row,
) -> None:  # fmt: skip
    """Go through all bars; the last five arguments are written to.

    `bars`, `quotes`: shape (n_symbols, n_bars, 4), 0 where a symbol has no bar. `decide_at`: (n_symbols,
    n_bars), the decision at the open of a bar, −1 for none. `reached`: (n_symbols, n_decisions, 3); the
    others of decisions: (n_symbols, n_decisions). `terms_at` counts the rows of `terms`.
    """
    min_hold, on_close, late = rules[MIN_HOLD], rules[ON_CLOSE], rules[BARS_LATE]
    symbols, length = decide_at.shape
    for bar in range(length):
        worth = 0
        for s in range(symbols):
            prices, slot = bars[s, bar], slots[s]
            if prices[OPEN] > 0:
                d = decide_at[s, bar]
                if d >= 0:
                    if rearm[s, d]:
                        slot[ARMED] = 1
                    if slot[_ENDED]:
                        slot[_ENDED] = 0  # a bar that exits never enters
                    elif slot[_ORDER] == _NO_ORDER:
                        if slot[ROW] >= 0:
                            term = terms[slot[TERMS]]
                            if (
                                leaves[s, d]
                                or (leaves_held[s, d] and d - slot[_DECIDED] >= min_hold)
                                or touches(
                                    trades[slot[ROW], 2],
                                    reached[s, d, D_CLOSE if on_close else D_LOW],
                                    reached[s, d, D_CLOSE if on_close else D_HIGH],
                                    term[STOP_RATE],
                                    term[TARGET_RATE],
                                )
                            ):
                                slot[_ORDER], slot[_DUE] = _LEAVE, bar + late
                        elif entry[s, d] and slot[ARMED]:
                            if entry[s, d] > 0:
                                slot[_ORDER], slot[_DUE] = _ENTER, bar + late
                                slot[ORDERED], slot[TERMS] = d, terms_at[s, d]
                            else:
                                counts[SHORTS] += 1
                if slot[_ORDER] != _NO_ORDER and slot[_DUE] <= bar:
                    if slot[_ORDER] == _ENTER:
                        term = terms[slot[TERMS]]
                        ask, price = quotes[s, bar, ASK], quotes[s, bar, BOUGHT_AT]
                        enter(rules, ask, price, term, sizes[s], slot, money, counts, trades, s, bar)
                    else:
                        bid, price = quotes[s, bar, BID], quotes[s, bar, SOLD_AT]
                        leave(rules, bid, price, sizes[s], slot, money, counts, trades, bar)
                if slot[ROW] >= 0 and (prices[LOW] <= slot[STOP] or prices[HIGH] > slot[TARGET]):
                    opened, low, high = prices[OPEN], prices[LOW], prices[HIGH]
                    pass_through(rules, opened, low, high, sizes[s], slot, money, trades, bar)
                slot[_WORTH] = prices[CLOSE] * sizes[s, TICK]
            if slot[HELD] > 0:
                worth += worth_of(slot[HELD], slot[_WORTH])
        money[EQUITY] = equity[bar] = money[FREE] + worth
