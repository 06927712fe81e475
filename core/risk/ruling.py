"""What every rule says about a request, and how it says no."""

from __future__ import annotations

from decimal import Decimal

from core.orders import OrderRequest
from core.risk.approval import Denied
from core.values import Base, Quote, decimal_text, notional


def order_price(request: OrderRequest) -> Decimal:
    """Return the limit price, or for a market order the price it was decided on."""
    return request.decision_price if request.price is None else request.price


def order_notional(request: OrderRequest) -> Quote:
    return notional(request.quantity, order_price(request))


def denied(reason: str, message: str, **numbers: int | str | Decimal | Base | Quote) -> Denied:
    return Denied(reason, message, {name: _json_ready(value) for name, value in numbers.items()})


def _json_ready(value: int | str | Decimal | Base | Quote) -> int | str:
    if isinstance(value, Decimal):
        return decimal_text(value)
    return value if isinstance(value, int) else str(value)
