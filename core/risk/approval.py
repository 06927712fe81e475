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


@final
class Approved:
    """One order request that passed every rule that binds it.

    `numbers`: name -> plain text of what it was approved on, for the journal. Immutable and impossible to
    copy, pickle or subclass: an approval belongs to one request and one moment.
    """

    __slots__ = ("numbers", "request")

    request: OrderRequest
    numbers: Mapping[str, str]

    def __init__(self, seal: object, request: OrderRequest, numbers: Mapping[str, str]) -> None:
        if seal is not APPROVAL_SEAL:
            raise TypeError("only the risk rules make an Approved; ask core.risk.approve")
        object.__setattr__(self, "request", request)
        object.__setattr__(self, "numbers", MappingProxyType(dict(numbers)))

    @property
    def purpose(self) -> Purpose:
        return self.request.purpose

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
        return RiskDenied(self.message, code=self.reason, details=self.details)
