"""A REST client that knows the wire and nothing else: aiohttp and an HMAC."""

from __future__ import annotations

from typing import Any, Self
from urllib.parse import urlencode

import aiohttp

from exchanges.paper import PaperEndpoint
from tests.exchanges.paper.venue import sign


class Rest:
    """Signed and public requests to a served exchange."""

    def __init__(self, endpoint: PaperEndpoint, api_key: str = "", secret: str = "") -> None:
        self._endpoint = endpoint
        self._api_key = api_key or endpoint.api_key
        self._secret = secret or endpoint.api_secret
        self._session = aiohttp.ClientSession()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def public(self, name: str, **params: Any) -> Any:
        url = f"{self._endpoint.rest}/api/v3/{name}?{urlencode(params)}"
        async with self._session.get(url) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def signed(self, method: str, name: str, **params: Any) -> Any:
        """Send a signed request; what it answers, also when it refuses."""
        query = urlencode({**params, "timestamp": self._endpoint.now_ms()})
        url = f"{self._endpoint.rest}/api/v3/{name}?{query}&signature={sign(self._secret, query)}"
        headers = {"X-MBX-APIKEY": self._api_key}
        async with self._session.request(method, url, headers=headers) as response:
            return await response.json()

    async def order(self, **params: Any) -> Any:
        """Place an order for BTCUSDT unless told otherwise."""
        return await self.signed("POST", "order", **{"symbol": "BTCUSDT", **params})
