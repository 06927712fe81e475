"""What runs live and what a back-test runs decide alike: two files, recorded apart, compared byte for byte.

The paper exchange replays recorded bars; the real command trades them over HTTP, on a clock that moves when
it is slept on and a little with every request: a run of hours takes seconds and is the same each time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest

from core.clock import SystemClock, iso_utc
from core.operations import watch
from tests.cli.conversation import Shell
from tests.cli.loopback import Loopback, serving
from tests.cli.markets import MINUTE_MS, write_gaps, write_waves

START_MS = 1_790_000_000_000
REQUEST_MS = 7
LOOK_S = 50.0
KLINES_MAX = 1_000
D_TINY = Decimal("1e-20")
COSTS = "--fee 0.001 --spread-bps 1 --slippage-bps 0 --latency 0ms --balance 10000"
RULES = "--tick 0.01 --step 0.00001 --min-notional 5"


@dataclass
class Machine:
    """A machine whose clock only moves when somebody sleeps, and a little whenever it is read."""

    time_ms: float = START_MS

    def now_ms(self) -> int:
        self.time_ms += REQUEST_MS / 10
        return int(self.time_ms)

    async def sleep(self, seconds: float) -> None:
        self.time_ms += seconds * 1000
        await asyncio.sleep(0)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(SystemClock, "now_ms", lambda clock: machine.now_ms())
    monkeypatch.setattr(SystemClock, "monotonic_ms", lambda clock: machine.time_ms)
    monkeypatch.setattr(SystemClock, "sleep", lambda clock, seconds: machine.sleep(seconds))
    monkeypatch.setattr(watch, "POLL_S", LOOK_S)
    return machine


@dataclass
class Replayed:
    """A recording on the clock of an exchange, and a shell that trades there."""

    shell: Shell
    venue: Loopback

    def run(self, command: str, exit_code: int = 0) -> dict[str, Any]:
        got, stdout, stderr = self.shell.run(f"{command} --json")
        assert got == exit_code, stderr + stdout
        found: dict[str, Any] = json.loads(stdout)["result"]
        return found

    def klines(self, start_ms: int, end_ms: int) -> list[list[Any]]:
        """Return the minute bars that the venue tells, asked with nothing but the standard library."""
        rows: list[list[Any]] = []
        opener = build_opener(ProxyHandler({}))
        while start_ms < end_ms:
            path = f"/api/v3/klines?symbol=BTCUSDT&interval=1m&limit={KLINES_MAX}"
            with opener.open(f"{self.venue.root}{path}&startTime={start_ms}&endTime={end_ms - 1}") as answer:
                page = json.loads(answer.read())
            rows += page
            if not page:
                break
            start_ms = page[-1][0] + MINUTE_MS
        return rows


@contextmanager
def replaying(write: Callable[[Path], None], folder: Path, machine: Machine) -> Iterator[Replayed]:
    """Serve a recording, and give a shell that trades there."""
    recording = folder / "market.csv"
    write(recording)
    shell = Shell(folder)
    with serving(folder / "venue", market=recording, machine_ms=machine.now_ms) as venue:
        shell.environ |= venue.environ() | {"TRADER_BAR": "1m", "BINANCE_DRY_RUN": "false"}
        yield Replayed(shell, venue)


def first_difference(live: bytes, back: bytes) -> tuple[int, bytes, bytes] | None:
    """Return the first pair of lines that differ: for reading, when the comparison of the bytes fails."""
    pairs = zip(live.splitlines(), back.splitlines(), strict=False)
    return next(((number, *pair) for number, pair in enumerate(pairs) if pair[0] != pair[1]), None)


def minute(time_ms: int) -> str:
    return iso_utc(time_ms)[:16]


def check_attribution(staged: dict[str, Any], tested: dict[str, Any]) -> None:
    """Every difference in fills has its causes; what they sum to is what the account was moved by."""
    trades = staged["trades"]
    rows = [row for row in tested["against"] if row["live"] is not None]
    assert [(row["trade"], row["leg"]) for row in rows] == [
        (number, leg) for number in range(1, len(trades) + 1) for leg in ("entry", "exit")
    ]
    for row, trade in zip(rows[::2], trades, strict=True):
        spent = sum(Decimal(each["price"]) * Decimal(each["quantity"]) for each in trade["entry"]["fills"])
        assert Decimal(row["live"]["value"]) == spent
    for row in rows:
        sign = 1 if row["leg"] == "entry" else -1
        live, back = (
            sign * Decimal(row[side]["value"]) + Decimal(row[side]["fee"]) for side in ("live", "tested")
        )
        assert sum(Decimal(part) for part in row["why"].values()) == pytest.approx(live - back, abs=D_TINY)
        # Latency: the price moves a few dollars in the seconds until the next look; a stop fires at once.
        assert abs(Decimal(row["why"]["latency"])) < Decimal("0.02")
        assert abs(Decimal(row["why"]["spread"])) < Decimal("0.02")


def trade_and_test(replayed: Replayed, strategy: str, trades: int) -> tuple[bytes, bytes]:
    """Trade live, back-test the same span of the bars as they were told; return both files of decisions."""
    shell = replayed.shell
    replayed.run(f"BINANCE_DRY_RUN=true trader stage 0 --strategy {strategy}")
    staged = replayed.run(f"trader stage 1 --entry signal --strategy {strategy} --trades {trades}")
    replay = replayed.run(f"trader replay {staged['evidence_id']} --output live.ndjson")
    assert replay["identical"] == replay["decisions"]

    live = (shell.folder / "live.ndjson").read_bytes()
    opened = [json.loads(line)["bar_open_time_ms"] for line in live.splitlines()]
    # From a day before the first decision, as a user would record them.
    bars = replayed.klines(opened[0] - 1_400 * MINUTE_MS, opened[-1] + 10 * MINUTE_MS)
    (shell.folder / "BTCUSDT-1m.csv").write_text("\n".join(",".join(map(str, row)) for row in bars))
    command = f"trader backtest --strategy {strategy} --symbol BTCUSDT --bar 1m --data BTCUSDT-1m.csv {COSTS}"
    command += f" {RULES} --since {minute(opened[0] + MINUTE_MS)}"
    until = minute(opened[-1] + 2 * MINUTE_MS)
    tested = replayed.run(f"{command} --until {until} --decisions tested.ndjson")
    assert tested["decisions"]["count"] == len(opened) >= 10
    check_attribution(staged, replayed.run(f"{command} --against {staged['evidence_id']}"))
    return live, (shell.folder / "tested.ndjson").read_bytes()


@pytest.mark.parametrize(
    ("write", "strategy", "trades"),
    [
        pytest.param(write_gaps, "coherence", 2, id="stopped at an open"),
        pytest.param(write_waves, "ema-cross", 1, id="left by decision"),
        pytest.param(write_gaps, "ema-cross", 3, marks=pytest.mark.slow, id="gaps ema-cross"),
        pytest.param(write_gaps, "mean-reversion", 3, marks=pytest.mark.slow, id="gaps mean-reversion"),
        pytest.param(write_waves, "mean-reversion", 3, marks=pytest.mark.slow, id="waves mean-reversion"),
        pytest.param(write_waves, "coherence", 3, marks=pytest.mark.slow, id="waves coherence"),
    ],
)
def test_live_and_backtest_decide_alike_byte_for_byte(
    write: Callable[[Path], None], strategy: str, trades: int, tmp_path: Path, machine: Machine
) -> None:
    with replaying(write, tmp_path, machine) as replayed:
        live, tested = trade_and_test(replayed, strategy, trades)
    assert first_difference(live, tested) is None
    assert tested == live
