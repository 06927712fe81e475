"""How long the eleven-indicator score of 100 symbols × 6 intervals × 500 bars takes, against bare TA-Lib.

    .venv/bin/python benchmarks/bench_confluence.py [--series 600] [--bars 500] [--rounds 15]

The floor calls TA-Lib for the eleven indicators of each series and does nothing with them. The goal, 2 times
that, is for the score a screener asks for, that of the newest bar of each series. Scores of every bar, which
a back-test computes once a run, are shown beside it. Processor time, best of the rounds, taken in turn.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import talib

from core.bars import Bars
from core.strategies.confluence import ConfluenceParameters, candle_score, latest_scores

GOAL = 2.0
MINUTE_MS = 60_000


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--series", type=int, default=600)
    parser.add_argument("--bars", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()

    many = [random_bars(seed, asked.bars) for seed in range(asked.series)]
    rule = ConfluenceParameters()
    timed: dict[str, Callable[[], object]] = {
        "bare TA-Lib calls (floor)": lambda: bare(many),
        "score of the last bar": lambda: latest_scores(many, rule),
        "score of every bar": lambda: [candle_score(bars, rule) for bars in many],
    }
    best = dict.fromkeys(timed, float("inf"))
    for _ in range(asked.rounds):
        for name, work in timed.items():
            start = time.process_time()
            work()
            best[name] = min(best[name], time.process_time() - start)

    floor, latest, _ = best.values()
    print(f"{asked.series} series of {asked.bars} bars, best of {asked.rounds} rounds")
    for name, seconds in best.items():
        each_us = seconds / asked.series * 1e6
        print(f"  {name:<28}{seconds * 1e3:8.1f} ms {each_us:8.1f} µs a series {seconds / floor:6.2f} x")
    ratio = latest / floor
    print(f"{'ok' if ratio <= GOAL else 'TOO SLOW'}: {ratio:.2f} x the floor, goal {GOAL:g} x")
    return 0 if ratio <= GOAL else 1


def bare(many: Sequence[Bars]) -> None:
    for bars in many:
        high, low, close, volume = bars.high, bars.low, bars.close, bars.volume
        talib.STOCHRSI(close, 14, 14, 3)
        talib.WILLR(high, low, close, 14)
        talib.MACD(close)
        talib.SMA(close, 5)
        talib.SMA(close, 34)
        for window in (10, 25, 50):
            talib.EMA(close, window)
        talib.STOCH(high, low, close, 14, 3, 0, 3, 0)
        talib.BBANDS(close, 20)
        talib.STOCHF(high, low, close, 9, 3, 0)
        talib.OBV(close, volume)
        talib.CCI(high, low, close, 20)
        talib.ATR(high, low, close, 14)


def random_bars(seed: int, count: int) -> Bars:
    random = np.random.default_rng(seed)
    close = 10 ** random.uniform(-4, 5) * np.exp(np.cumsum(random.normal(0, 0.001, count)))
    opens = np.append(close[0], close[:-1])
    high, low = np.maximum(opens, close) * 1.0005, np.minimum(opens, close) * 0.9995
    volume = random.exponential(1e6, count)
    return Bars(np.arange(count) * MINUTE_MS, opens, high, low, close, volume, MINUTE_MS)


if __name__ == "__main__":
    sys.exit(main())
