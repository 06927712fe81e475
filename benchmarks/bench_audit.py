"""How long audit and report take on a long journal, and how much memory.

usage: bench_audit.py [events]     default 100,000; the figure to quote is that of 1,000,000
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from core.account import AccountKey, Balance, Environment  # noqa: E402
from core.clock import SystemClock  # noqa: E402
from core.ids import client_order_id, system_random  # noqa: E402
from core.journal import Journal, Opening  # noqa: E402
from core.journal.store import Append  # noqa: E402

EVENTS = 100_000
ORDERS_PER_TRANSACTION = 1_000
START_MS = 1_700_000_000_000
QUANTITY, FEE_RATE = Decimal("0.001"), Decimal("0.001")
COMMANDS = (["audit", "verify"], ["audit", "export"], ["audit", "archive", "copies"], ["report"])


def make(home: Path, events: int) -> None:
    """Write orders of one fill each, a buy then a sell, half a minute apart: three events an order."""
    with Journal.open(home, clock=SystemClock(), random_bytes=system_random) as journal:
        opening = Opening({"USDT": Balance("USDT", Decimal(100_000), Decimal(0))}, (), {}, START_MS, "k" * 12)
        account = journal.open_account("binance", Environment.TESTNET, "testnet.binance.vision", "7", opening)
        journal.note_symbol(account, "BTCUSDT", "BTC", "USDT", None)
        journal._store.after_commit = lambda _: None  # the audit log is written once, at the end
        last = events // 3
        for first in range(1, last + 1, ORDERS_PER_TRANSACTION):
            numbers = range(first, min(first + ORDERS_PER_TRANSACTION, last + 1))
            journal._store.write(lambda append, numbers=numbers: orders(append, journal, account, numbers))


def orders(append: Append, journal: Journal, account: AccountKey, numbers: range) -> None:
    for number in numbers:
        order(append, journal.installation_id, str(account), number)


def order(append: Append, installation_id: str, account: str, number: int) -> None:
    side = ("BUY", "SELL")[number % 2 == 0]
    time_ms, price = START_MS + number * 30_000, Decimal(30_000 + number * 7919 % 1_000)
    named = {"client_order_id": client_order_id(installation_id, number)}
    intent = {
        "sequence": number,
        "symbol": "BTCUSDT",
        "side": side,
        "order_type": "LIMIT",
        "quantity": QUANTITY,
        "price": price,
        "time_in_force": "IOC",
        "purpose": "ENTRY" if side == "BUY" else "EXIT",
        "decision_price": price,
        "stop_price": None,
        "timestamp_ms": time_ms,
        "recv_window_ms": 5_000,
        "dry_run": False,
        "context": {"stage": 1, "lambda": "0.1", "gamma": "0.95"},
        "approved_on": {"cap": "25", "free": "100000"},
    }
    fill = {
        "symbol": "BTCUSDT",
        "dry_run": False,
        "trade_id": number,
        "venue_order_id": number,
        "side": side,
        "price": price,
        "quantity": QUANTITY,
        "fee": QUANTITY * price * FEE_RATE,
        "fee_asset": "USDT",
        "liquidity": "TAKER",
        "ts_event_ms": time_ms,
    }
    report = {
        "venue_order_id": number,
        "status": "FILLED",
        "executed_quantity": QUANTITY,
        "executed_quote": QUANTITY * price,
        "ts_event_ms": time_ms,
        "late": False,
        "trade": None,
    }
    for kind, payload in (("INTENT", intent), ("FILL", fill), ("REPORT", report)):
        append(kind, account, {**named, **payload})


def measure(home: Path, command: list[str]) -> bool:
    environ = {**os.environ, "TRADER_HOME": str(home), "PYTHONPATH": str(REPOSITORY)}
    program = [sys.executable, "-m", "cli.main", *command, "-q"]
    start = time.perf_counter()
    running = subprocess.Popen(program, env=environ, cwd=home, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(running.pid, 0)
    seconds, code = time.perf_counter() - start, os.waitstatus_to_exitcode(status)
    busy, memory_mib = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    print(
        f"trader {' '.join(command):22} exit {code}   {seconds:6.1f} s   {busy:6.1f} s of one core"
        f"   {memory_mib:6.0f} MiB"
    )
    return code == 0


def main(events: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        start = time.perf_counter()
        make(home, events)
        size_mb = sum(file.stat().st_size for file in home.iterdir()) / 1e6
        print(f"{events} events, {size_mb:.0f} MB, made in {time.perf_counter() - start:.0f} s")
        passed = [measure(home, command) for command in COMMANDS]
        return int(not all(passed))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS))
