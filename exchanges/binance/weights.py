"""What each request weighs, known before it is sent.

Source: Binance Spot API documents, per endpoint, 2026. Orders and cancels that succeed weigh nothing; the
wallet API under `/sapi` has a budget of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

UNLISTED: Final = 20

_WEIGHTS: Final[Mapping[str, int]] = {
    "GET /api/v3/ping": 1,
    "GET /api/v3/time": 1,
    "GET /api/v3/exchangeInfo": 20,
    "GET /api/v3/trades": 25,
    "GET /api/v3/aggTrades": 4,
    "GET /api/v3/klines": 2,
    "GET /api/v3/avgPrice": 2,
    "GET /api/v3/account": 20,
    "GET /api/v3/account/commission": 20,
    "GET /api/v3/order": 4,
    "GET /api/v3/allOrders": 20,
    "GET /api/v3/rateLimit/order": 40,
    "POST /api/v3/order/test": 1,
    "POST /api/v3/order": 0,
    "POST /api/v3/orderList/oco": 0,
    "DELETE /api/v3/order": 0,
    "DELETE /api/v3/orderList": 0,
    "DELETE /api/v3/openOrders": 0,
}

_DEPTH: Final = ((100, 5), (500, 25), (1_000, 50))
_DEEPEST: Final = 250


def weight_of(method: str, path: str, params: Mapping[str, object]) -> int:
    """Return the weight of e.g. GET `/api/v3/depth`, where it depends on the parameters."""
    if path.startswith("/sapi/"):
        return 0
    match f"{method.upper()} {path}":
        case "GET /api/v3/openOrders":
            return 6 if params.get("symbol") else 80
        case "GET /api/v3/myTrades":
            return 5 if params.get("orderId") else 20
        case "GET /api/v3/depth":
            levels = int(str(params.get("limit") or 100))
            return next((weight for most, weight in _DEPTH if levels <= most), _DEEPEST)
        case "GET /api/v3/ticker/price" | "GET /api/v3/ticker/bookTicker":
            return 2 if params.get("symbol") else 4
        case "GET /api/v3/ticker/24hr":
            return 2 if params.get("symbol") else 80
        case "POST /api/v3/order/test" if params.get("computeCommissionRates"):
            return 20
        case request:
            return _WEIGHTS.get(request, UNLISTED)
