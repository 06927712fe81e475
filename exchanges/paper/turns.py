"""Serve what arrives in one turn of the event loop under one commit.

Requests are still served one after the other, each whole, and none is answered before the commit. But fifty
clients that ask at once then pay for one commit and not for fifty.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from exchanges.paper.dialects import binance
from exchanges.paper.dialects.binance import Delivery, HttpAnswer, HttpRequest, Served
from exchanges.paper.engine import Engine
from exchanges.paper.exchange import Exchange

AT_ONCE = 64
"""Requests served before the loop gets its turn: it bounds how long other processes wait for the state."""

Reply = HttpAnswer | Delivery

_log = logging.getLogger(__name__)


class _Waiting(NamedTuple):
    request: HttpRequest
    unharmed: bool


class Turns:
    """The queue between the sockets and the exchange."""

    def __init__(self, exchange: Exchange, *, after: Callable[[], None]) -> None:
        """`after` is called when a turn was served."""
        self._exchange = exchange
        self._after = after
        self._waiting: deque[tuple[_Waiting, asyncio.Future[Reply]]] = deque()

    async def reply(self, request: HttpRequest, *, unharmed: bool = False) -> Reply:
        """Return the reply once it is committed; a client that leaves is served all the same.

        `unharmed`: whatever is to go wrong, it has gone wrong with this request before.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._serve)
        future: asyncio.Future[Reply] = loop.create_future()
        self._waiting.append((_Waiting(request, unharmed), future))
        return await future

    def _serve(self) -> None:
        turn = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._serve)
        served = _served(self._exchange, [waiting for waiting, _ in turn])
        for (_, future), one in zip(turn, served, strict=True):
            if not future.done():
                future.set_result(one.reply)
        if any(one.wipes for one in served):
            self._exchange.reset()
        self._after()


def _served(exchange: Exchange, turn: list[_Waiting]) -> list[Served]:
    try:
        with exchange.transaction() as engine:
            return [_serve_one(exchange, engine, waiting) for waiting in turn]
    except sqlite3.OperationalError as error:
        _log.warning("the paper exchange could not use its state: %s", error)
        text = "Server is currently overloaded with other requests. Please try again in a few minutes."
        return [Served(binance.failure(-1008, text, status=503))] * len(turn)
    except Exception:
        # Nothing was committed. Served one by one, a request that meets a bug fails alone.
        if len(turn) > 1:
            return [_served(exchange, [waiting])[0] for waiting in turn]
        request = turn[0].request
        _log.exception("the paper exchange failed to serve %s %s", request.method, request.path)
        text = "An unknown error occurred while processing the request."
        return [Served(binance.failure(-1000, text, status=500))]


def _serve_one(exchange: Exchange, engine: Engine, waiting: _Waiting) -> Served:
    if waiting.unharmed:
        return Served(binance.answer(exchange, engine, waiting.request))
    return binance.serve(exchange, engine, waiting.request)
