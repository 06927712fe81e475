"""Binance's refusals: HTTP status, code and text, as the venue words them."""

from __future__ import annotations

from exchanges.paper.limits import Limits, TooManyRequests
from exchanges.paper.refusals import Reason, Refused


class ApiError(Exception):
    """An answer that is not a success. `retry_after_s` 0: no such header."""

    def __init__(self, code: int, message: str, *, status: int = 400, retry_after_s: int = 0) -> None:
        self.code = code
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s
        super().__init__(f"{code} {message}")


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

_TEXTS: dict[Reason, tuple[int, str]] = {
    Reason.SELF_TRADE_MODE: (-1013, "This symbol does not allow the specified self-trade prevention mode."),
    Reason.MARKET_CLOSED: (-2010, "Market is closed."),
    Reason.DUPLICATE_ORDER: (-2010, "Duplicate order sent."),
    Reason.INSUFFICIENT_BALANCE: (-2010, "Account has insufficient balance for requested action."),
    Reason.WOULD_TAKE: (-2010, "Order would immediately match and take."),
    Reason.WOULD_TRIGGER: (-2010, "Order would trigger immediately."),
    Reason.NO_LIQUIDITY: (-2010, "Order book liquidity is less than `LOT_SIZE` filter minimum quantity."),
    Reason.UNKNOWN_ORDER: UNKNOWN_ORDER,
    Reason.NO_SUCH_ORDER: (-2013, "Order does not exist."),
    Reason.CLIENT_ID_MISMATCH: (-2039, "Client order ID is not correct for this order ID."),
    Reason.CANCEL_RESTRICTED: (-2011, "Order was not canceled due to cancel restrictions."),
}


def from_refusal(refused: Refused) -> ApiError:
    """Word an engine's refusal."""
    if refused.reason is Reason.FILTER:
        return ApiError(-1013, f"Filter failure: {refused.detail}")
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
