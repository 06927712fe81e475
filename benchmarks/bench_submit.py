"""How long an order takes from the decision to the bytes on the socket, and to its outcome written down.

Goals, p50: trader's own share before the bytes reach the socket (size, rules, journal, looks, signing;
without fsync) at most 300 us; the whole `place()` at most 1.5 x (python-binance's own `AsyncClient`
submitting the same order to the same server, and one fsync). Two servers answer, each in a process of its
own: the paper exchange, and a minimal one that fills every order without looking at it, beside which nothing
can hide.

"Without fsync" is a journal with `synchronous = NORMAL` and a session whose bytes go nowhere. Raw submits and
ours take turns, so that both meet the same machine.

    python benchmarks/bench_submit.py [ORDERS]
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

ORDERS = 500
WARM_UP = 50
OWN_GOAL_US = 300
OWN_GOAL = 0.75  # the same, where AsyncClient takes 400 us
WHOLE_GOAL = 1.5
BOOK_EVERY = 5  # orders: asking before each one would use up a minute's weight
SYMBOL = "BTCUSDT"
CONTEXT = {"stage": 1, "lambda": "0.71230000", "gamma": "0.95120000"}


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        serve = {"paper": _serve_paper, "minimal": _serve_minimal}[sys.argv[2]]
        asyncio.run(serve(Path(sys.argv[3])))
    else:
        with tempfile.TemporaryDirectory() as name:
            asyncio.run(_measure(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else ORDERS))


async def _measure(folder: Path, orders: int) -> None:
    fsync_us = _show("floor: one commit, FULL", _commits_us(folder, "FULL", orders))
    _show("floor: one commit, NORMAL", _commits_us(folder, "NORMAL", orders))
    with _served("minimal", folder) as minimal, _served("paper", folder) as paper:
        async with _site(folder / "own", minimal, paper, synced=False) as site:
            own_us = await _own_share(site, orders)
        for name, server in (("minimal server", minimal), ("paper exchange", paper)):
            async with _site(folder / name, server, paper) as site:
                client_us = await _whole(site, server, name, orders, fsync_us)
                print(f"own share, {name}: {own_us / client_us:.2f} x AsyncClient, goal <= {OWN_GOAL} x")


async def _own_share(site: _Site, orders: int) -> float:
    """Time the parts one by one, then all of them as `place()` runs them; return those before the socket."""
    from core.operations.order_path import place

    desk, answered = site.desk, _Answered()
    desk.venue.trading._session._exchange = answered
    log = desk.journal._store.after_commit = _Timed(desk.journal._store.after_commit)
    times: dict[str, list[float]] = defaultdict(list)
    for _ in range(WARM_UP + orders):
        for part, us in (await _parts(site, answered, log)).items():
            times[part].append(us)
        facts = site.facts()
        start = time.perf_counter()
        await place(desk, _sized(facts, desk), facts, dry_run=False, context=CONTEXT)
        end = time.perf_counter()
        times["all, before the socket"].append((answered.at - start) * 1e6)
        times["all of place()"].append((end - start - answered.s) * 1e6)
    medians = {part: _show(f"own: {part}", values[WARM_UP:]) for part, values in times.items()}
    own_us = medians["all, before the socket"]
    print(f"own share before the bytes reach the socket {own_us:.0f} us, goal <= {OWN_GOAL_US} us")
    return own_us


async def _parts(site: _Site, answered: _Answered, log: _Timed) -> dict[str, float]:
    from core.desk import RECV_WINDOW_MS
    from core.risk.approve import approve

    laps: dict[str, float] = {}
    last = time.perf_counter()

    def lap(part: str, without_s: float = 0.0) -> None:
        nonlocal last
        now = time.perf_counter()
        laps[part] = (now - last - without_s) * 1e6
        last = time.perf_counter()

    desk, journal, log.s = site.desk, site.desk.journal, 0.0
    facts = site.facts()
    lap("facts of the journal (before the decision)")
    request = _sized(facts, desk)
    lap("size_entry")
    approved = approve(request, facts, desk.limits)
    lap("approve")
    permission = journal.record_intent(
        approved,
        desk.account,
        timestamp_ms=desk.venue_now_ms(),
        recv_window_ms=RECV_WINDOW_MS,
        dry_run=False,
        context=CONTEXT,
    )
    lap("intent append", log.s)
    intent_log_s, log.s = log.s, 0.0
    with desk.lease.request():
        assert desk.lease.is_held()
        journal.trading_state(desk.account)
    lap("lease and trading state")
    report = await desk.venue.trading.submit(permission)
    laps["building, signing, budget"] = (answered.at - last) * 1e6
    laps["reading the answer"] = (time.perf_counter() - last - answered.s) * 1e6 - laps[
        "building, signing, budget"
    ]
    last = time.perf_counter()
    journal.record_report(permission.intent, report)
    lap("outcome append", log.s)
    laps["audit log, all lines of an order"] = (intent_log_s + log.s) * 1e6
    return laps


async def _whole(site: _Site, server: dict[str, str], name: str, orders: int, fsync_us: float) -> float:
    """Let python-binance's client and ours take turns at one server; return p50 of the client."""
    from binance import AsyncClient

    from core.operations.order_path import place

    desk = site.desk
    client = AsyncClient(server["api_key"], server["api_secret"])
    client.API_URL = server["rest"] + "/api"
    raw, ours = [], []
    try:
        for number in range(WARM_UP + orders):
            if number % BOOK_EVERY == 0:
                await site.refresh()
            facts = site.facts()
            request = _sized(facts, desk)
            start = time.perf_counter()
            reply = await client.create_order(
                symbol=SYMBOL,
                side="BUY",
                type="LIMIT",
                timeInForce="IOC",
                quantity=format(request.quantity.value, "f"),
                price=format(request.price, "f"),
                newOrderRespType="FULL",
                newClientOrderId=f"raw{number}",
            )
            raw.append((time.perf_counter() - start) * 1e6)
            assert reply["status"] == "FILLED", reply
            start = time.perf_counter()
            report = await place(desk, _sized(facts, desk), facts, dry_run=False, context=CONTEXT)
            ours.append((time.perf_counter() - start) * 1e6)
            assert report.status == "FILLED", report
    finally:
        await client.close_connection()
    client_us = _show(f"floor: AsyncClient, {name}", raw[WARM_UP:])
    floor_us = client_us + fsync_us
    whole_us = _show(f"whole: place(), {name}", ours[WARM_UP:])
    print(
        f"whole submit, {name}: {whole_us:.0f} us is {whole_us / floor_us:.2f} x "
        f"(AsyncClient + one fsync = {floor_us:.0f} us), goal <= {WHOLE_GOAL} x"
    )
    return client_us


def _sized(facts: Any, desk: Any) -> Any:
    from core.risk.sizing import size_entry

    return size_entry(facts, desk.limits)


class _Timed:
    """A call that adds up how long it takes."""

    def __init__(self, call: Callable[..., None]) -> None:
        self._call = call
        self.s = 0.0

    def __call__(self, *arguments: Any) -> None:
        start = time.perf_counter()
        self._call(*arguments)
        self.s += time.perf_counter() - start


class _Answered:
    """Takes the place of the network. `at`: when the bytes arrived here; `s`: how long answering took."""

    def __init__(self) -> None:
        self.at = self.s = 0.0

    async def __call__(
        self, method: str, request: str, url: str, headers: object, body: bytes, shape: object
    ) -> object:
        self.at = time.perf_counter()
        answer = _filled(body)
        self.s = time.perf_counter() - self.at
        return answer


_numbers = itertools.count(1)


def _filled(body: bytes) -> dict[str, Any]:
    """Return the FULL reply of an order that was filled at once, at its limit."""
    number, order = next(_numbers), dict(parse_qsl(body.decode()))
    quantity, price = order["quantity"], order["price"]
    return {
        "symbol": order["symbol"],
        "orderId": number,
        "orderListId": -1,
        "clientOrderId": order["newClientOrderId"],
        "transactTime": int(order["timestamp"]),
        "price": price,
        "origQty": quantity,
        "executedQty": quantity,
        "cummulativeQuoteQty": format(Decimal(quantity) * Decimal(price), "f"),
        "status": "FILLED",
        "timeInForce": "IOC",
        "type": order["type"],
        "side": order["side"],
        "fills": [
            {
                "price": price,
                "qty": quantity,
                "commission": format(Decimal(quantity) / 1000, "f"),
                "commissionAsset": "BTC",
                "tradeId": number,
            }
        ],
    }


class _Site:
    """A desk, and what a decision on it rests on."""

    def __init__(self, desk: Any, instrument: Any, seen: Any, market_data: Any) -> None:
        self.desk, self._instrument, self._seen, self._market_data = desk, instrument, seen, market_data

    async def refresh(self) -> None:
        from core.operations.observe import BOOK_LEVELS, top_of

        book = await self._market_data.book(SYMBOL, BOOK_LEVELS)
        self._seen = replace(self._seen, book=top_of(book))

    def facts(self) -> Any:
        from core.operations.observe import risk_facts

        book = replace(self._seen.book, ts_recv_ms=self.desk.clock.now_ms())
        return risk_facts(self.desk, self._instrument, replace(self._seen, book=book), dry_run=False)


@asynccontextmanager
async def _site(
    home: Path, server: dict[str, str], paper: dict[str, str], *, synced: bool = True
) -> AsyncIterator[_Site]:
    """Open a desk at a server. What it knows of the market comes from the paper exchange."""
    from cli.wiring import risk_limits
    from core.budget import Budget
    from core.clock import SystemClock
    from core.desk import Desk
    from core.ids import system_random
    from core.journal import Journal, Opening
    from core.journal.store import connect_file
    from core.lease import Lease
    from core.operations.observe import observe
    from core.ports import ClockReading
    from core.settings import Settings
    from core.stop import StopRequest
    from core.strategies import strategy
    from core.venue_clock import VenueClock

    clock, databases = SystemClock(), []

    def connect(path: Path) -> sqlite3.Connection:
        databases.append(connect_file(path))
        return databases[-1]

    budget = Budget.shared(home / "runtime", server["rest"], clock)
    async with _venue(server, clock, budget) as venue, _venue(paper, clock, Budget(clock)) as market:
        with Journal.open(home, clock=clock, random_bytes=system_random, connect=connect) as journal:
            if not synced:
                databases[-1].execute("PRAGMA synchronous = NORMAL")
            opening = Opening({}, (), {}, clock.now_ms(), venue.key_fingerprint)
            account = journal.open_account("paper", venue.host.environment, "paper", "1", opening)
            instrument = await market.market_data.instrument(SYMBOL)
            journal.note_symbol(account, SYMBOL, instrument.base_asset, instrument.quote_asset, None)
            now_ms = clock.now_ms()
            lease = Lease(home / "runtime", account, command="bench", clock=clock)
            settings, rules = Settings.model_validate({"TRADER_HOME": home}), strategy("coherence")
            desk = Desk(
                venue=venue,
                account=account,
                key_fingerprint=venue.key_fingerprint,
                journal=journal,
                clock=clock,
                clock_speed=1.0,
                venue_clock=VenueClock(market.market_data, clock, ClockReading(now_ms, now_ms, 0.0, 0.1)),
                lease=lease,
                settings=settings,
                limits=risk_limits(settings, rules, SYMBOL, 1.0),
                strategy=rules,
                digests=lambda: ("", ""),
                key_seen=lambda: ((), ()),
                stop=StopRequest(),
                alone=True,
            )
            seen = await observe(replace(desk, venue=market), SYMBOL)
            with lease.acquired(), market.budget.reducing():
                yield _Site(desk, instrument, seen, market.market_data)


@asynccontextmanager
async def _venue(endpoint: dict[str, str], clock: Any, budget: Any) -> AsyncIterator[Any]:
    from core.keys.signing import SigningKey
    from core.secrets import Secret
    from exchanges.registry import venue_factory

    key = SigningKey(Secret(endpoint["api_key"]), Secret(endpoint["api_secret"]))
    async with venue_factory("paper")(endpoint["rest"], key, clock, name="paper", budget=budget) as venue:
        yield venue


@contextmanager
def _served(kind: str, state: Path) -> Iterator[dict[str, str]]:
    command = [sys.executable, __file__, "--serve", kind, str(state / kind)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        yield json.loads(process.stdout.readline())
        process.stdin.close()


async def _serve_paper(state: Path) -> None:
    from exchanges.paper import PaperConfig, admin, serve
    from exchanges.paper.limits import Limits

    clock: dict[str, Any] = {
        "wall_clock_ms": lambda: time.time_ns() // 1_000_000,
        "random_bytes": secrets.token_bytes,
    }
    config = PaperConfig(state)
    with admin.opened(config, **clock) as exchange:
        admin.set_limits(exchange, Limits(10**9, 10**9, 10**9, 10**9))
        admin.deposit(exchange, "USDT", 10**6)
    async with serve(config, **clock) as endpoint:
        await _ready(endpoint.rest, endpoint.api_key, endpoint.api_secret)


async def _serve_minimal(state: Path) -> None:
    from aiohttp import web

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.method != "POST":
            return web.Response(status=404)
        return web.json_response(_filled(await request.read()))

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await _ready(f"http://127.0.0.1:{runner.addresses[0][1]}", "k" * 64, "s" * 64)
    await runner.cleanup()


async def _ready(rest: str, api_key: str, api_secret: str) -> None:
    print(json.dumps({"rest": rest, "api_key": api_key, "api_secret": api_secret}), flush=True)
    await asyncio.to_thread(sys.stdin.read)


def _commits_us(folder: Path, synchronous: str, count: int) -> list[float]:
    """Time commits of one row each; FULL waits for the disk, NORMAL does not."""
    database = sqlite3.connect(folder / f"{synchronous}.sqlite3", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute(f"PRAGMA synchronous = {synchronous}")
    database.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, value TEXT)")
    times = []
    for _ in range(count):
        start = time.perf_counter()
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO rows (value) VALUES (?)", ("x" * 400,))
        database.execute("COMMIT")
        times.append((time.perf_counter() - start) * 1e6)
    database.close()
    return times


def _show(name: str, times_us: list[float]) -> float:
    """Print p50 and p99, and return p50."""
    median = statistics.median(times_us)
    p99 = sorted(times_us)[len(times_us) * 99 // 100]
    print(f"{name:52} p50 {median:7.0f} us   p99 {p99:7.0f} us")
    return median


if __name__ == "__main__":
    main()
