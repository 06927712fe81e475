"""Rubbish over WebSockets: always an answer the venue could give, never a failure of ours, never silence."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import tempfile
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.paper import PaperConfig, PaperEndpoint, serve
from exchanges.paper.dialects.binance.ws_methods import METHODS
from exchanges.paper.sockets.connection import SocketRules
from tests.exchanges.paper.venue import Wall, sign

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=40),
    st.just("BTCUSDT"),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
)
NAMES = st.sampled_from(
    ["symbol", "symbols", "side", "type", "quantity", "price", "limit", "orderId", "interval", "startTime",
     "newClientOrderId", "timestamp", "recvWindow", "returnRateLimits", "apiKey", "timeInForce", "fromId"]
)  # fmt: skip
VALUES = SCALARS | st.sampled_from(
    ["BUY", "SELL", "LIMIT", "MARKET", "0.001", "50000", "1m", "GTC", "-1", "1e9"]
)
REQUESTS = st.fixed_dictionaries(
    {"id": SCALARS, "method": st.sampled_from(sorted(METHODS)) | st.text(max_size=20)},
    optional={"params": st.dictionaries(NAMES, VALUES, max_size=6) | JSON, "signed": st.just(True)},
)
CONTROLS = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "method": st.sampled_from(["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY"]) | JSON,
        "params": st.lists(
            st.sampled_from(["btcusdt@trade", "x@y", "@", "!miniTicker@arr", "combined"]) | JSON
        )
        | JSON,
    },
)
NOISE = st.text(max_size=60) | JSON.map(json.dumps) | st.binary(max_size=60)


async def _survives(path: str, frames: list[Any], sane: str, expected: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rules = SocketRules(messages_per_second=None)
        randomness = random.Random(1).randbytes
        config = PaperConfig(Path(folder), seed=7)
        async with (
            serve(
                config,
                wall_clock_ms=Wall(),
                random_bytes=randomness,
                socket_rules=rules,
                hmac_may_log_on=True,
            ) as endpoint,
            aiohttp.ClientSession() as session,
            session.ws_connect(endpoint.stream + path) as socket,
        ):
            for frame in frames:
                await _send(endpoint, socket, frame)
            await socket.send_str(sane)
            async with asyncio.timeout(10):
                while True:
                    answer = await socket.receive()
                    assert answer.type is aiohttp.WSMsgType.TEXT, (frames, answer)
                    if answer.data.startswith(expected):
                        return
                    assert json.loads(answer.data).get("status", 200) < 500, answer.data


async def _send(endpoint: PaperEndpoint, socket: aiohttp.ClientWebSocketResponse, frame: Any) -> None:
    match frame:
        case bytes():
            await socket.send_bytes(frame)
        case str():
            await socket.send_str(frame.encode("utf-8", "replace").decode())
        case dict():
            message = dict(frame)
            params = message.get("params")
            if message.pop("signed", False) and isinstance(params, dict):
                message["params"] = _signed(endpoint, params)
            await socket.send_str(json.dumps(message))


def _signed(endpoint: PaperEndpoint, params: dict[str, Any]) -> dict[str, Any]:
    texts = {name: value for name, value in params.items() if isinstance(value, str)}
    texts |= {"apiKey": endpoint.api_key, "timestamp": str(endpoint.now_ms())}
    payload = "&".join(f"{name}={texts[name]}" for name in sorted(texts))
    return {**texts, "signature": sign(endpoint.api_secret, payload)}


@settings(max_examples=25, deadline=None)
@given(frames=st.lists(REQUESTS | NOISE, max_size=20))
def test_the_websocket_api_answers_whatever_comes(frames: list[Any]) -> None:
    asyncio.run(_survives("/ws-api/v3", frames, '{"id":"sane","method":"ping"}', '{"id":"sane","status":'))


@settings(max_examples=25, deadline=None)
@given(frames=st.lists(CONTROLS | NOISE, max_size=20))
def test_streams_answer_whatever_comes(frames: list[Any]) -> None:
    sane = '{"method":"LIST_SUBSCRIPTIONS","id":"sane"}'
    asyncio.run(_survives("/stream", frames, sane, '{"result":['))


@pytest.fixture(autouse=True)
def _no_failure_of_ours(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.ERROR)
    yield
    assert caplog.records == []
