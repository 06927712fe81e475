"""How long comparing a long history takes, once it is fetched, and how much memory.

Both sides know the same fills: the venue's as the bytes of its answers in memory, ours in a journal.
Measured is everything from there on: reading the answers, reading the journal, matching, and the balance
equation. The goal is a ratio to the floor, measured in the same run: both sides' fills as JSON, read into
typed structs by msgspec and joined in a dict, field by field as text. Each runs in a process of its own.

usage: bench_reconcile.py [FILLS]     default 100,000; the figure to quote is that of 1,000,000
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

import msgspec  # noqa: E402

FILLS = 100_000
PAGE = 1_000
GOAL, MEMORY_GOAL_MIB = 3.0, 1_024
START_MS = 1_700_000_000_000
SYMBOL = "BTCUSDT"
PAGES, ROWS = "pages.jsonl", "rows.jsonl"


class Fill(msgspec.Struct, rename="camel"):
    """What the floor reads of either side."""

    id: int
    order_id: int
    price: str
    qty: str
    commission: str
    commission_asset: str
    time: int
    is_buyer: bool


def payload(number: int) -> dict[str, object]:
    """Return one row of myTrades, with every field that the venue sends."""
    price, quantity = Decimal(30_000_00 + number * 7919 % 100_000) / 100, Decimal("0.00100")
    is_buyer = number % 2 == 0
    fee = quantity / 1000 if is_buyer else price * quantity / 1000
    return {
        "symbol": SYMBOL,
        "id": number * 3,
        "orderId": number,
        "orderListId": -1,
        "price": f"{price:.8f}",
        "qty": f"{quantity:.8f}",
        "quoteQty": f"{price * quantity:.8f}",
        "commission": f"{fee:.8f}",
        "commissionAsset": "BTC" if is_buyer else "USDT",
        "time": START_MS + number * 1_000,
        "isBuyer": is_buyer,
        "isMaker": False,
        "isBestMatch": True,
    }


def make(folder: Path, fills: int) -> None:
    """Write the venue's pages, our fills as JSON rows for the floor, and our journal."""
    from core.account import Balance, Environment
    from core.clock import SystemClock
    from core.ids import system_random
    from core.journal import Journal, Opening
    from exchanges.binance.wire_statements import parse_trades
    from tests.simulation.long_books import book

    with (folder / PAGES).open("wb") as pages, (folder / ROWS).open("wb") as rows:
        for first in range(1, fills + 1, PAGE):
            page = [payload(number) for number in range(first, min(first + PAGE, fills + 1))]
            pages.write(msgspec.json.encode(page) + b"\n")
            rows.write(
                b"".join(msgspec.json.encode(row) + b"\n" for row in msgspec.convert(page, list[Fill]))
            )
    with Journal.open(folder, clock=SystemClock(), random_bytes=system_random) as journal:
        opening = Opening({"USDT": Balance("USDT", Decimal(10**6), Decimal(0))}, (), {}, START_MS, "k" * 12)
        account = journal.open_account("binance", Environment.TESTNET, "testnet.binance.vision", "7", opening)
        journal.note_symbol(account, SYMBOL, "BTC", "USDT", None)
        with (folder / PAGES).open("rb") as pages:
            trades = (trade for page in pages for trade in parse_trades(msgspec.json.decode(page), SYMBOL))
            book(journal, account, SYMBOL, trades)


def floor(folder: Path) -> tuple[float, int]:
    """Return (seconds, differences) of the plain way."""
    pages, rows = lines(folder / PAGES), lines(folder / ROWS)
    start = time.perf_counter()
    decode = msgspec.json.Decoder(Fill).decode
    ours = {fill.id: fill for fill in map(decode, rows)}
    decode_page = msgspec.json.Decoder(list[Fill]).decode
    differences = 0
    for page in pages:
        for fill in decode_page(page):
            differences += ours.pop(fill.id, None) != fill
    return time.perf_counter() - start, differences + len(ours)


def ours(folder: Path) -> tuple[float, int]:
    """Return (seconds, breaks) of what `trader reconcile` does with fetched pages."""
    from core.clock import SystemClock
    from core.ids import system_random
    from core.journal import Journal
    from core.reconciliation.movements import Totals
    from core.reconciliation.trades import unmatched
    from exchanges.binance.session import _decoder
    from exchanges.binance.wire_statements import parse_trades

    pages = lines(folder / PAGES)
    with Journal.open(folder, clock=SystemClock(), random_bytes=system_random, read_only=True) as journal:
        own = journal.reconciliations(journal.accounts()[0]).own
        start = time.perf_counter()
        differences, after = 0, -1
        for page in pages:
            theirs = parse_trades(_decoder.decode(page), SYMBOL)
            upto = theirs[-1].trade_id
            differences += bool(unmatched(own.trades(SYMBOL, after, upto), theirs))
            after = upto
        totals = Totals()
        for stretch in own.every_movement(SYMBOL):
            totals.add(stretch, "BTC", "USDT")
        return time.perf_counter() - start, differences


def lines(file: Path) -> list[bytes]:
    return file.read_bytes().splitlines()


def measured(way: str, folder: Path) -> tuple[float, float]:
    """Return (seconds, MiB) of one way, in a process of its own; the least of three runs."""
    program = [sys.executable, str(Path(__file__).resolve()), way, str(folder)]
    runs = [subprocess.run(program, capture_output=True, text=True, check=True).stdout for _ in range(3)]
    told = [tuple(map(float, run.split())) for run in runs]
    assert all(differences == 0 for _, _, differences in told)
    seconds, memory_mib, _ = min(told)
    return seconds, memory_mib


def main(fills: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        make(folder, fills)
        print(f"{fills} fills and as many rows in the journal, made in {time.perf_counter() - start:.0f} s")
        floor_s, floor_mib = measured("floor", folder)
        own_s, own_mib = measured("ours", folder)
    ratio = own_s / floor_s
    print(f"msgspec and a dict   {floor_s:6.2f} s   {floor_mib:5.0f} MiB   (the floor)")
    print(f"trader reconcile     {own_s:6.2f} s   {own_mib:5.0f} MiB   (goal: below {MEMORY_GOAL_MIB} MiB)")
    print(f"ratio                {ratio:6.2f}             (goal: at most {GOAL})")
    return int(ratio > GOAL or own_mib >= MEMORY_GOAL_MIB)


if __name__ == "__main__":
    if sys.argv[1:2] in (["floor"], ["ours"]):
        seconds, differences = {"floor": floor, "ours": ours}[sys.argv[1]](Path(sys.argv[2]))
        print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, differences)
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else FILLS))
