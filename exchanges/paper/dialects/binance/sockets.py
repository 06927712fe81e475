"""Everything of Binance that is a WebSocket: which path is what, who may connect, and goodbye.

`/ws` and `/stream` are market streams (the documents' section "WebSocket Streams"), `/ws-api/v3` the
WebSocket API.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol
from urllib.parse import parse_qs, unquote

from aiohttp import web
from multidict import CIMultiDict

from exchanges.paper import delivery
from exchanges.paper.dialects.binance.faulty import Delivery
from exchanges.paper.dialects.binance.serving import Frame, HttpAnswer, HttpRequest
from exchanges.paper.dialects.binance.session_routes import CONNECT, SESSION
from exchanges.paper.dialects.binance.streams.account_feed import AccountEvents
from exchanges.paper.dialects.binance.streams.names import MakeFeed, feed_of
from exchanges.paper.dialects.binance.streams.session import ControlError, StreamSession
from exchanges.paper.dialects.binance.ws_api import ApiOptions, ApiSession, Ask
from exchanges.paper.listen_keys import ListenKeys
from exchanges.paper.sockets.connection import Connection, SocketRules, accept
from exchanges.paper.sockets.hub import Hub

STREAM_PATH, COMBINED_PATH, API_PATH = "/ws", "/stream", "/ws-api/v3"
FIVE_MINUTES_S = 300.0


class Session(Protocol):
    """What stands behind a connection."""

    def close(self) -> None: ...
    def farewell(self, now_ms: int) -> bytes: ...


@dataclass
class Sockets:
    """The open connections of one server."""

    hub: Hub
    ask: Ask
    now_ms: Callable[[], int]
    rules: SocketRules
    hmac_may_log_on: bool
    listen_keys: ListenKeys
    _open: dict[Connection, Session] = field(default_factory=dict)
    _attempts: dict[str, deque[float]] = field(default_factory=dict)

    def takes(self, request: web.BaseRequest) -> bool:
        """Tell whether a request wants a connection that is served here."""
        path = request.path
        is_known = path in (API_PATH, COMBINED_PATH, STREAM_PATH) or path.startswith(
            (f"{STREAM_PATH}/", f"{COMBINED_PATH}/")
        )
        return is_known and request.headers.get("Upgrade", "").lower() == "websocket"

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve a connection until it ends."""
        ip = request.remote or ""
        if self._is_too_many(ip):
            return web.Response(status=429, headers={"Retry-After": str(int(FIVE_MINUTES_S))})
        if request.path == API_PATH:
            reply = await self.ask(_connecting(request, ip))
            if isinstance(reply, Delivery):
                return await delivery.broken(request, reply)
            if reply.status != 200:
                return _refusal(reply)
            return await self._serve_api(request, ip)
        return await self._serve_streams(request)

    async def close(self) -> None:
        """Tell every client that the server goes, and go."""
        goodbyes = [
            connection.close(session.farewell(self.now_ms()))
            for connection, session in tuple(self._open.items())
        ]
        await asyncio.gather(*goodbyes, return_exceptions=True)

    async def _serve_streams(self, request: web.BaseRequest) -> web.StreamResponse:
        options = _options(request)
        names = _streams(request.raw_path.partition("?")[0], options)
        connection = await accept(request, self.rules)
        session = StreamSession(
            hub=self.hub,
            send=connection.send,
            feed_of=self._feed_of,
            is_combined=request.path.startswith(COMBINED_PATH),
            microseconds=_wants_microseconds(options),
        )

        async def receive(text: str) -> None:
            connection.send(session.answer(text))

        with contextlib.suppress(ControlError):
            session.subscribe(names)
        await self._keep(connection, session, receive)
        return connection.response

    async def _serve_api(self, request: web.BaseRequest, ip: str) -> web.StreamResponse:
        options = _options(request)
        # Requests have limits of their own; only streams count what a client says.
        rules = replace(self.rules, messages_per_second=None)
        connection = await accept(request, rules)
        session = ApiSession(
            hub=self.hub,
            send=connection.send,
            abort=connection.abort,
            ask=self.ask,
            now_ms=self.now_ms,
            ip=ip,
            connected_ms=self.now_ms(),
            options=ApiOptions(
                microseconds=_wants_microseconds(options),
                shows_limits=options.get("returnRateLimits", "true").lower() != "false",
                hmac_may_log_on=self.hmac_may_log_on,
            ),
        )
        await self._keep(connection, session, session.receive)
        return connection.response

    async def _keep(
        self, connection: Connection, session: Session, receive: Callable[[str], Awaitable[None]]
    ) -> None:
        """Serve what comes in and write what goes out, until either side ends it."""
        self._open[connection] = session
        writing = asyncio.create_task(connection.keep())
        try:
            async for text in connection.messages():
                await receive(text)
        finally:
            session.close()
            del self._open[connection]
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writing

    def _feed_of(self, name: str) -> MakeFeed | None:
        account = self.listen_keys.account_of(name, self.now_ms())
        return feed_of(name) if account is None else partial(AccountEvents, account)

    def _is_too_many(self, ip: str) -> bool:
        now = asyncio.get_running_loop().time()
        attempts = self._attempts.setdefault(ip, deque())
        while attempts and attempts[0] <= now - FIVE_MINUTES_S:
            attempts.popleft()
        attempts.append(now)
        return len(attempts) > self.rules.connections_per_five_minutes


def _connecting(request: web.BaseRequest, ip: str) -> HttpRequest:
    headers = CIMultiDict(request.headers)
    headers["X-MBX-TIME-UNIT"] = _options(request).get("timeUnit", "")
    return HttpRequest(SESSION, CONNECT, b"", b"", headers, ip, Frame({}, None))


def _refusal(answer: HttpAnswer) -> web.Response:
    return delivery.whole(answer)


def _options(request: web.BaseRequest) -> dict[str, str]:
    parsed = parse_qs(request.raw_path.partition("?")[2], keep_blank_values=True)
    return {name: values[-1] for name, values in parsed.items()}


def _streams(path: str, options: dict[str, str]) -> list[str]:
    """Return the streams a path and its query name; a bare number after the path means nothing."""
    if path.startswith(COMBINED_PATH):
        named = options.get("streams", "")
    else:
        named = unquote(path.removeprefix(STREAM_PATH))
    return [name for name in named.split("/") if name and not name.isdigit()]


def _wants_microseconds(options: dict[str, str]) -> bool:
    return options.get("timeUnit", "").upper() == "MICROSECOND"
