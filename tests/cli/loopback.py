"""A paper exchange in a thread, whose answers a test may spoil, and which counts the requests."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from aiohttp import web

from exchanges.paper import Exchange, PaperConfig
from exchanges.paper.dialects import binance
from exchanges.paper.dialects.binance import HttpAnswer, HttpRequest, fault_admin
from exchanges.paper.records import Persona

STARTED_WITHIN_S = 60
"""A busy machine may take long; who hangs is found all the same."""

Spoil = Callable[[HttpRequest, HttpAnswer], HttpAnswer | None]
"""What a request gets instead; None: the connection breaks after the request was served."""


Before = Callable[[HttpRequest], HttpAnswer | None]
"""What answers in the exchange's place, which then never sees the request; None: nobody does."""


def untouched(request: HttpRequest, answer: HttpAnswer) -> HttpAnswer:
    return answer


def nothing_before(request: HttpRequest) -> HttpAnswer | None:
    return None


@dataclass
class Loopback:
    """A served exchange. `requests`: (method, path) of all that came, in order."""

    config: PaperConfig
    spoil: Spoil = untouched
    before: Before = nothing_before
    requests: list[tuple[str, str]] = field(default_factory=list)
    root: str = ""
    api_key: str = ""
    api_secret: str = ""
    now_ms: Callable[[], int] = lambda: 0

    def environ(self) -> dict[str, str]:
        """Return the settings of a trader that takes this for Binance."""
        return {
            "TRADER_VENUE": "binance",
            "BINANCE_BASE_URL": self.root,
            "BINANCE_API_KEY": self.api_key,
            "BINANCE_API_SECRET": self.api_secret,
        }

    def ask(self, path: str, **params: str) -> Any:
        """Return the answer to a signed GET, made with nothing but the standard library."""
        return self.send("GET", path, **params)

    def send(self, method: str, path: str, **params: str) -> Any:
        """Return the answer to a signed request."""
        query = urlencode({**params, "timestamp": str(int(self.now_ms())), "recvWindow": "60000"})
        signature = hmac.new(self.api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        request = Request(f"{self.root}{path}?{query}&signature={signature}", method=method)
        request.add_header("X-MBX-APIKEY", self.api_key)
        with build_opener(ProxyHandler({})).open(request, timeout=STARTED_WITHIN_S) as answer:
            return json.loads(answer.read())

    def balances(self) -> dict[str, Decimal]:
        """Return asset -> free and locked together, zero ones left out."""
        held = self.ask("/api/v3/account", omitZeroBalances="true")["balances"]
        return {each["asset"]: Decimal(each["free"]) + Decimal(each["locked"]) for each in held}

    def placed(self, symbol: str = "BTCUSDT") -> dict[str, dict[str, Any]]:
        """Return client_order_id -> the venue's view of every order of the symbol."""
        return {each["clientOrderId"]: each for each in self.ask("/api/v3/allOrders", symbol=symbol)}

    def trade_ids(self, symbol: str = "BTCUSDT") -> set[int]:
        return {each["id"] for each in self.ask("/api/v3/myTrades", symbol=symbol)}

    @property
    def orders(self) -> list[str]:
        """The methods that came to where real orders are placed and canceled."""
        return [method for method, path in self.requests if path == "/api/v3/order" and method != "GET"]

    @property
    def signed(self) -> list[str]:
        """The paths that only a signed request can ask."""
        keyless = (
            "ping",
            "time",
            "exchangeInfo",
            "depth",
            "avgPrice",
            "klines",
            "system/status",
            "paper/faults",
        )
        return [path for _, path in self.requests if not path.endswith(keyless)]


@contextmanager
def serving(
    folder: Path,
    *,
    persona: Persona = "testnet",
    clock_ahead_ms: int = 0,
    market: Path | None = None,
    machine_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> Iterator[Loopback]:
    """Serve in a thread for as long as the context lasts. `market`: a recorded one."""
    recording = None if market is None else f"file:{market}"
    loopback = Loopback(PaperConfig(state_dir=folder, persona=persona, market=recording))
    started = threading.Event()
    stop: list[Callable[[], object]] = []

    def wall_clock_ms() -> int:
        return machine_ms() + clock_ahead_ms

    async def run() -> None:
        exchange = Exchange(loopback.config, wall_clock_ms=wall_clock_ms, random_bytes=os.urandom)
        key = exchange.default_key()
        loopback.now_ms = exchange.now_ms
        loopback.api_key, loopback.api_secret = key.api_key, key.secret
        runner = web.ServerRunner(web.Server(_handler(loopback, exchange)), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        loopback.root = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(ended.set))
        started.set()
        await ended.wait()
        await runner.cleanup()
        exchange.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert started.wait(STARTED_WITHIN_S), "the exchange did not start"
    try:
        yield loopback
    finally:
        stop[0]()
        thread.join(STARTED_WITHIN_S)


def _handler(
    loopback: Loopback, exchange: Exchange
) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        received = HttpRequest(
            request.method, path, query.encode(), await request.read(), request.headers, request.remote or ""
        )
        loopback.requests.append((request.method, path))
        answer = loopback.before(received)
        if answer is None:
            with exchange.transaction() as engine:
                is_admin = received.path == fault_admin.PATH
                serve = fault_admin.answer if is_admin else partial(binance.answer, exchange)
                answer = serve(engine, received)
        given = loopback.spoil(received, answer)
        if given is None:
            assert request.transport
            request.transport.abort()
            return web.Response()
        return web.Response(
            status=given.status,
            body=given.body,
            headers={"Content-Type": given.content_type, **given.headers},
        )

    return handle


def when(end_of_path: str, change: Callable[[HttpAnswer], HttpAnswer | None], method: str = "") -> Spoil:
    """Spoil the answers of one path."""

    def spoil(request: HttpRequest, answer: HttpAnswer) -> HttpAnswer | None:
        fits = request.path.endswith(end_of_path) and method in ("", request.method)
        return change(answer) if fits else answer

    return spoil


def body(content: bytes, status: int = 200) -> Callable[[HttpAnswer], HttpAnswer]:
    return lambda answer: replace(answer, status=status, body=content)


def edited(old: bytes, new: bytes) -> Callable[[HttpAnswer], HttpAnswer]:
    def edit(answer: HttpAnswer) -> HttpAnswer:
        assert old in answer.body, answer.body
        return replace(answer, body=answer.body.replace(old, new))

    return edit
