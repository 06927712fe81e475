"""Orders that a test places at a served exchange by itself, under any name."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from tests.cli.loopback import STARTED_WITHIN_S, Loopback


def place(exchange: Loopback, name: str, **params: str) -> dict[str, Any]:
    """Place an order and return the exchange's answer; by default a buy that rests far below the market."""
    wanted = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.001",
        "price": "20000",
        "newClientOrderId": name,
        "timestamp": str(int(exchange.now_ms())),
        "recvWindow": "60000",
    } | params
    query = urlencode({key: value for key, value in wanted.items() if value})
    signature = hmac.new(exchange.api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    request = Request(
        f"{exchange.root}/api/v3/order", f"{query}&signature={signature}".encode(), method="POST"
    )
    request.add_header("X-MBX-APIKEY", exchange.api_key)
    with build_opener(ProxyHandler({})).open(request, timeout=STARTED_WITHIN_S) as answer:
        placed: dict[str, Any] = json.loads(answer.read())
    return placed


def buy_now(exchange: Loopback, name: str, quantity: str) -> dict[str, Any]:
    """Buy at the market."""
    return place(exchange, name, type="MARKET", quantity=quantity, timeInForce="", price="")


def open_names(exchange: Loopback) -> set[str]:
    return {order["clientOrderId"] for order in exchange.ask("/api/v3/openOrders")}
