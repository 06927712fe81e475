"""What the paper exchange's market costs, beside drawing as many random numbers.

Goal: 100 days of minute bars of any symbol within a second, each with its trades drawn and summed up. Run as
`python benchmarks/bench_market.py`; exits 1 when the goal is missed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter

import numpy as np

from exchanges.paper.market import MINUTE_MS, STEP_MS, TRADES_PER_MINUTE, Market
from exchanges.paper.markets import synthetic_market
from exchanges.paper.symbols import SYMBOLS

NOW_MS = 1_795_221_676_123
TEN_YEARS_MS = 3652 * 86_400_000
MINUTES = 100 * 1440
GOAL_S = 1.0


def best_s(work: Callable[[], object], times: int = 1, rounds: int = 5) -> float:
    """Return the seconds one call takes, in the quickest round of so many calls."""
    rounds_s = []
    for _ in range(rounds):
        begin = perf_counter()
        for _ in range(times):
            work()
        rounds_s.append((perf_counter() - begin) / times)
    return min(rounds_s)


def fresh(symbol: str = "BTCUSDT") -> Market:
    return synthetic_market(SYMBOLS[symbol], seed=1)


def draw_floor(numbers: int) -> Callable[[], object]:
    return lambda: np.random.default_rng(1).standard_normal(numbers).cumsum()


def main() -> None:
    now_minute = NOW_MS // MINUTE_MS
    ahead_minute = (NOW_MS + TEN_YEARS_MS) // MINUTE_MS
    floor = best_s(draw_floor(MINUTES))
    trades_floor = best_s(draw_floor(MINUTES * TRADES_PER_MINUTE))
    bulk = best_s(lambda: fresh().minutes(now_minute - MINUTES, MINUTES))
    crossed = best_s(lambda: fresh("ETHBTC").minutes(now_minute - MINUTES, MINUTES))
    ahead = best_s(lambda: fresh().minutes(ahead_minute - MINUTES, MINUTES))
    print(f"one normal number a bar, {MINUTES:,} bars         {floor * 1e3:9.2f} ms  floor")
    print(f"one normal number a trade, {MINUTES * TRADES_PER_MINUTE:,} trades  {trades_floor * 1e3:9.2f} ms")
    print(
        f"100 days of minute bars                      {bulk * 1e3:9.2f} ms  {bulk / floor:.0f} × floor, "
        f"{bulk / trades_floor:.1f} × a number a trade, goal {GOAL_S * 1e3:.0f} ms"
    )
    print(
        f"the same of ETHBTC, from two markets         {crossed * 1e3:9.2f} ms  {crossed / bulk:.1f} × one, "
        f"goal {GOAL_S * 1e3:.0f} ms"
    )
    print(f"the same ten years ahead                     {ahead * 1e3:9.2f} ms  {ahead / bulk:.2f} × today")

    market = fresh()
    steps = iter(range(10**6))

    def next_book() -> object:
        return market.book(NOW_MS + next(steps) * STEP_MS, 20)

    market.book(NOW_MS, 20)
    answers: dict[str, tuple[Callable[[], object], int]] = {
        "first price of a process": (lambda: fresh().price(NOW_MS), 1),
        "price, same step": (lambda: market.price(NOW_MS), 1000),
        "20 levels of the book, same step": (lambda: market.book(NOW_MS, 20), 1000),
        "20 levels of the book, next step": (next_book, 200),
        "500 klines of 15m, first time": (lambda: klines(fresh(), "15m"), 1),
        "500 klines of 15m": (lambda: klines(market, "15m"), 1),
        "500 klines of 1h, first time": (lambda: klines(fresh(), "1h"), 1),
        "500 klines of 1d, first time": (lambda: klines(fresh(), "1d"), 1),
        "500 klines of 1d": (lambda: klines(market, "1d"), 1),
        "extremes of 30 days, first time": (
            lambda: fresh().extremes(NOW_MS - 30 * 86_400_000, NOW_MS),
            1,
        ),
    }
    for name, (work, times) in answers.items():
        print(f"{name:44} {best_s(work, times, rounds=3) * 1e6:9.1f} µs")
    sys.exit(max(bulk, crossed) > GOAL_S)


def klines(market: Market, interval: str) -> object:
    return market.klines(interval, start_ms=None, end_ms=None, limit=500, now_ms=NOW_MS)


if __name__ == "__main__":
    main()
