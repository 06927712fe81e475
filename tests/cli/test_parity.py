"""What runs live and what a back-test runs decide alike: two files, recorded apart, compared byte for byte.

The paper exchange replays recorded bars; the real command trades them over HTTP, on a clock that moves when
it is slept on and a little with every request: a run of hours takes seconds and is the same each time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
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

    def klines(self, symbol: str, start_ms: int, end_ms: int) -> list[list[Any]]:
        """Return the minute bars that the venue tells, asked with nothing but the standard library."""
        rows: list[list[Any]] = []
        opener = build_opener(ProxyHandler({}))
        while start_ms < end_ms:
            path = f"/api/v3/klines?symbol={symbol}&interval=1m&limit={KLINES_MAX}"
            with opener.open(f"{self.venue.root}{path}&startTime={start_ms}&endTime={end_ms - 1}") as answer:
                page = json.loads(answer.read())
            rows += page
            if not page:
                break
            start_ms = page[-1][0] + MINUTE_MS
        return rows


@contextmanager
def replaying(write: Callable[[Path], None] | None, folder: Path, machine: Machine) -> Iterator[Replayed]:
    """Serve a recording, or the synthetic market where there is none, and give a shell that trades there."""
    recording = None if write is None else folder / "market.csv"
    if write is not None and recording is not None:
        write(recording)
    shell = Shell(folder)
    with serving(folder / "venue", market=recording, machine_ms=machine.now_ms) as venue:
        shell.environ |= venue.environ() | {"TRADER_BAR": "1m", "BINANCE_DRY_RUN": "false"}
        shell.environ["LIVE_MAX_MINUTE_SIGMAS"] = "1000"  # these markets turn more sharply than real ones
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


@dataclass(frozen=True)
class Case:
    """What is traded, and with what. `write`: the recording, None: the synthetic market. `history`: minutes
    before the first decision that the strategy looks back. `beside`: other symbols that it looks at."""

    write: Callable[[Path], None] | None
    strategy: str
    trades: int
    symbol: str = "BTCUSDT"
    beside: tuple[str, ...] = ()
    history: int = 1_400
    rules: str = RULES
    news: tuple[dict[str, object], ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


def trade_and_test(replayed: Replayed, case: Case) -> tuple[bytes, bytes, dict[str, Any]]:
    """Trade live, back-test the same span of the bars as they were told; return both files of decisions, and
    the report of the back-test."""
    shell, symbol = replayed.shell, case.symbol
    shell.environ |= case.settings
    strategy = f"--strategy {case.strategy} --symbol {symbol}"
    news = ""
    if case.news:
        (shell.folder / "news.ndjson").write_text("".join(f"{json.dumps(each)}\n" for each in case.news))
        shell.environ["TRADER_NEWS"] = str(shell.folder / "news.ndjson")
        news = "--news news.ndjson"
    replayed.run(f"BINANCE_DRY_RUN=true trader stage 0 {strategy}")
    staged = replayed.run(f"trader stage 1 --entry signal {strategy} --trades {case.trades}")
    replay = replayed.run(f"trader replay {staged['evidence_id']} --output live.ndjson")
    assert replay["identical"] == replay["decisions"]

    live = (shell.folder / "live.ndjson").read_bytes()
    opened = [json.loads(line)["bar_open_time_ms"] for line in live.splitlines()]
    # As far back as the strategy looks, as a user would record them.
    data = shell.folder / "data"
    data.mkdir()
    for each in (symbol, *case.beside):
        bars = replayed.klines(each, opened[0] - case.history * MINUTE_MS, opened[-1] + 10 * MINUTE_MS)
        (data / f"{each}-1m.csv").write_text("\n".join(",".join(map(str, row)) for row in bars))
    command = f"trader backtest {strategy} --bar 1m --data data {COSTS} {case.rules} {news}"
    command += f" --since {minute(opened[0] + MINUTE_MS)}"
    until = minute(opened[-1] + 2 * MINUTE_MS)
    tested = replayed.run(f"{command} --until {until} --decisions tested.ndjson")
    assert tested["decisions"]["count"] == len(opened) >= 10
    check_attribution(staged, replayed.run(f"{command} --against {staged['evidence_id']}"))
    return live, (shell.folder / "tested.ndjson").read_bytes(), tested


# One interval: an hour's needs more minutes than a recording has.
CONFLUENCE = "confluence --set intervals=1m --set trend_interval=1m --set aligned_min=1 --set turnover_min=0"
CONFLUENCE += " --set stop_roi=0.03 --set score_min=60 --set confidence_min=0.6"
CANDLES = f"{CONFLUENCE} --set microstructure=false"
LEAD_LAG = "lead-lag --set alpha=0.99 --set correlation_min=0 --set impulse_min=0 --set confidence_min=0"
LEAD_LAG += " --set volume_min=0 --set atr_min=0 --set atr_floor=0.0005"
TOLD = tuple(
    {"published_ms": START_MS + hour * 3_600_000, "title": "Record inflows", "score": 0.9}
    for hour in range(9)
)
HELD_BRIEFLY = {"TRADER_MAX_HOLD": "12m"}
CASES = {
    "stopped at an open": Case(write_gaps, "coherence", 2),
    "left by decision": Case(write_waves, "ema-cross", 1),
    "held for its time": Case(write_waves, CANDLES, 1, history=1_500, settings=HELD_BRIEFLY),
    "told and led": Case(
        None,
        LEAD_LAG,
        1,
        symbol="ETHUSDT",
        beside=("BTCUSDT",),
        history=10_300,
        rules="--tick 0.01 --step 0.0001 --min-notional 5",
        news=TOLD,
        settings={"TRADER_MAX_HOLD": "20m"},
    ),
    "back at its mean": Case(write_waves, "mean-reversion --set stop_sigmas=0", 1),
}
SLOW = {
    "back at its mean, then paused": Case(
        write_waves, "mean-reversion --set stop_sigmas=0", 2, settings={"TRADER_COOLDOWN": "4m"}
    ),
    "gaps ema-cross": Case(write_gaps, "ema-cross", 3),
    "gaps mean-reversion": Case(write_gaps, "mean-reversion", 3),
    "waves mean-reversion": Case(write_waves, "mean-reversion", 3),
    "waves coherence": Case(write_waves, "coherence", 3),
}


@pytest.mark.parametrize(
    "case",
    [
        *(pytest.param(case, id=name) for name, case in CASES.items()),
        *(pytest.param(case, id=name, marks=pytest.mark.slow) for name, case in SLOW.items()),
    ],
)
def test_live_and_backtest_decide_alike_byte_for_byte(case: Case, tmp_path: Path, machine: Machine) -> None:
    with replaying(case.write, tmp_path, machine) as replayed:
        live, tested, _ = trade_and_test(replayed, case)
    assert first_difference(live, tested) is None
    assert tested == live


def test_what_only_a_venue_tells_is_replayed_and_a_backtest_says_that_it_lacks_it(
    tmp_path: Path, machine: Machine
) -> None:
    seen = Case(write_waves, f"{CONFLUENCE} --set flow_trades_min=5", 1, history=1_500, settings=HELD_BRIEFLY)
    with replaying(seen.write, tmp_path, machine) as replayed:
        live, tested, report = trade_and_test(replayed, seen)
    parts = [json.loads(line)["breakdown"] for line in live.splitlines()]
    assert all(float(each["depth"]) and float(each["flow"]) for each in parts)
    assert b'"depth"' not in tested
    assert (
        "live, confluence also looks at the order book and what takers do, which bars do not tell: "
        "expect other decisions"
    ) in report["findings"]
