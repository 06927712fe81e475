"""Binance's refusals: HTTP status, code and text, as the venue words them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exchanges.paper.limits import Limits, TooManyRequests
from exchanges.paper.refusals import Reason, Refused


class ApiError(Exception):
    """An answer that is not a success. `retry_after_s` 0: no such header. `data`: what each part came to."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: int = 400,
        retry_after_s: int = 0,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        self.code = code
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s
        self.data = data
        super().__init__(f"{code} {message}")

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"code": self.code, "msg": self.message}
        return body if self.data is None else {**body, "data": self.data}


def missing(name: str) -> ApiError:
    return ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def missing_either(first: str, second: str) -> ApiError:
    return ApiError(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def illegal(name: str, legal: str) -> ApiError:
    return ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def not_required(name: str) -> ApiError:
    return ApiError(-1106, f"Parameter '{name}' sent when not required.")


def not_valid(name: str) -> ApiError:
    return ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")


INVALID_SYMBOL = (-1121, "Invalid symbol.")
BAD_COMBINATION = (-1128, "Combination of optional parameters invalid.")
TOO_LONG_A_SPAN = (-1127, "More than 24 hours between startTime and endTime.")
UNKNOWN_ORDER = (-2011, "Unknown order sent.")

LEG_TYPE = (-1158, "Order type not supported in OCO.")
BOTH_LIMIT = (-1168, "At least one OCO order must be contingent.")
LEG_ON_WRONG_SIDE: dict[tuple[str, str], tuple[int, str]] = {
    ("LIMIT_MAKER", "BUY"): (-1165, "A limit order in a buy OCO must be below."),
    ("LIMIT_MAKER", "SELL"): (-1166, "A limit order in a sell OCO must be above."),
    ("STOP_LOSS", "BUY"): (-1196, "A stop loss order in a buy OCO must be above."),
    ("STOP_LOSS", "SELL"): (-1197, "A stop loss order in a sell OCO must be below."),
    ("TAKE_PROFIT", "BUY"): (-1198, "A take profit order in a buy OCO must be below."),
    ("TAKE_PROFIT", "SELL"): (-1199, "A take profit order in a sell OCO must be above."),
}
OPO_WORKING_SIDE = (-1222, "Working order in an OPO list must be a bid.")
OPO_PENDING_SIDE = (-1223, "Pending orders in an OPO list must be asks.")
NO_REFERENCE_PRICE = (-2043, "This symbol doesn't have a reference price.")

_TEXTS: dict[Reason, tuple[int, str]] = {
    Reason.MARKET_CLOSED: (-2010, "Market is closed."),
    Reason.DUPLICATE_ORDER: (-2010, "Duplicate order sent."),
    Reason.INSUFFICIENT_BALANCE: (-2010, "Account has insufficient balance for requested action."),
    Reason.WOULD_TAKE: (-2010, "Order would immediately match and take."),
    Reason.WOULD_TRIGGER: (-2010, "Order would trigger immediately."),
    Reason.NO_LIQUIDITY: (-2010, "Order book liquidity is less than `LOT_SIZE` filter minimum quantity."),
    Reason.UNKNOWN_ORDER: UNKNOWN_ORDER,
    Reason.NO_SUCH_ORDER: (-2013, "Order does not exist."),
    Reason.ARCHIVED: (
        -2026,
        "Order was canceled or expired with no executed qty over 90 days ago and has been archived.",
    ),
    Reason.CLIENT_ID_MISMATCH: (-2039, "Client order ID is not correct for this order ID."),
    Reason.BAD_PRICES: (-2010, "The relationship of the prices for the orders is not correct."),
    Reason.NO_SUCH_LIST: (-2018, "Order list does not exist."),
    Reason.CANCEL_RESTRICTED: (-2011, "Order was not canceled due to cancel restrictions."),
}


def from_refusal(refused: Refused) -> ApiError:
    """Word an engine's refusal."""
    if refused.reason is Reason.FILTER:
        return ApiError(-1013, f"Filter failure: {refused.detail}")
    if refused.reason is Reason.AMEND_REFUSED:
        return ApiError(-2038, refused.detail)
    if refused.reason is Reason.TOO_MANY_ORDERS:
        text = f"Too many new orders; current limit is {refused.detail}."
        return ApiError(-1015, text, status=429, retry_after_s=refused.retry_after_s)
    return ApiError(*_TEXTS[refused.reason])


def from_too_many(refusal: TooManyRequests, limits: Limits) -> ApiError:
    """Word a full request limit, or a ban."""
    if refusal.banned:
        status, text = 418, f"Way too much request weight used; IP banned until {refusal.banned_until_ms}."
        advice = "Please use WebSocket Streams for live updates to avoid bans."
    elif refusal.raw:
        status, text = (
            429,
            f"Too many requests; current limit is {limits.requests_per_five_minutes} requests per 5 MINUTE.",
        )
        advice = "Please use WebSocket Streams for live updates to avoid polling the API."
    else:
        limit = f"{limits.weight_per_minute} request weight per 1 MINUTE"
        status, text = 429, f"Too much request weight used; current limit is {limit}."
        advice = "Please use WebSocket Streams for live updates to avoid polling the API."
    return ApiError(-1003, f"{text} {advice}", status=status, retry_after_s=refusal.retry_after_s)
