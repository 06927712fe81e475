"""How long comparing a long history takes, once it is fetched, and how much memory.

Both sides know the same fills: the venue's as the bytes of its answers in memory, ours in a journal.
Measured is everything from there on, as `trader reconcile --full` does it: reading the answers, reading the
journal, matching, writing down how far it came, and the balance equation. The goal is a ratio to the floor,
measured in the same run: both sides' fills as JSON, read into typed structs by msgspec and joined in a dict,
field by field as text. Each runs in processes of its own, in turns, and the least of three counts.

usage: bench_reconcile.py [FILLS]     default 100,000; the figure to quote is that of 1,000,000
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

import msgspec  # noqa: E402

from core.account import Balance, Environment  # noqa: E402
from core.clock import SystemClock  # noqa: E402
from core.ids import system_random  # noqa: E402
from core.journal import Journal, Opening  # noqa: E402
from core.journal.reconciliations import Coverage  # noqa: E402
from core.journal.statements import ADD_FILL  # noqa: E402
from core.operations.compare_symbol import SymbolComparison  # noqa: E402
from core.operations.holdings import Moved  # noqa: E402
from core.operations.statement_reading import Patience  # noqa: E402
from core.ports import Page, Venue  # noqa: E402
from core.reconciliation import Terms, Trade, VenueOrder  # noqa: E402
from core.reconciliation.trades import Market  # noqa: E402
from core.values import decimal_text  # noqa: E402
from exchanges.binance.wire_statements import TRADES, parse_trades  # noqa: E402

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


def payload(number: int) -> dict[str, Any]:
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
        # No events: of ours, a comparison reads nothing else than these rows.
        db = journal._store._db
        db.execute("BEGIN")
        db.executemany(ADD_FILL, (row(str(account), payload(number)) for number in range(1, fills + 1)))
        db.execute("COMMIT")


def row(account: str, fill: dict[str, Any]) -> tuple[object, ...]:
    """Return our row of a fill, in the shortest text of each number, as the journal keeps it."""
    price, quantity, fee = (decimal_text(Decimal(fill[name])) for name in ("price", "qty", "commission"))
    name, side = f"tr-{fill['orderId']}", "BUY" if fill["isBuyer"] else "SELL"
    facts = (fill["id"], name, fill["orderId"], side, price, quantity, fee, fill["commissionAsset"])
    return (account, SYMBOL, 0, *facts, "TAKER", fill["time"], "0")


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


class Fetched:
    """Statements of a venue whose answers came already."""

    def __init__(self, pages: list[bytes]) -> None:
        self.pages = pages
        self.first_ids = [msgspec.json.decode(page, type=list[Fill])[0].id for page in pages]

    async def orders(self, symbol: str, from_id: int | None) -> Page[VenueOrder]:
        return Page((), is_last=True)

    async def trades(self, symbol: str, from_id: int | None) -> Page[Trade]:
        at = len(self.pages) - 1 if from_id is None else bisect_left(self.first_ids, from_id)
        if at == len(self.pages):
            return Page((), is_last=True)
        return Page(parse_trades(TRADES.decode(self.pages[at]), symbol), is_last=False)


def ours(folder: Path) -> tuple[float, int]:
    """Return (seconds, breaks) of what `trader reconcile` does with fetched pages."""
    pages = lines(folder / PAGES)
    with Journal.open(folder, clock=SystemClock(), random_bytes=system_random) as journal:
        [account] = journal.accounts()
        book = journal.reconciliations(account)
        venue = cast(Venue, SimpleNamespace(statements=Fetched(pages)))
        now_ms = START_MS + 10**12
        terms = Terms(now_ms, START_MS, journal.installation_id, account.environment)
        book.record_covered(SYMBOL, Coverage())  # an earlier run of this benchmark went to the end
        start = time.perf_counter()
        moved = Moved(book)
        market = Market(SYMBOL, "BTC", "USDT")
        patience = Patience(SystemClock(), lambda _: None)
        comparison = SymbolComparison(venue, book, patience, market, terms, (), moved)
        compared = asyncio.run(comparison.run(Coverage()))
        equation = moved.equation({}, ())
        seconds = time.perf_counter() - start
        assert equation.moved.keys() == {"BTC", "USDT"}
        assert compared.trades == journal._store.tuples("SELECT count(*) FROM fills")[0][0]
        return seconds, len(compared.breaks)


def lines(file: Path) -> list[bytes]:
    return file.read_bytes().splitlines()


def measured(folder: Path) -> dict[str, tuple[float, float]]:
    """Return way -> (seconds, MiB); the ways take turns, so that what else runs here disturbs both alike."""
    runs: dict[str, list[tuple[float, float]]] = {"floor": [], "ours": []}
    for way in list(runs) * 3:
        program = [sys.executable, str(Path(__file__).resolve()), way, str(folder)]
        told = subprocess.run(program, capture_output=True, text=True, check=True).stdout
        seconds, memory_mib, differences = map(float, told.split())
        assert differences == 0
        runs[way].append((seconds, memory_mib))
    return {way: min(each) for way, each in runs.items()}


def main(fills: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        make(folder, fills)
        print(f"{fills} fills and as many rows in the journal, made in {time.perf_counter() - start:.0f} s")
        least = measured(folder)
    (floor_s, floor_mib), (own_s, own_mib) = least["floor"], least["ours"]
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
