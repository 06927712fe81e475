"""200 stream subscribers at 10 updates a second each: do all get all of them, and how late is the last?

The exchange runs in a process of its own on a clock 30 times as fast, so that its market steps every 100 ms.
`spread`: from the first subscriber that has an update to the last one. Floor: a bare aiohttp server that
sends the same bytes as often.

    python benchmarks/bench_streams.py [--subscribers 200] [--seconds 10]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

STREAM = "btcusdt@depth20@100ms"
UPDATES_PER_S = 10
SPEED = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subscribers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--serve-bare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve_bare:
        asyncio.run(_serve_bare())
        return
    paper = ["-m", "cli.main", "paper", "serve", "--ephemeral", "--json", "--speed", str(SPEED)]
    asyncio.run(_measure("paper", paper, options.subscribers, options.seconds))
    asyncio.run(_measure("floor: bare", [__file__, "--serve-bare"], options.subscribers, options.seconds))


async def _measure(name: str, command: list[str], subscribers: int, seconds: float) -> None:
    arrivals: dict[int, list[float]] = defaultdict(list)
    counts = [0] * subscribers
    async with _server(command) as address, _session() as session:
        sockets = [await session.ws_connect(f"{address}/ws/{STREAM}") for _ in range(subscribers)]
        end = time.perf_counter() + seconds
        await asyncio.gather(
            *(_listen(number, socket, end, counts, arrivals) for number, socket in enumerate(sockets))
        )
    complete = [times for times in arrivals.values() if len(times) == subscribers]
    spreads = sorted(1000 * (max(times) - min(times)) for times in complete)
    rates = sorted(count / seconds for count in counts)
    goal = f"goal {UPDATES_PER_S}" if name == "paper" else ""
    print(
        f"{name:<12} {rates[0]:5.1f} updates/s for the slowest of {subscribers}  {goal:<8}"
        f"  spread p50 {spreads[len(spreads) // 2]:.1f} ms, p99 {spreads[int(len(spreads) * 0.99)]:.1f} ms"
    )


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


async def _listen(
    number: int,
    socket: aiohttp.ClientWebSocketResponse,
    end: float,
    counts: list[int],
    arrivals: dict[int, list[float]],
) -> None:
    while (left := end - time.perf_counter()) > 0:
        try:
            text = await asyncio.wait_for(socket.receive_str(), left)
        except TimeoutError:
            break
        counts[number] += 1
        arrivals[int(text[16 : text.index(",")])].append(time.perf_counter())
    await socket.close()


@asynccontextmanager
async def _server(command: list[str]) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, limit=1 << 20
    )
    try:
        assert process.stdout
        yield json.loads(await process.stdout.readline())["stream"]
    finally:
        process.terminate()
        await process.wait()


async def _serve_bare() -> None:
    """Send a constant of the same size to everybody, ten times a second."""
    listeners: list[web.WebSocketResponse] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        listeners.append(socket)
        async for _ in socket:
            pass
        listeners.remove(socket)
        return socket

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(json.dumps({"stream": f"ws://127.0.0.1:{runner.addresses[0][1]}"}) + "\n")
    sys.stdout.flush()
    level = '["90000.00000000","1.00000000"]'
    side = f"[{','.join([level] * 20)}]"
    number = 0
    while True:
        number += 1
        text = f'{{"lastUpdateId":{number},"bids":{side},"asks":{side}}}'.encode()
        for socket in tuple(listeners):
            if not socket.closed:
                await socket.send_frame(text, aiohttp.WSMsgType.TEXT)
        await asyncio.sleep(1 / UPDATES_PER_S)


if __name__ == "__main__":
    main()
