"""How long a simulated Value at Risk takes, against drawing its normals with bare NumPy.

usage: bench_var.py [paths] [assets]     default 100,000 and 10; the goal is 1.5 x the draw
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.risk.var import simulated

PATHS, ASSETS, DAYS, ROUNDS, GOAL = 100_000, 10, 90, 100, 1.5


def main() -> None:
    paths, assets = (int(text) for text in (sys.argv[1:] + [str(PATHS), str(ASSETS)][len(sys.argv) - 1 :]))
    made = np.random.default_rng(1)
    returns, values = made.normal(0, 0.03, (DAYS, assets)), made.uniform(1, 100, assets)

    def draw() -> object:
        return np.random.default_rng(42).standard_normal((paths, assets))

    def measure() -> object:
        return simulated(values, returns, np.random.default_rng(42), paths=paths)

    floor_ms, whole_ms = fastest(draw, measure)
    print(f"paths x assets      {paths:,} x {assets}, {DAYS} daily returns, best of {ROUNDS}")
    print(f"floor: bare draw    {floor_ms:8.2f} ms   Generator.standard_normal, no more")
    print(f"Value at Risk       {whole_ms:8.2f} ms   covariance, root, draw, product, tail")
    print(f"ratio               {whole_ms / floor_ms:8.2f}      goal {GOAL}")


def fastest(*runs: Callable[[], object]) -> list[float]:
    """Return the best time of each in ms; they take turns, so that a busy machine slows all of them."""
    best = [float("inf")] * len(runs)
    for _ in range(ROUNDS):
        for index, run in enumerate(runs):
            began = time.perf_counter()
            run()
            best[index] = min(best[index], (time.perf_counter() - began) * 1000)
    return best


if __name__ == "__main__":
    main()
