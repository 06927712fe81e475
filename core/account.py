"""Whose books these are, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Environment(StrEnum):
    TESTNET = "testnet"
    MAINNET = "mainnet"


@dataclass(frozen=True, slots=True)
class AccountKey:
    """The key of every intent, fill, position and evidence.

    `epoch` counts the wipes of a testnet account, because venue ids restart after one.
    """

    venue: str
    environment: Environment
    host: str
    uid: str
    epoch: int = 0

    def __str__(self) -> str:
        return f"{self.venue}:{self.environment}:{self.host}:{self.uid}:{self.epoch}"


@dataclass(frozen=True, slots=True)
class Balance:
    asset: str
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        return self.free + self.locked


@dataclass(frozen=True, slots=True)
class CommissionRates:
    """Fractions of the received amount: 0.001 is 0.1 %."""

    maker_rate: Decimal
    taker_rate: Decimal


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """The venue's view of an account at one moment. `balances`: asset -> Balance, zero ones left out."""

    uid: str
    can_trade: bool
    balances: Mapping[str, Balance]
    commission: CommissionRates
    ts_recv_ms: int

    def free(self, asset: str) -> Decimal:
        balance = self.balances.get(asset)
        return balance.free if balance else Decimal(0)
