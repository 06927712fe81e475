"""Serve the paper exchange on a loopback socket for as long as a context lasts."""

from __future__ import annotations

import asyncio
import ipaddress
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from exchanges.paper import delivery
from exchanges.paper.dialects.binance import Delivery, HttpRequest
from exchanges.paper.dialects.binance.sockets import API_PATH, Sockets
from exchanges.paper.exchange import Exchange, PaperConfig
from exchanges.paper.markets import mirror_url, mirrored_specs
from exchanges.paper.mirror.following import following, prepare
from exchanges.paper.records import Persona
from exchanges.paper.sockets.connection import STANDARD_RULES, SocketRules
from exchanges.paper.sockets.hub import Hub
from exchanges.paper.turns import Turns

BACKLOG = 1024
SHUTDOWN_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class PaperEndpoint:
    """Where a served exchange listens, its persona's default key pair, and its clock.

    `stream` is where `/ws` and `/stream` hang, `ws_api` the whole address of the WebSocket API. `speed`: how
    many times as fast as the wall's that clock runs.
    """

    rest: str
    stream: str
    ws_api: str
    persona: Persona
    api_key: str
    api_secret: str = field(repr=False)
    pid: int
    now_ms: Callable[[], int] = field(repr=False, compare=False)
    speed: float


@asynccontextmanager
async def serve(
    config: PaperConfig,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    wall_clock_ms: Callable[[], int],
    random_bytes: Callable[[int], bytes],
    socket_rules: SocketRules = STANDARD_RULES,
    hmac_may_log_on: bool = False,
    beyond_loopback: bool = False,
) -> AsyncIterator[PaperEndpoint]:
    """Open the state and serve it until the context ends.

    `hmac_may_log_on`: let `session.logon` take keys that are not Ed25519, as some clients expect.

    Raises ValueError for a host that is not loopback, unless `beyond_loopback`: its keys and its money are
    toys, nobody else must meet them by chance. Raises OSError when the port is taken, MirrorError when the
    market to be mirrored cannot be fetched, and what `Exchange` raises.
    """
    if not beyond_loopback and not _is_loopback(host):
        raise ValueError(f"the paper exchange listens on loopback only, not on {host}")
    if url := mirror_url(config.market):
        await prepare(config.state_dir, url, mirrored_specs())
    exchange = Exchange(config, wall_clock_ms=wall_clock_ms, random_bytes=random_bytes)
    try:
        key = exchange.default_key()
        hub = Hub(exchange)
        turns = Turns(exchange, after=hub.kick)
        sockets = Sockets(
            hub, turns.reply, exchange.now_ms, socket_rules, hmac_may_log_on, exchange.listen_keys
        )
        server = web.Server(_handler(turns, sockets), access_log=None, auto_decompress=False)
        runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port, backlog=BACKLOG)
            await site.start()
            address, bound_port = runner.addresses[0][:2]
            where = f"{f'[{address}]' if ':' in address else address}:{bound_port}"
            pulse = asyncio.create_task(hub.run())
            try:
                async with following(exchange, mirrored_specs()):
                    yield PaperEndpoint(
                        rest=f"http://{where}",
                        stream=f"ws://{where}",
                        ws_api=f"ws://{where}{API_PATH}",
                        persona=config.persona,
                        api_key=key.api_key,
                        api_secret=key.secret,
                        pid=os.getpid(),
                        now_ms=exchange.now_ms,
                        speed=float(exchange.speed),
                    )
            finally:
                pulse.cancel()
        finally:
            await sockets.close()
            await runner.cleanup()
    finally:
        exchange.close()


def _handler(turns: Turns, sockets: Sockets) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if sockets.takes(request):
            return await sockets.serve(request)
        path, _, query = request.raw_path.partition("?")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413, body=b'{"code":-1100,"msg":"Request is too large."}')
        received = HttpRequest(
            method=request.method,
            path=path,
            query=query.encode("utf-8", "surrogateescape"),
            body=body,
            headers=request.headers,
            ip=request.remote or "",
        )
        reply = await turns.reply(received)
        if isinstance(reply, Delivery) and reply.manner == "hold":
            await asyncio.sleep(reply.seconds)
            reply = await turns.reply(received, unharmed=True)
        if isinstance(reply, Delivery):
            return await delivery.broken(request, reply)
        return delivery.whole(reply)

    return handle


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
