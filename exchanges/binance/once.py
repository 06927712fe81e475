"""Keeps aiohttp from sending a request a second time on its own."""

from __future__ import annotations

import aiohttp


class ConnectionLost(Exception):
    """A connection broke. Not one of aiohttp's own errors, after which it sends GET, PUT and DELETE again."""


async def never_again(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Middleware of a client session. Raises ConnectionLost; failures to connect stay as they are."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        raise ConnectionLost from None
