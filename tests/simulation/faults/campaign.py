"""Senders take turns on one account of an exchange under a plan; then both ledgers are compared."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from core.account import Environment
from core.clock import SystemClock
from core.errors import TraderError
from core.journal import Opening
from core.operations.settle import settle
from exchanges.paper.faults import Permission, Plan
from exchanges.paper.faults.plan import Executable, Fault
from tests.cli.conversation import REPOSITORY
from tests.simulation.crash.ledgers import NEVER_AT_VENUE, PaperVenue, differences, rows
from tests.simulation.faults.sender import SYMBOLS, Place, release, sell_left, send

SPEED = 40
"""The 35 s until "not found" is believed pass in less than a second."""
SENDERS = 3
SETTLING_ATTEMPTS = 20
HARMLESS = Plan(rules=(Permission(trading=True),))
"""Nothing goes wrong any more; what the mix took from the key is given back."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.simulation.faults.sender"])


@dataclass(frozen=True)
class Site:
    """A served exchange, the books of its account, and what it held at the beginning."""

    place: Place
    venue: PaperVenue
    before: dict[str, Decimal]

    def faults(self, plan: Plan | None = None, *, clear: bool = False) -> dict[str, Any]:
        """Set a plan, clear it, or ask how far it is: the exchange's own answer."""
        method = "POST" if plan else "DELETE" if clear else "GET"
        body = plan.text().encode() if plan else None
        request = Request(f"{self.venue.rest}/paper/faults", method=method, data=body)
        with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
            told: dict[str, Any] = json.loads(answer.read())
        return told


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Serve an exchange on a fast clock and open the books; both go on where they were left."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "cli.main", "paper", "serve", "--json", "--speed", str(SPEED)]
    environ = {"PYTHONPATH": str(REPOSITORY), "TRADER_HOME": str(folder / "venue"), "LANG": "C.UTF-8"}
    with subprocess.Popen(
        [*command, "--state", str(folder / "venue")],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            assert server.stdout
            served = json.loads(server.stdout.readline())
            venue = PaperVenue(served["rest"], served["api_key"], served["api_secret"])
            began_ms = (SystemClock().now_ms(), venue.now_ms())
            place = Place(
                folder / "home",
                folder / "runtime",
                venue.rest,
                venue.api_key,
                venue.api_secret,
                SPEED,
                began_ms,
            )
            kept = folder / "before.json"
            if not kept.exists():
                held = venue.balances()
                asyncio.run(_open_books(place))
                kept.write_text(json.dumps({asset: str(amount) for asset, amount in held.items()}))
            before = {asset: Decimal(amount) for asset, amount in json.loads(kept.read_text()).items()}
            yield Site(place, venue, before)
        finally:
            server.terminate()


async def _open_books(place: Place) -> None:
    async with place.venue() as venue:
        snapshot = await venue.account.snapshot()
        opening = Opening(snapshot.balances, (), {}, place.clock.now_ms(), venue.key_fingerprint)
        with place.journal() as journal:
            account = journal.open_account("paper", Environment.TESTNET, "paper", snapshot.uid, opening)
            for symbol in SYMBOLS:
                instrument = await venue.market_data.instrument(symbol)
                journal.note_symbol(account, symbol, instrument.base_asset, instrument.quote_asset, None)


@dataclass
class Outcome:
    """What a run of senders met. `hits`: by kind of fault. `left`: in what the ledgers differ."""

    hits: Counter[str]
    seen: Counter[str]
    statuses: dict[str, int]
    by_symbol: dict[str, int]
    left: list[str]
    replay: str

    @property
    def orders(self) -> int:
        return sum(self.statuses.values())


def run(at: Site, plan: Plan, orders: int, seen: Counter[str] | None = None) -> Outcome:
    """Let the senders trade until the journal holds so many orders, clear the plan, settle, compare."""
    at.faults(plan)
    seen = Counter() if seen is None else seen
    with ProcessPoolExecutor(SENDERS, mp_context=_context) as pool:
        for each in [pool.submit(send, at.place, number, orders) for number in range(SENDERS)]:
            seen += each.result()
    hits: Counter[str] = Counter()
    for rule, tally in zip(plan.rules, at.faults()["tallies"], strict=True):
        if kind := _kind(rule):
            hits[kind] += tally["hit"]
    at.faults(HARMLESS)
    left = asyncio.run(_settled(at.place, seen))
    at.faults(clear=True)
    left += differences(at.venue, at.place.home, SYMBOLS, at.before)
    left += twice_executed(at)
    return Outcome(
        hits,
        seen,
        dict(rows(at.place.home, "SELECT status, count(*) FROM orders GROUP BY status")),
        dict(rows(at.place.home, "SELECT symbol, count(*) FROM orders GROUP BY symbol")),
        left,
        plan.replay_line(),
    )


def _kind(rule: Fault) -> str:
    """Name what a rule does; "" for one that mends."""
    if isinstance(rule, Permission) and rule.trading:
        return ""
    return f"{rule.name}, not executed" if isinstance(rule, Executable) and not rule.execute else rule.name


def twice_executed(at: Site) -> list[str]:
    """Name orders of ours that the journal calls unsent or refused, and that the venue executed."""
    marks = ", ".join(f"'{status}'" for status in NEVER_AT_VENUE)
    unsent = {
        name
        for (name,) in rows(at.place.home, f"SELECT client_order_id FROM orders WHERE status IN ({marks})")
    }
    theirs = {order["clientOrderId"] for symbol in SYMBOLS for order in at.venue.orders(symbol)}
    return [f"{name} is at the venue, and unsent in the journal" for name in sorted(unsent & theirs)]


async def _settled(place: Place, seen: Counter[str]) -> list[str]:
    """With nothing wrong any more: settle, sell what is left, verify. Say what is not settled."""
    trouble = "nobody asked"
    for _ in range(SETTLING_ATTEMPTS):
        try:
            async with place.desk() as desk:
                with desk.lease.acquired():
                    report = await settle(desk)
                    release(desk, seen)
                    for symbol in SYMBOLS:
                        await sell_left(desk, symbol)
                    if not report.unsettled:
                        return [str(finding) for finding in desk.journal.verify()]
                    trouble = f"{len(report.unsettled)} orders are unsettled"
        except TraderError as failure:  # what the last fault left: a ban, a limit
            trouble = failure.message
        await place.clock.sleep(SPEED / 2)
    return [f"the account cannot be settled: {trouble}"]
