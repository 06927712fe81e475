"""The rules' two answers. Only `core.risk` makes an `Approved`, and only an `Approved` becomes an order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NoReturn, final

from core.errors import EXIT_CODE_OF, RiskDenied
from core.orders import OrderRequest, Purpose

APPROVAL_SEAL = object()
"""What makes an `Approved`. A test reads the sources: the name appears nowhere outside `core/risk/`."""


WAYS_OUT: Mapping[str, str] = MappingProxyType(
    {
        "TRADING_HALTED": "`trader status` shows the trading state; find out who set it, and why",
        "QUARANTINED": "`trader status` shows why; no entry follows until a human decides",
        "BREAKER_LATCHED": "find out why: `trader status` shows it, and the line that resets it",
        "NOT_ALLOWED_SYMBOL": "add the symbol to BINANCE_SYMBOLS_ALLOWED, or trade another one",
        "SYMBOL_NOT_TRADING": "wait until the venue trades it again, or choose another symbol",
        "ORDER_IN_FLIGHT": "`trader status` shows it; no entry follows until its fate is known",
        "FRACTION_EXCEEDED": "move funds to the account, or raise BINANCE_RISK_FRACTION",
        "NOTIONAL_EXCEEDS_CAP": "raise BINANCE_RISK_MAX_ORDER_USDT, or choose another symbol",
        "PRICE_OUT_OF_BAND": "wait for a calmer market; BINANCE_RISK_PRICE_BAND_RATE is the band",
        "STALE_QUOTE": "try again on a quieter network",
        "STALE_BAR": "the venue's bars have stopped: try again when it makes new ones",
        "EMPTY_BOOK": "wait until the book has prices again, or choose another symbol",
        "OPEN_POSITIONS_REACHED": "sell one (see `trader status`), or raise BINANCE_RISK_MAX_POSITIONS",
        "POSITION_LIMIT": "sell some of it, or raise BINANCE_RISK_MAX_ASSET_EXPOSURE",
        "GROSS_LIMIT": "sell something, or raise BINANCE_RISK_MAX_EXPOSURE",
        "VAR_UNKNOWN": "choose a symbol with a longer history, or unset LIVE_MAX_VAR",
        "VAR_LIMIT": "sell something, or raise LIVE_MAX_VAR",
        "DAILY_TRADES_REACHED": "wait for the next UTC day",
        "DAILY_LOSS_REACHED": "wait for the next UTC day",
    }
)
"""Reason code -> what the operator can do about it, where there is something."""


class AlreadySpent(Exception):
    """Somebody tried to make two orders of one approval. Always a bug."""


@final
class Approved:
    """One order request that passed every rule that binds it.

    `numbers`: name -> plain text of what it was approved on, for the journal. Immutable and impossible to
    copy, pickle or subclass: an approval belongs to one request and one moment, and becomes one order.
    """

    __slots__ = ("_spent", "numbers", "request")

    request: OrderRequest
    numbers: Mapping[str, str]
    _spent: bool

    def __init__(self, seal: object, request: OrderRequest, numbers: Mapping[str, str]) -> None:
        if seal is not APPROVAL_SEAL:
            raise TypeError("only the risk rules make an Approved; ask core.risk.approve")
        object.__setattr__(self, "request", request)
        object.__setattr__(self, "numbers", MappingProxyType(dict(numbers)))
        object.__setattr__(self, "_spent", False)

    @property
    def purpose(self) -> Purpose:
        return self.request.purpose

    def spend(self) -> OrderRequest:
        """Return the request for the one intent it becomes. Raises AlreadySpent the second time."""
        if self._spent:
            raise AlreadySpent(repr(self))
        object.__setattr__(self, "_spent", True)
        return self.request

    def __repr__(self) -> str:
        return f"Approved({self.request!r})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"an Approved is immutable: {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"an Approved is immutable: {name} cannot be deleted")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an Approved can be neither copied nor pickled")

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("an Approved has no subclasses")


@dataclass(frozen=True, slots=True)
class Denied:
    """Our rule said no; nothing was sent. `reason` is a code of `core.errors.CONDITIONS`.

    `details` is JSON-ready; from `approve`, `details["also"]` lists the codes of all other denials.
    """

    reason: str
    message: str
    details: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.reason not in EXIT_CODE_OF:
            raise ValueError(f"reason code {self.reason} is not in CONDITIONS")

    def as_error(self) -> RiskDenied:
        """Return the error that an operation raises when it gives up on this order."""
        return RiskDenied(
            self.message, code=self.reason, hint=WAYS_OUT.get(self.reason), details=self.details
        )
