"""Symbols the market tests trade, with the ticks and steps of 2026."""

from __future__ import annotations

from decimal import Decimal

import pytest

from exchanges.paper.market import Market, SymbolSpec, synthetic


@pytest.fixture(scope="session")
def bitcoin() -> SymbolSpec:
    return SymbolSpec("BTCUSDT", Decimal("0.01"), Decimal("0.00001"), Decimal(60000), Decimal(10))


@pytest.fixture(scope="session")
def coarse() -> SymbolSpec:
    """A price of 1,200 ticks: rounding to the tick is felt in every minute."""
    return SymbolSpec("LTCBTC", Decimal("0.000001"), Decimal("0.001"), Decimal("0.0012"), Decimal(50))


@pytest.fixture(scope="session")
def market(bitcoin: SymbolSpec) -> Market:
    return synthetic(bitcoin, seed=7)
