"""How long back-tests take: a year of minute bars as a whole process, and sweeps on one and two cores.

The load is the one that back-testers are compared with: EMA 12/26 cross, 2 % stop, 4 % target, 0.1 % fee, on
525,600 minute bars of a seeded random walk, some 9,400 trades. Goals: the whole process at most 1 s warm and
3 s the very first time (no byte-code yet, not even of the libraries); a sweep of parameter sets at least 20
million bars a second on two cores. What is compared is a general engine: the venue's filters, sizing by the
live rules, dust, fees in the asset received. The floor beside it: a process that imports what it cannot do
without. Wall clock and CPU: on a busy machine only the latter says something.

`python benchmarks/bench_backtest.py [SETS]`, default 1,000; exits 1 when a goal is missed.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from core.account import CommissionRates  # noqa: E402
from core.backtest.costs import Costs  # noqa: E402
from core.backtest.grid import Grid, grid  # noqa: E402
from core.backtest.job import Job, backtest  # noqa: E402
from core.backtest.loading import Asked, Source  # noqa: E402
from core.backtest.setup import Setup  # noqa: E402
from core.backtest.sweep import sweep  # noqa: E402
from core.data.series import Series  # noqa: E402
from core.data.store import write_series  # noqa: E402
from core.values import Quote  # noqa: E402

BARS = 525_600
RUNS = 5
WARM_S, FIRST_S, SWEEP_BARS_PER_S = 1.0, 3.0, 20e6
START_MS, DAY_MS = 1_672_531_200_000, 86_400_000
LOAD = [
    *("backtest", "--strategy", "ema-cross", "--symbol", "BTCUSDT", "--bar", "1m", "--balance", "10000"),
    *("--fraction", "0.02", "--max-order", "25", "--fee", "0.001"),
    *("--spread-bps", "0", "--slippage-bps", "0", "--latency", "0s"),
]
FLOOR = "import typer, pydantic, numpy, talib"


def a_year(seed: int = 1) -> Series:
    rng = np.random.default_rng(seed)
    close = np.rint(4_000_000 * np.exp(np.cumsum(rng.normal(0, 0.0006, BARS)))).astype(np.int64)
    opened = np.concatenate((close[:1], close[:-1]))
    table = np.zeros((10, BARS), dtype=np.int64)
    table[0] = START_MS + np.arange(BARS) * 60_000
    high = np.maximum(opened, close) + rng.integers(0, 2_000, BARS)
    low = np.minimum(opened, close) - rng.integers(0, 2_000, BARS)
    table[1:5] = np.stack((opened, high, low, close)) * 10**6
    table[5], table[6] = 10**8, 10**12
    return Series("BTCUSDT", "1m", table)


def process(arguments: list[str], environ: Mapping[str, str]) -> tuple[float, float]:
    """Run Python and return (wall, CPU) seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, env=dict(environ), stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def best(measure: Callable[[], tuple[float, float]], runs: int = RUNS) -> tuple[float, float]:
    measured = [measure() for _ in range(runs)]
    return min(wall for wall, _ in measured), min(cpu for _, cpu in measured)


def job_in(home: Path) -> Job:
    free = Costs(CommissionRates(Decimal("0.001"), Decimal("0.001")), Decimal(0), Decimal(0), 0)
    setup = Setup(
        Quote(Decimal(10_000)), Decimal("0.02"), Quote(Decimal(25)), Decimal("0.001"), Quote(Decimal(5)), free
    )
    return Job("ema-cross", Source(home), Asked(("BTCUSDT",), "1m"), setup)


def swept(job: Job, points: Grid, file: Path, workers: int) -> tuple[float, float]:
    """Return bars a second of wall clock, and of CPU on one core, from the start to the last result."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    start = time.perf_counter()
    sweep(job, points, file, workers)
    wall = time.perf_counter() - start
    now = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime for a, b in zip(used, now, strict=True))
    return len(points) * BARS / wall, len(points) * BARS / cpu


def main(sets: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_series(home, a_year())
        environ = {**os.environ, "TRADER_HOME": str(home), "PYTHONPATH": str(REPOSITORY)}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        environ["PYTHONPYCACHEPREFIX"] = str(home / "bytecode")
        first = process(["-m", "cli.main", *LOAD], environ)
        warm = best(lambda: process(["-m", "cli.main", *LOAD], environ))
        floor = best(lambda: process(["-c", FLOOR], environ))
        job = job_in(home)
        report = backtest(job)
        month = replace(job, engine="plain", asked=replace(job.asked, end_ms=START_MS + 30 * DAY_MS))
        start = time.process_time()
        plain = backtest(month).course.length / (time.process_time() - start)

        print(f"{BARS} bars, {report.figures.trades} trades, {report.outcome.engine} engine")
        print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        print("                             wall      CPU   goal")
        print(f"floor: {FLOOR[7:]:19} {floor[0]:6.2f} s {floor[1]:6.2f} s")
        print(f"whole process, warm        {warm[0]:6.2f} s {warm[1]:6.2f} s  {WARM_S} s")
        print(f"the very first time        {first[0]:6.2f} s {first[1]:6.2f} s  {FIRST_S} s")
        print(f"warm over floor            {warm[0] / floor[0]:6.2f}   {warm[1] / floor[1]:6.2f}")
        print(f"plain engine                        {plain / 1e3:6.0f} thousand bars/s of CPU")

        alone = swept(job, grid([f"fast=8..{7 + max(1, sets // 400)}", "slow=40..79"]), home / "one", 1)
        points = grid([f"fast=8..{7 + max(2, sets // 40)}", "slow=40..79"])
        together = swept(job, points, home / "two", 2)
        print(f"sweep on 1 core            {alone[0] / 1e6:6.1f}   {alone[1] / 1e6:6.1f}  million bars/s")
        print(f"sweep on 2 cores, {len(points)} sets {together[0] / 1e6:6.1f}   {together[1] / 1e6:6.1f}")
        print(f"goal: {SWEEP_BARS_PER_S / 1e6:.0f} on two; speed-up over one {together[0] / alone[0]:.2f}")
    return (
        min(warm) <= WARM_S
        and min(first) <= FIRST_S
        and max(together[0], 2 * together[1]) >= SWEEP_BARS_PER_S
    )


if __name__ == "__main__":
    sys.exit(0 if main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000) else 1)
