"""Venues by name. A venue's client is imported when it is opened: some take half a second to load."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Final, Protocol, cast

from core.account import Environment
from core.budget import Budget
from core.clock import Clock
from core.errors import ConfigError
from core.keys.signing import SigningKey
from core.ports import HostFacts, Venue


class OpenVenue(Protocol):
    """Opens a venue at a base address, or at a host that was classified before."""

    def __call__(
        self,
        root: str | HostFacts,
        key: SigningKey | None,
        clock: Clock,
        *,
        name: str,
        budget: Budget | None = None,
    ) -> AbstractAsyncContextManager[Venue]: ...


_FACTORIES: Final[Mapping[str, tuple[str, str]]] = {
    "binance": ("exchanges.binance.client", "open_binance"),
    "paper": ("exchanges.binance.client", "open_binance"),  # it speaks Binance's wire
}

VENUE_NAMES: Final = tuple(_FACTORIES)

_ROOTS: Final[Mapping[tuple[str, Environment], str]] = {
    ("binance", Environment.TESTNET): "https://testnet.binance.vision",
    ("binance", Environment.MAINNET): "https://api.binance.com",
}


def official_root(name: str, environment: Environment) -> str:
    """Return the venue's own address for an environment. Raises ConfigError where it has none."""
    if (name, environment) not in _ROOTS:
        raise ConfigError(f"{name} has no official {environment} host", hint="set BINANCE_BASE_URL")
    return _ROOTS[name, environment]


def venue_factory(name: str) -> OpenVenue:
    """Return what opens the venue. Raises ConfigError for a name that is not in VENUE_NAMES."""
    if name not in _FACTORIES:
        raise ConfigError(f"there is no venue {name!r}", hint=f"venues: {', '.join(VENUE_NAMES)}")
    module, function = _FACTORIES[name]
    return cast(OpenVenue, getattr(import_module(module), function))
