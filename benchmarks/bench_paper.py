"""How many orders a second the paper exchange takes from 50 clients, and what its floor is.

The server runs in a process of its own; this process sends requests that were signed beforehand over raw
sockets. The mix: market orders that fill, limit orders that expire at once, limit orders that rest and are
then canceled (cancels are sent and timed, but not counted as orders). Floors: a bare aiohttp server that
answers a constant, and one bare SQLite commit.

    python benchmarks/bench_paper.py [--orders 12000] [--profile]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import secrets
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

CLIENTS = 50
GOAL_ORDERS_PER_S = 2_500
GOAL_P99_MS = 40
SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "LTCUSDT")
QUANTITIES = {
    "BTCUSDT": "0.00100",
    "ETHUSDT": "0.0500",
    "BNBUSDT": "0.100",
    "SOLUSDT": "1.000",
    "LTCUSDT": "1.000",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=12_000)
    parser.add_argument("--profile", action="store_true", help="profile the server and print where time goes")
    parser.add_argument("--serve", choices=("paper", "constant"), help=argparse.SUPPRESS)
    parser.add_argument("--state", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve == "constant":
        asyncio.run(_serve_constant())
    elif options.serve == "paper":
        _serve_paper(Path(options.state), profile=options.profile)
    else:
        asyncio.run(_measure(options.orders, profile=options.profile))


async def _measure(orders: int, *, profile: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        floor_us = _bare_commit_us(Path(directory))
        async with _server("constant") as endpoint:
            requests = [[_http("POST", "/", b"x" * 250)] * (orders // CLIENTS) for _ in range(CLIENTS)]
            bare_rate, bare = await _drive(endpoint["port"], requests)
        arguments = ["--state", directory, *(["--profile"] if profile else [])]
        async with _server("paper", *arguments) as endpoint:
            requests, placements = await _signed_requests(endpoint, orders)
            rate, latencies = await _drive(endpoint["port"], requests)
            total = sum(map(len, requests))
            order_rate = rate * placements / total
    print(f"orders           {order_rate:9,.0f} /s   goal >= {GOAL_ORDERS_PER_S:,} /s")
    print(f"requests         {rate:9,.0f} /s   {_spread(latencies)}   goal p99 <= {GOAL_P99_MS} ms")
    print(f"floor: constant  {bare_rate:9,.0f} /s   {_spread(bare)}")
    print(f"floor: commit    {floor_us:9.1f} us   one SQLite commit, WAL, synchronous NORMAL")
    print(f"{total:,} requests, {placements:,} of them orders, {CLIENTS} clients")


async def _signed_requests(endpoint: dict[str, str], orders: int) -> tuple[list[list[bytes]], int]:
    """Return the requests of each client, signed now, and how many of them place an order."""
    timestamp = time.time_ns() // 1_000_000
    secret = endpoint["api_secret"].encode()

    def signed(method: str, fields: str) -> bytes:
        body = f"{fields}&recvWindow=60000&timestamp={timestamp}".encode()
        signature = hmac.new(secret, body, hashlib.sha256).hexdigest().encode()
        return _http(method, "/api/v3/order", body + b"&signature=" + signature, endpoint["api_key"])

    placements = 0
    clients: list[list[bytes]] = []
    for client in range(CLIENTS):
        requests: list[bytes] = []
        symbol = SYMBOLS[client % len(SYMBOLS)]
        prices = json.loads(endpoint["low_prices"])
        for number in range(orders // CLIENTS):
            base = f"symbol={symbol}&quantity={QUANTITIES[symbol]}&newClientOrderId=b{client}-{number}"
            limit = f"{base}&side=BUY&type=LIMIT&price={prices[symbol]}"
            kind = number % 4
            if kind == 0:
                requests.append(signed("POST", f"{limit}&timeInForce=GTC"))
                requests.append(signed("DELETE", f"symbol={symbol}&origClientOrderId=b{client}-{number}"))
            elif kind == 1:
                requests.append(signed("POST", f"{limit}&timeInForce=IOC"))
            else:
                requests.append(signed("POST", f"{base}&side={'BUY' if kind == 2 else 'SELL'}&type=MARKET"))
            placements += 1
        clients.append(requests)
    return clients, placements


async def _drive(port: int, clients: list[list[bytes]]) -> tuple[float, list[float]]:
    """Send each client's requests in turn over a socket of its own; return rate and latencies in ms."""
    latencies: list[float] = []

    async def drive(requests: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in requests:
            start = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            latencies.append((time.perf_counter() - start) * 1000)
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"refused: {head.decode()}{body.decode()}")
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(drive(requests) for requests in clients))
    return len(latencies) / (time.perf_counter() - start), latencies


def _http(method: str, path: str, body: bytes, api_key: str = "") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: paper\r\nX-MBX-APIKEY: {api_key}\r\n"
    form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    return f"{head}{form}".encode() + body


@asynccontextmanager
async def _server(kind: str, *arguments: str) -> AsyncIterator[dict[str, str]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        "--serve",
        kind,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.stdin.close()
        print((await process.stdout.read()).decode(), end="")
        await process.wait()


def _serve_paper(state: Path, *, profile: bool) -> None:
    import cProfile
    import pstats

    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    asyncio.run(_paper(state))
    if profile:
        profiler.disable()
        pstats.Stats(profiler, stream=sys.stdout).sort_stats("tottime").print_stats(45)


async def _paper(state: Path) -> None:
    from exchanges.paper import PaperConfig, admin, serve
    from exchanges.paper.limits import Limits

    limits = Limits(10**9, 10**9, 10**9, 10**9)
    clock = {"wall_clock_ms": lambda: time.time_ns() // 1_000_000, "random_bytes": secrets.token_bytes}
    config = PaperConfig(state)
    with admin.opened(config, **clock) as exchange:
        admin.set_limits(exchange, limits)
        for asset in ("BTC", "ETH", "BNB", "SOL", "LTC", "USDT"):
            admin.deposit(exchange, asset, 10**6)
        now_ms = exchange.now_ms()
        low = {name: f"{exchange.ambient.price(name, now_ms) // 2 // 10**8}.00" for name in SYMBOLS}
    async with serve(config, **clock) as endpoint:
        port = endpoint.rest.rsplit(":", 1)[1]
        ready = {"port": port, "api_key": endpoint.api_key, "api_secret": endpoint.api_secret}
        print(json.dumps({**ready, "low_prices": json.dumps(low)}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def _serve_constant() -> None:
    from aiohttp import web

    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(body=b'{"symbol":"BTCUSDT","orderId":1}', content_type="application/json")

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


def _bare_commit_us(directory: Path) -> float:
    connection = sqlite3.connect(directory / "bare.sqlite3", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, value INTEGER)")
    count = 2_000
    start = time.perf_counter()
    for value in range(count):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO rows (value) VALUES (?)", (value,))
        connection.execute("COMMIT")
    elapsed = time.perf_counter() - start
    connection.close()
    return elapsed / count * 1e6


def _spread(latencies: list[float]) -> str:
    return f"p50 {_percentile(latencies, 50):.1f} ms   p99 {_percentile(latencies, 99):.1f} ms"


def _percentile(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


if __name__ == "__main__":
    main()
