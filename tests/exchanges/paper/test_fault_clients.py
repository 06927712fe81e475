"""What an unmodified python-binance makes of faults: why our client does not use it as it comes."""

from __future__ import annotations

import random
import warnings
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from exchanges.paper import PaperConfig, serve
from exchanges.paper.faults import Drop, Empty, Error, Fault, Html, Lag, Plan, RateLimit, Redirect, When
from tests.exchanges.paper.serving import wall_clock_ms

with warnings.catch_warnings():
    # The library imports names that websockets has deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import binance
    from binance.exceptions import BinanceAPIException

PLACING = When(method="POST", path="/api/v3/order", nth=(1,))
RESTING = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}


@dataclass
class Rehearsal:
    """A client of the library, and the exchange's plan."""

    api: Any
    rest: str

    async def set(self, *rules: Fault) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.rest}/paper/faults", data=Plan(rules=rules).text()) as answer,
        ):
            assert answer.status == 200

    async def place(self) -> Any:
        order = {**RESTING, "quantity": "0.001", "price": "50000.00", "newClientOrderId": "mine"}
        return await self.api.create_order(**order)

    async def open_orders(self) -> list[str]:
        return [order["clientOrderId"] for order in await self.api.get_open_orders(symbol="BTCUSDT")]


@pytest.fixture
async def rehearsal(tmp_path: Path) -> AsyncIterator[Rehearsal]:
    config = PaperConfig(tmp_path / "state", seed=7)
    async with serve(config, wall_clock_ms=wall_clock_ms, random_bytes=random.Random(1).randbytes) as at:

        class PaperClient(binance.AsyncClient):  # type: ignore[misc]  # the library has no types
            API_URL = f"{at.rest}/api"

        api = await PaperClient.create(at.api_key, at.api_secret)
        try:
            yield Rehearsal(api, at.rest)
        finally:
            await api.close_connection()


async def test_a_lost_reply_is_an_error_of_the_connection(rehearsal: Rehearsal) -> None:
    await rehearsal.set(Drop(when=PLACING))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await rehearsal.place()
    assert await rehearsal.open_orders() == ["mine"]


@pytest.mark.parametrize(("code", "status"), [(-1006, 500), (-1007, 504), (-1008, 503)])
async def test_a_failure_keeps_code_and_status(rehearsal: Rehearsal, code: int, status: int) -> None:
    await rehearsal.set(Error(when=PLACING, code=code))
    with pytest.raises(BinanceAPIException) as failed:
        await rehearsal.place()
    assert (failed.value.code, failed.value.status_code) == (code, status)
    assert await rehearsal.open_orders() == ["mine"]


async def test_an_empty_success_reads_as_an_order_without_fields(rehearsal: Rehearsal) -> None:
    await rehearsal.set(Empty(when=PLACING))
    assert await rehearsal.place() == {}
    assert await rehearsal.open_orders() == ["mine"]


async def test_a_page_with_200_is_an_error_of_the_http_library(rehearsal: Rehearsal) -> None:
    await rehearsal.set(Html(when=PLACING, status=200))
    with pytest.raises(aiohttp.ContentTypeError):  # which shows the URL
        await rehearsal.place()
    assert await rehearsal.open_orders() == ["mine"]


async def test_a_redirect_is_followed_and_places_what_was_placed_before(rehearsal: Rehearsal) -> None:
    await rehearsal.set(Redirect(when=PLACING, execute=True))
    with pytest.raises(BinanceAPIException, match="Duplicate order sent"):
        await rehearsal.place()
    assert await rehearsal.open_orders() == ["mine"]


async def test_a_full_limit_tells_how_long(rehearsal: Rehearsal) -> None:
    await rehearsal.set(RateLimit(when=PLACING, retry_after_s=7))
    with pytest.raises(BinanceAPIException) as refused:
        await rehearsal.place()
    assert refused.value.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "7"


async def test_an_order_just_placed_does_not_exist(rehearsal: Rehearsal) -> None:
    await rehearsal.set(Lag(seconds=20, when=When(method="GET", path="/api/v3/order")))
    await rehearsal.place()
    with pytest.raises(BinanceAPIException, match="Order does not exist"):
        await rehearsal.api.get_order(symbol="BTCUSDT", origClientOrderId="mine")
    assert await rehearsal.open_orders() == ["mine"]
