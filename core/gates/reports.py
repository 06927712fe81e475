"""What was found out for some of the gates: of the key, the addresses, and what is traded live."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.ports import KeyFacts


@dataclass(frozen=True, slots=True)
class KeyReport:
    """The key in use. `facts`, `status`: None where the venue cannot say, as on a testnet.

    `exposed`: why it must not be used, "" when nothing is known; `used_on_testnet`: by this home; `traces`:
    where it was found on this machine; `other_homes`: that use the same key, None when that cannot be told.
    `exposure_ms`: when a key of this home was last exposed, None for never.
    """

    facts: KeyFacts | None
    status: str | None
    exposed: str
    used_on_testnet: bool
    traces: tuple[str, ...]
    other_homes: tuple[str, ...] | None
    exposure_ms: int | None


@dataclass(frozen=True, slots=True)
class AddressReport:
    """The pinned addresses of the quote asset, as "coin on network", and those that changed at the venue."""

    pinned: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LiveHistory:
    """What was traded live on one symbol: trades, first fill, and what they earned after fees, in quote."""

    trades: int
    first_fill_ms: int
    pnl: Decimal


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """What a live run is about to do. `phrase`: what has to be typed; `typed`: what was, None for nothing.

    `rehearsed`: what the venue said of the exact order, `refused`: why it would not take it, "" otherwise.
    """

    phrase: str
    typed: str | None
    rehearsed: str
    refused: str
