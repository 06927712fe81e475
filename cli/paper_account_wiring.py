"""Balances, fees and symbol states of the paper exchange, for the commands that change them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from cli.paper_wiring import PaperConfig, paper_exchange
from core.errors import ConfigError
from core.matching import UNIT
from exchanges.paper import Exchange, admin
from exchanges.paper.venue import UnknownAccount

SymbolStatus = Literal["TRADING", "HALT", "BREAK", "CANCEL_ONLY"]


@dataclass(frozen=True, slots=True)
class PaperBalance:
    asset: str
    free: Decimal
    locked: Decimal


@dataclass(frozen=True, slots=True)
class PaperFees:
    """Rates are fractions."""

    account: str
    maker_rate: Decimal
    taker_rate: Decimal
    in_bnb: bool


@dataclass(frozen=True, slots=True)
class PaperSymbol:
    symbol: str
    status: str


def deposit(config: PaperConfig, asset: str, amount: Decimal, account: str) -> PaperBalance:
    """Add to a balance, or take away when negative; return it. Raises ConfigError."""
    with _opened(config) as exchange:
        admin.deposit(exchange, asset, amount, account=account)
        with admin.as_account(exchange, account) as engine:
            held = {name: (free, locked) for name, free, locked in engine.world.balances()}
    free, locked = held[asset]
    return PaperBalance(asset, Decimal(free) / UNIT, Decimal(locked) / UNIT)


def fees(
    config: PaperConfig, account: str, maker: Decimal | None, taker: Decimal | None, *, in_bnb: bool | None
) -> PaperFees:
    """Set what is not None of an account's fees; return them as they are. Raises ConfigError."""
    with _opened(config) as exchange:
        before = _fees(exchange, account)
        if maker is not None or taker is not None:
            rates = [
                now if asked is None else asked
                for asked, now in ((maker, before.maker_rate), (taker, before.taker_rate))
            ]
            admin.set_fees(exchange, *rates, account=account)
        if in_bnb is not None:
            admin.set_bnb_fees(exchange, in_bnb, account=account)
        return _fees(exchange, account)


def symbols(config: PaperConfig) -> tuple[PaperSymbol, ...]:
    """Return every symbol with its trading status. Raises ConfigError."""
    with _opened(config) as exchange, exchange.transaction() as engine:
        return tuple(PaperSymbol(name, engine.status_of(name)) for name in engine.books.symbols)


def set_symbol(config: PaperConfig, symbol: str, status: SymbolStatus) -> None:
    """Halt or resume a symbol. Raises ConfigError."""
    with _opened(config) as exchange:
        admin.set_symbol_status(exchange, symbol, status)


def _fees(exchange: Exchange, account: str) -> PaperFees:
    found = admin.account(exchange, account)
    return PaperFees(
        account, Decimal(found.maker_rate) / UNIT, Decimal(found.taker_rate) / UNIT, found.pays_in_bnb
    )


@contextmanager
def _opened(config: PaperConfig) -> Iterator[Exchange]:
    with paper_exchange(config) as exchange:
        try:
            yield exchange
        except ValueError as error:
            raise ConfigError(str(error), hint="correct the argument") from None
        except UnknownAccount as error:
            raise ConfigError(
                str(error), hint="trader paper keys --new LABEL --account NAME makes one"
            ) from None
