"""How an order is asked for: which parameters each type needs and must not have, alone or in a list."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import cast

from core.matching import SelfTradePrevention
from exchanges.paper.dialects.binance import rules
from exchanges.paper.dialects.binance.call import Call
from exchanges.paper.dialects.binance.errors import ApiError, missing, missing_either, not_required, not_valid
from exchanges.paper.dialects.binance.params import Params
from exchanges.paper.filters import OrderRequest
from exchanges.paper.records import OrderType, TimeInForce

PEGS = ("pegPriceType", "pegOffsetType", "pegOffsetValue")
PLACEMENT = (
    "timeInForce",
    "quantity",
    "quoteOrderQty",
    "price",
    "newClientOrderId",
    "strategyId",
    "strategyType",
    "stopPrice",
    "trailingDelta",
    "icebergQty",
    "newOrderRespType",
    "selfTradePreventionMode",
    *PEGS,
)
STOPS = ("STOP_LOSS", "TAKE_PROFIT")
STOP_LIMITS = ("STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
_LIMIT_NEEDS = ("timeInForce", "quantity", "price")
_NEEDS = {
    "LIMIT": _LIMIT_NEEDS,
    "LIMIT_MAKER": ("quantity", "price"),
    "MARKET": (),
    **dict.fromkeys(STOPS, ("quantity",)),
    **dict.fromkeys(STOP_LIMITS, _LIMIT_NEEDS),
}
_NOT_FOR = {
    "LIMIT": ("quoteOrderQty", "stopPrice", "trailingDelta"),
    "LIMIT_MAKER": ("timeInForce", "quoteOrderQty", "stopPrice", "trailingDelta"),
    "MARKET": ("timeInForce", "price", "stopPrice", "trailingDelta", "icebergQty"),
    **dict.fromkeys(STOPS, ("timeInForce", "price", "quoteOrderQty", "icebergQty")),
    **dict.fromkeys(STOP_LIMITS, ("quoteOrderQty",)),
}


@dataclass(frozen=True, slots=True)
class Form:
    """One order's parameters in a request.

    `prefix`: what the names of this leg begin with; `names`: what differs from that, by the plain name, empty
    where there is no such parameter.
    """

    params: Params
    prefix: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    sent: Collection[str] = field(init=False)
    """The plain names of what was sent."""

    def __post_init__(self) -> None:
        sent = self.params.names_sent
        if self.prefix or self.names:
            sent = {plain for plain in (*PLACEMENT, "side", "type") if self.name(plain) in sent}
        object.__setattr__(self, "sent", sent)

    def name(self, plain: str) -> str:
        if plain in self.names:
            return self.names[plain]
        if not self.prefix:
            return plain
        plain = plain.removeprefix("new")
        return f"{self.prefix}{plain[0].upper()}{plain[1:]}"

    def text(self, plain: str) -> str | None:
        return self.params.text(self.name(plain))

    def amount(self, plain: str) -> int:
        """Return an amount in units that must be above zero, 0 if it was not sent."""
        if plain not in self.sent:
            return 0
        name = self.name(plain)
        value = self.params.decimal(name)
        if value == 0:
            raise ApiError(-1013, f"Invalid {name}.")
        return value or 0

    def integer(self, plain: str) -> int | None:
        if plain not in self.sent:
            return None
        return self.params.integer(self.name(plain))

    def choice(
        self, plain: str, choices: tuple[str, ...], error: tuple[int, str] | None = None
    ) -> str | None:
        return self.params.choice(self.name(plain), choices, error)


def read_order(call: Call, form: Form, order_type: str | None = None) -> OrderRequest:
    """Return the order of a form; `order_type`: what it is where no parameter says it."""
    symbol = form.params.symbol()
    side = form.choice("side", ("BUY", "SELL"), (-1117, "Invalid side."))
    if side is None:
        raise missing(form.name("side"))
    order_type = order_type or read_type(form)
    time_in_force = form.choice("timeInForce", ("GTC", "IOC", "FOK"), (-1115, "Invalid timeInForce."))
    _check_combination(form, order_type, time_in_force)
    strategy_type = form.integer("strategyType")
    if strategy_type is not None and strategy_type < 1_000_000:
        raise ApiError(-1134, f"{form.name('strategyType')} was less than 1000000.")
    request = OrderRequest(
        symbol=symbol.name,
        is_buy=side == "BUY",
        type=cast("OrderType", order_type),
        client_order_id=form.params.client_id(form.name("newClientOrderId")) or new_id(call),
        time_in_force=cast("TimeInForce", time_in_force or "GTC"),
        price=form.amount("price"),
        quantity=form.amount("quantity"),
        quote_quantity=form.amount("quoteOrderQty"),
        stop_price=form.amount("stopPrice"),
        self_trade=_self_trade_mode(form.params),
        strategy_id=form.integer("strategyId"),
        strategy_type=strategy_type,
        trailing_delta=_trailing_delta(form),
        iceberg=form.amount("icebergQty"),
    )
    if request.is_sized and request.iceberg > request.quantity:
        raise ApiError(-2010, "IcebergQty exceeds QTY.")
    return request


def read_type(form: Form) -> str:
    order_type = form.choice("type", rules.ORDER_TYPES, (-1116, "Invalid orderType."))
    if order_type is None:
        raise missing(form.name("type"))
    return order_type


def response_type(params: Params, default: str) -> str:
    """Return the wanted form of an answer."""
    return params.choice("newOrderRespType", ("ACK", "RESULT", "FULL")) or default


def new_id(call: Call) -> str:
    """Return an id as the venue makes them up: 22 letters and digits."""
    return base64.b64encode(call.random_bytes(18), altchars=b"xY").decode()[:22]


def _check_combination(form: Form, order_type: str, time_in_force: str | None) -> None:
    form.params.require([name for plain in _NEEDS[order_type] if (name := form.name(plain))])
    for plain in _NOT_FOR[order_type]:
        if plain in form.sent:
            raise not_required(form.name(plain))
    if order_type == "MARKET" and form.name("quantity"):
        _check_market(form)
    if order_type in (*STOPS, *STOP_LIMITS) and not (form.text("stopPrice") or form.text("trailingDelta")):
        raise missing_either(form.name("stopPrice"), form.name("trailingDelta"))
    if "icebergQty" in form.sent and time_in_force not in (None, "GTC"):
        raise ApiError(-1014, "Unsupported order combination.")
    if any(plain in form.sent for plain in PEGS):
        raise ApiError(-2010, "Pegged orders are not supported for this symbol.")


def _check_market(form: Form) -> None:
    if not form.text("quantity") and not form.text("quoteOrderQty"):
        raise missing_either(form.name("quantity"), form.name("quoteOrderQty"))
    if "quantity" in form.sent and "quoteOrderQty" in form.sent:
        raise not_required(form.name("quoteOrderQty"))


def _trailing_delta(form: Form) -> int:
    delta = form.integer("trailingDelta")
    if delta == 0:
        raise not_valid(form.name("trailingDelta"))
    return delta or 0


def _self_trade_mode(params: Params) -> SelfTradePrevention:
    mode = params.choice("selfTradePreventionMode", rules.SELF_TRADE_MODES)
    return cast("SelfTradePrevention", mode or rules.DEFAULT_SELF_TRADE_MODE)
