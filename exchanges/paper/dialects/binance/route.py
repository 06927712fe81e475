"""What an endpoint is: its handler, who may call it, what it weighs and which parameters it reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from exchanges.paper.dialects.binance.call import Handler


class Security(Enum):
    """Who may call: anybody, who shows a key, a key that signs and may read, one that may trade."""

    NONE = "NONE"
    USER_STREAM = "USER_STREAM"
    USER_DATA = "USER_DATA"
    TRADE = "TRADE"


Weight = int | Callable[[dict[str, str]], int]


SIGNED = ("signature", "timestamp")
READ_WHEN_SIGNED = ("recvWindow", "newOrderRespType", "selfTradePreventionMode")
"""Taken by every signed endpoint, also where they mean nothing."""


@dataclass(frozen=True)
class Route:
    """One endpoint. `free_on_success`: its weight is charged only when it fails. `places`: once accepted, it
    reports the order count.
    """

    handler: Handler
    weight: Weight
    security: Security = Security.NONE
    mandatory: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    free_on_success: bool = False
    places: bool = False

    @cached_property
    def needs_signature(self) -> bool:
        return self.security in (Security.USER_DATA, Security.TRADE)

    @cached_property
    def required(self) -> tuple[str, ...]:
        return (*self.mandatory, *(SIGNED if self.needs_signature else ()))

    @cached_property
    def required_in_session(self) -> tuple[str, ...]:
        """What is required where the session vouches for who asks."""
        return tuple(name for name in self.required if name != "signature")

    @cached_property
    def known(self) -> frozenset[str]:
        """Every parameter the endpoint reads."""
        return frozenset(
            (*self.required, *self.optional, *(READ_WHEN_SIGNED if self.needs_signature else ()))
        )

    def weigh(self, values: dict[str, str]) -> int:
        return self.weight if isinstance(self.weight, int) else self.weight(values)


def by(name: str, with_it: int, without: int) -> Callable[[dict[str, str]], int]:
    """Return a weight that depends on whether a parameter is sent."""
    return lambda values: with_it if name in values else without


def selected_weight(each: int, most: int) -> Callable[[dict[str, str]], int]:
    """Return a weight a symbol, up to the most."""

    def weight(values: dict[str, str]) -> int:
        if "symbol" in values:
            return each
        return min(most, each * (values["symbols"].count(",") + 1)) if "symbols" in values else most

    return weight
