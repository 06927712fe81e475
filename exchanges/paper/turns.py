"""Serve what arrives in one turn of the event loop under one commit.

Requests are still served one after the other, each whole, and none is answered before the commit. But fifty
clients that ask at once then pay for one commit and not for fifty.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque

from exchanges.paper.dialects import binance
from exchanges.paper.dialects.binance import HttpAnswer, HttpRequest
from exchanges.paper.exchange import Exchange

AT_ONCE = 64
"""Requests served before the loop gets its turn: it bounds how long other processes wait for the state."""

_log = logging.getLogger(__name__)


class Turns:
    """The queue between the sockets and the exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._waiting: deque[tuple[HttpRequest, asyncio.Future[HttpAnswer]]] = deque()

    async def answer(self, request: HttpRequest) -> HttpAnswer:
        """Return the answer once it is committed; a client that leaves is served all the same."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._serve)
        future: asyncio.Future[HttpAnswer] = loop.create_future()
        self._waiting.append((request, future))
        return await future

    def _serve(self) -> None:
        turn = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._serve)
        answers = _answers(self._exchange, [request for request, _ in turn])
        for (_, future), answer in zip(turn, answers, strict=True):
            if not future.done():
                future.set_result(answer)


def _answers(exchange: Exchange, requests: list[HttpRequest]) -> list[HttpAnswer]:
    try:
        with exchange.transaction() as engine:
            return [binance.answer(exchange, engine, request) for request in requests]
    except sqlite3.OperationalError as error:
        _log.warning("the paper exchange could not use its state: %s", error)
        text = "Server is currently overloaded with other requests. Please try again in a few minutes."
        return [binance.failure(-1008, text, status=503)] * len(requests)
    except Exception:
        # Nothing was committed. Served one by one, a request that meets a bug fails alone.
        if len(requests) > 1:
            return [_answers(exchange, [request])[0] for request in requests]
        _log.exception("the paper exchange failed to serve %s %s", requests[0].method, requests[0].path)
        text = "An unknown error occurred while processing the request."
        return [binance.failure(-1000, text, status=500)]
