"""One WebSocket connection: what is sent in order, pings, how fast it may talk, and how long it may live."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count

from aiohttp import WSCloseCode, WSMsgType, web

_log = logging.getLogger(__name__)

LARGEST_MESSAGE = 1 << 16
_POLICY = WSCloseCode.POLICY_VIOLATION


@dataclass(frozen=True)
class SocketRules:
    """How connections are kept, in seconds; the venue's values. `messages_per_second` None: any number.

    `backlog`: messages a client may leave unread before it is dropped, so that one slow reader costs nobody
    else anything. `goodbye_within`: how long a server that stops waits for a client to hear it.
    """

    ping_every: float = 20.0
    pong_within: float = 60.0
    goodbye_within: float = 2.0
    life: float = 86_400.0
    messages_per_second: int | None = 5
    backlog: int = 10_000
    connections_per_five_minutes: int = 300


STANDARD_RULES = SocketRules()


async def accept(request: web.BaseRequest, rules: SocketRules) -> Connection:
    """Upgrade a request to a WebSocket. Raises web.HTTPException when it cannot be one."""
    # Frames are small and go to the same machine: compressing them would cost most of the time.
    socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=LARGEST_MESSAGE, timeout=2.0)
    await socket.prepare(request)
    return Connection(socket, request.transport, rules)


class Connection:
    """A connection that was upgraded. Messages are queued here and written by `keep`."""

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, rules: SocketRules
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._rules = rules
        self._outgoing: asyncio.Queue[bytes | None] = asyncio.Queue(rules.backlog)
        self._unanswered: dict[bytes, float] = {}
        self._received: deque[float] = deque()
        self._ping_numbers = count(1)

    def send(self, text: bytes | None) -> None:
        """Queue a text message, None to end the connection. A client that does not read is cut off."""
        try:
            self._outgoing.put_nowait(text)
        except asyncio.QueueFull:
            _log.info("a client left %d messages unread and was dropped", self._rules.backlog)
            self.abort()

    def abort(self) -> None:
        """Cut the connection off, with no goodbye."""
        if self._transport is not None:
            self._transport.abort()

    async def close(self, *last: bytes) -> None:
        """Say something last, and goodbye; a client that does not read is cut off."""
        try:
            async with asyncio.timeout(self._rules.goodbye_within):
                for text in last:
                    await self._socket.send_frame(text, WSMsgType.TEXT)
                await self._socket.close(code=WSCloseCode.GOING_AWAY)
        except TimeoutError:
            self.abort()

    async def keep(self) -> None:
        """Write what is queued, ping, and end the connection when its time has come."""
        loop = asyncio.get_running_loop()
        dies_at, next_ping = loop.time() + self._rules.life, loop.time() + self._rules.ping_every
        while not self._socket.closed:
            try:
                async with asyncio.timeout_at(min(next_ping, dies_at)):
                    text = await self._outgoing.get()
            except TimeoutError:
                now = loop.time()
                if now >= dies_at:
                    await self._socket.close(code=WSCloseCode.GOING_AWAY)
                    return
                if any(now - sent_at > self._rules.pong_within for sent_at in self._unanswered.values()):
                    await self._socket.close(code=_POLICY, message=b"Pong timeout")
                    return
                next_ping = now + self._rules.ping_every
                await self._ping(now)
                continue
            if text is None:
                await self._socket.close(code=_POLICY)
                return
            try:
                # Who reads nothing answers no ping either, and none could be sent behind this.
                async with asyncio.timeout(self._rules.pong_within):
                    await self._socket.send_frame(text, WSMsgType.TEXT)
            except TimeoutError:
                self.abort()
                return

    @property
    def response(self) -> web.WebSocketResponse:
        """What the server's handler returns in the end."""
        return self._socket

    async def messages(self) -> AsyncIterator[str]:
        """Yield what the client says until it leaves, or says too much at once."""
        loop = asyncio.get_running_loop()
        async for message in self._socket:
            if self._is_too_fast(loop.time()):
                await self._socket.close(code=_POLICY, message=b"Too many requests")
                return
            match message.type:
                case WSMsgType.PING:
                    await self._socket.pong(message.data)
                case WSMsgType.PONG:
                    if bytes(message.data) in self._unanswered:
                        self._unanswered.clear()  # a client may answer the latest alone (RFC 6455, 5.5.3)
                case WSMsgType.TEXT:
                    yield message.data
                case WSMsgType.BINARY:
                    yield message.data.decode("utf-8", "replace")

    async def _ping(self, now: float) -> None:
        payload = str(next(self._ping_numbers)).encode()
        self._unanswered[payload] = now
        await self._socket.ping(payload)

    def _is_too_fast(self, now: float) -> bool:
        if self._rules.messages_per_second is None:
            return False
        self._received.append(now)
        while self._received[0] <= now - 1:
            self._received.popleft()
        return len(self._received) > self._rules.messages_per_second
