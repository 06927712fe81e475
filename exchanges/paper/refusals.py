"""Why the engine says no. Each dialect words these in its venue's own codes and texts."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """What is wrong with a request that was understood."""

    FILTER = "filter"
    TOO_MANY_ORDERS = "too many orders"
    MARKET_CLOSED = "market closed"
    DUPLICATE_ORDER = "duplicate order"
    INSUFFICIENT_BALANCE = "insufficient balance"
    WOULD_TAKE = "would take"
    WOULD_TRIGGER = "would trigger"
    NO_LIQUIDITY = "no liquidity"
    UNKNOWN_ORDER = "unknown order"
    NO_SUCH_ORDER = "no such order"
    ARCHIVED = "archived"
    CLIENT_ID_MISMATCH = "client id mismatch"
    CANCEL_RESTRICTED = "cancel restricted"
    BAD_PRICES = "bad prices"
    AMEND_REFUSED = "amend refused"
    NO_SUCH_LIST = "no such list"


class Refused(Exception):
    """A request is turned down and nothing is changed. `detail`: the filter's name, the full limit, or
    why an order cannot be amended."""

    def __init__(self, reason: Reason, detail: str = "", *, retry_after_s: int = 0) -> None:
        self.reason = reason
        self.detail = detail
        self.retry_after_s = retry_after_s
        super().__init__(f"{reason} {detail}".strip())
