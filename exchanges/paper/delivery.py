"""Put answers on the wire, also the way a broken connection or somebody in between would."""

from __future__ import annotations

import asyncio
import socket
import struct

from aiohttp import web

from exchanges.paper.dialects.binance import Delivery, HttpAnswer

_PIECES = 20
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def whole(answer: HttpAnswer) -> web.Response:
    headers = {"Content-Type": answer.content_type, **answer.headers}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


async def broken(request: web.BaseRequest, delivery: Delivery) -> web.StreamResponse:
    """Deliver in the given manner. Every connection but a slow one's is closed."""
    match delivery.manner, delivery.answer:
        case "delay", HttpAnswer() as answer:
            await asyncio.sleep(delivery.seconds)
            return whole(answer)
        case "slow", HttpAnswer() as answer:
            return await _in_pieces(request, answer, delivery.seconds)
        case "half", HttpAnswer() as answer:
            response = await _begun(request, answer)
            await response.write(answer.body[: len(answer.body) // 2])
            _close(request)
            return response
        case "silence", _:
            await asyncio.sleep(delivery.seconds)
        case "reset", _:
            _reset(request)
    _close(request)
    return web.Response()  # into a closed connection: nobody gets it


async def _begun(request: web.BaseRequest, answer: HttpAnswer) -> web.StreamResponse:
    """Send the head of an answer, which promises the whole body."""
    headers = {"Content-Type": answer.content_type, **answer.headers}
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    return response


async def _in_pieces(request: web.BaseRequest, answer: HttpAnswer, seconds: float) -> web.StreamResponse:
    response = await _begun(request, answer)
    size = -(-len(answer.body) // _PIECES) or 1
    for start in range(0, len(answer.body), size):
        await response.write(answer.body[start : start + size])
        await asyncio.sleep(seconds / _PIECES)
    return response


def _close(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.close()


def _reset(request: web.BaseRequest) -> None:
    if request.transport is None:
        return
    connection = request.transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    request.transport.abort()
