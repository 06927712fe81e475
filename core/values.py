"""Amounts, prices and symbols: exact decimals that know what they count."""

from __future__ import annotations

import decimal
import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Self

EXACT = decimal.Context(
    prec=100,
    traps=[decimal.Inexact, decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)
"""Multiplication and addition of venue numbers never need rounding; if they would, that is a bug."""

_FLOOR = decimal.Context(prec=100, rounding=ROUND_FLOOR)
_CEILING = decimal.Context(prec=100, rounding=ROUND_CEILING)

MAX_DIGITS = 40
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?\Z", re.ASCII)


def parse_decimal(value: object, name: str) -> Decimal:
    """Return the exact number that the wire or a settings file gave as plain decimal text or integer.

    Refuses floats (already rounded), exponents, NaN, infinity and anything else with ValueError.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError(f"{name} was {_shown(value)}, which is not a decimal number")  # noqa: TRY004
    if isinstance(value, Decimal):
        # Written out, a number like 1E+999999999 would fill the memory.
        writable = value.is_finite() and abs(value.adjusted()) <= MAX_DIGITS
        text = format(value, "f") if writable else ""
    else:
        text = str(value)
    if len(text) > MAX_DIGITS or not _NUMBER.match(text):
        raise ValueError(f"{name} was {_shown(value)}, which is not a decimal number")
    return Decimal(text)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_DIGITS else text[:MAX_DIGITS] + "…"


def decimal_text(value: Decimal) -> str:
    """Return plain decimal text without exponent and without superfluous zeros: the journal's form."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def floor_to(value: Decimal, increment: Decimal) -> Decimal:
    """Round down to a multiple of `increment`; an increment of 0 means any value is allowed."""
    return _multiple(value, increment, _FLOOR)


def ceil_to(value: Decimal, increment: Decimal) -> Decimal:
    """Round up to a multiple of `increment`; an increment of 0 means any value is allowed."""
    return _multiple(value, increment, _CEILING)


def _multiple(value: Decimal, increment: Decimal, context: decimal.Context) -> Decimal:
    if increment == 0:
        return value
    # Rounded the same way twice: in the quotient's hundredth digit, then to the whole number.
    quotient = context.divide(value, increment)
    return EXACT.multiply(context.to_integral_value(quotient), increment)


@dataclass(frozen=True, order=True, slots=True)
class _Amount:
    """A quantity of one kind. Two kinds neither add nor compare: 25 USDT once became 25 BTC."""

    value: Decimal

    def __post_init__(self) -> None:
        if not isinstance(self.value, Decimal) or not self.value.is_finite():
            raise ValueError(f"{type(self).__name__} takes a finite Decimal, was {self.value!r}")

    def __add__(self, other: Self) -> Self:
        self._same_kind(other)
        return type(self)(EXACT.add(self.value, other.value))

    def __sub__(self, other: Self) -> Self:
        self._same_kind(other)
        return type(self)(EXACT.subtract(self.value, other.value))

    def _same_kind(self, other: object) -> None:
        if type(other) is not type(self):
            raise TypeError(f"{type(self).__name__} does not mix with {type(other).__name__}")

    def __str__(self) -> str:
        return decimal_text(self.value)


class Base(_Amount):
    """An amount of the asset that is bought or sold (BTC of BTCUSDT)."""

    __slots__ = ()


class Quote(_Amount):
    """An amount of the asset it is paid in (USDT of BTCUSDT)."""

    __slots__ = ()


def notional(quantity: Base, price: Decimal) -> Quote:
    """Return price x quantity, exactly."""
    return Quote(EXACT.multiply(quantity.value, price))


@dataclass(frozen=True, slots=True)
class Money:
    """An amount with its currency; adds only within the currency."""

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(EXACT.add(self.amount, other.amount), self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(EXACT.subtract(self.amount, other.amount), self.currency)

    def __neg__(self) -> Money:
        return Money(EXACT.minus(self.amount), self.currency)

    def _same_currency(self, other: Money) -> None:
        if other.currency != self.currency:
            raise TypeError(f"{self.currency} does not add to {other.currency}")

    def __str__(self) -> str:
        return f"{decimal_text(self.amount)} {self.currency}"


_SEPARATORS = re.compile(r"[/_-]")
_SYMBOL = re.compile(r"[A-Z0-9]{2,30}\Z", re.ASCII)


def canonical_symbol(text: str) -> str:
    """Return the venue's spelling: `btc/usdt`, `BTC-USDT` and `BTC/USDT:USDT` are all `BTCUSDT`.

    Raises ValueError for text that cannot be a symbol.
    """
    symbol = _SEPARATORS.sub("", text.strip().partition(":")[0]).upper()
    # Letters such as the long s become ASCII in upper case.
    if not text.isascii() or not _SYMBOL.match(symbol):
        raise ValueError(f"symbol was {_shown(text)}; symbols look like BTCUSDT")
    return symbol
