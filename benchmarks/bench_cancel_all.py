"""How many requests and how long `trader cancel-all` takes for 500 open orders of ours.

Goals: at most 12 requests for ten symbols after connecting (the list, one cancel a symbol, the list again;
fewer symbols, fewer requests), and wall at most 2 × the slowest request. Connecting is measuring the venue's
clock and asking whose key it is. A request lasts from asking until its answer was read. The paper exchange
runs in a process of its own, as a venue does; the orders are ours by name and not in the journal.

    python benchmarks/bench_cancel_all.py [ORDERS]
"""

from __future__ import annotations

import asyncio
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

ORDERS = 500
REQUESTS_BESIDE_THE_SYMBOLS = 2
WALL_GOAL = 2.0
MARKETS = 10
RUNS = 5
CONNECTING = ("clock_reading", "snapshot")
INSTALLATION = "be" * 8


def main() -> int:
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(_serve(Path(sys.argv[2])))
        return 0
    return asyncio.run(_measure(int(sys.argv[1]) if len(sys.argv) > 1 else ORDERS))


async def _measure(orders: int) -> int:
    from core.operations.cancel_all import CancelAllResult, cancel_all
    from core.operations.canceling import Fate, Scope

    ratios: list[float] = []
    worst_count = symbols = 0
    with tempfile.TemporaryDirectory() as name, _served(Path(name)) as endpoint:
        async with _venue(endpoint) as venue:
            access = Access(venue, Path(name) / "home")
            prices = await _prices(venue)
            symbols = len(prices)
            for run in range(RUNS):
                await _fill_books(venue, prices, orders, run)
                result = CancelAllResult(Scope())
                access.requests.clear()
                start = time.perf_counter()
                await cancel_all(access, result.scope, result)
                elapsed = time.perf_counter() - start
                canceled = len(result.sweep.with_fate(Fate.CANCELED))
                assert canceled == orders, f"{canceled} of {orders} were canceled"
                clock_s = sum(each for name, each in access.requests if name == CONNECTING[0])
                after = [(name, each) for name, each in access.requests if name not in CONNECTING]
                slowest = max(each for _, each in after)
                wall = elapsed - clock_s
                ratios.append(wall / slowest)
                worst_count = max(worst_count, len(after))
                counts = ", ".join(
                    f"{count} {request}" for request, count in Counter(r for r, _ in after).items()
                )
                print(
                    f"{orders} orders on {symbols} symbols: {len(after)} requests ({counts}); wall "
                    f"{wall * 1000:.0f} ms, slowest request {slowest * 1000:.0f} ms, ratio {ratios[-1]:.2f}; "
                    f"connecting {clock_s * 1000:.0f} ms"
                )
    allowed, ratio = symbols + REQUESTS_BESIDE_THE_SYMBOLS, statistics.median(ratios)
    print(
        f"requests {worst_count} (goal <= {allowed}, which is 12 for ten symbols); "
        f"wall / slowest request {ratio:.2f}, the median of {RUNS} (goal <= {WALL_GOAL})"
    )
    return int(worst_count > allowed or ratio > WALL_GOAL)


async def _prices(venue: Any) -> dict[str, tuple[Decimal, Any]]:
    """Return symbol -> a price far below the market and the smallest quantity there.

    Asked once: in every run it would use up a minute's weight.
    """
    from core.orders import OrderType, Side
    from exchanges.paper.symbols import SYMBOLS

    prices: dict[str, tuple[Decimal, Any]] = {}
    for symbol in list(SYMBOLS)[:MARKETS]:
        instrument = await venue.market_data.instrument(symbol)
        ask = (await venue.market_data.book(symbol, 5)).asks[0][0]
        price = instrument.price_passive(Side.BUY, ask * Decimal("0.7"))
        least = instrument.smallest_quantity(
            price, instrument.minimum_notional(OrderType.LIMIT), OrderType.LIMIT
        )
        prices[symbol] = price, least
    return prices


async def _fill_books(venue: Any, prices: dict[str, tuple[Decimal, Any]], orders: int, run: int) -> None:
    """Leave that many buys far below the market, over every symbol."""
    from core.account import AccountKey
    from core.ids import client_order_id
    from core.orders import Intent, OrderRequest, OrderType, Purpose, SendOnce, Side, TimeInForce

    host = venue.host
    account = AccountKey(venue.name, host.environment, host.host, "1")
    for number in range(orders):
        symbol = list(prices)[number % len(prices)]
        price, quantity = prices[symbol]
        request = OrderRequest(
            symbol, Side.BUY, OrderType.LIMIT, quantity, price, TimeInForce.GTC, Purpose.ENTRY, price
        )
        name, now_ms = client_order_id(INSTALLATION, run * orders + number), venue.clock.now_ms()
        intent = Intent(name, number, account, request, now_ms, 5_000, now_ms, dry_run=False)
        await venue.trading.submit(SendOnce(intent))


class Timed:
    """A port whose calls, one request each, are timed."""

    def __init__(self, port: Any, requests: list[tuple[str, float]]) -> None:
        self._port, self._requests = port, requests

    def __getattr__(self, name: str) -> Any:
        async def ask(*arguments: Any) -> Any:
            start = time.perf_counter()
            try:
                return await getattr(self._port, name)(*arguments)
            finally:
                self._requests.append((name, time.perf_counter() - start))

        return ask


class Access:
    """`core.operations.cancel_all.ReducingAccess`."""

    def __init__(self, venue: Any, home: Path) -> None:
        from core.settings import Settings

        home.mkdir()
        (home / "installation").write_text(f"{INSTALLATION}\n")
        self.requests: list[tuple[str, float]] = []
        ports = ("account", "trading", "market_data")
        self._venue = replace(venue, **{name: Timed(getattr(venue, name), self.requests) for name in ports})
        self._home = home
        self.settings = Settings.model_validate({"TRADER_HOME": home})

    @asynccontextmanager
    async def venue(self, environment: Any) -> AsyncIterator[Any]:
        yield self._venue

    @contextmanager
    def books(self, clock: Any) -> Iterator[Any]:
        from core.clock import SystemClock
        from core.ids import system_random
        from core.operations.books import open_books

        with open_books(self._home, clock or SystemClock(), system_random) as books:
            yield books

    def at(self, account: Any, venue: Any) -> None: ...


@asynccontextmanager
async def _venue(endpoint: dict[str, str]) -> AsyncIterator[Any]:
    from core.clock import SystemClock
    from core.keys.signing import SigningKey
    from core.secrets import Secret
    from exchanges.registry import venue_factory

    key = SigningKey(Secret(endpoint["api_key"]), Secret(endpoint["api_secret"]))
    async with venue_factory("paper")(endpoint["rest"], key, SystemClock(), name="paper") as venue:
        yield venue


@contextmanager
def _served(state: Path) -> Iterator[dict[str, str]]:
    command = [sys.executable, __file__, "--serve", str(state)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        yield json.loads(process.stdout.readline())
        process.stdin.close()


async def _serve(state: Path) -> None:
    from exchanges.paper import PaperConfig, admin, serve
    from exchanges.paper.limits import Limits

    clock: dict[str, Any] = {
        "wall_clock_ms": lambda: time.time_ns() // 1_000_000,
        "random_bytes": secrets.token_bytes,
    }
    config = PaperConfig(state)
    with admin.opened(config, **clock) as exchange:
        admin.set_limits(exchange, Limits(10**9, 10**9, 10**9, 10**9))
    async with serve(config, **clock) as endpoint:
        ready = {"rest": endpoint.rest, "api_key": endpoint.api_key, "api_secret": endpoint.api_secret}
        print(json.dumps(ready), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    sys.exit(main())
