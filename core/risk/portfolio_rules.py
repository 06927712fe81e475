"""The rules about all that we hold: each judges the portfolio as it would be after the order."""

from __future__ import annotations

import math
from decimal import Decimal

from core.orders import OrderRequest
from core.risk.approval import Denied
from core.risk.facts import ZERO, RiskFacts, RiskLimits
from core.risk.portfolio import Portfolio
from core.risk.ruling import denied, order_notional
from core.risk.sellable import DOWN
from core.values import Quote, ceil_to, decimal_text

NOTHING = Quote(ZERO)
SEED = 42
"""One seed for every order: the same holdings and bars give the same answer, now and in a replay."""


def portfolio_known(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    if facts.portfolio is not None or not facts.measured:
        return None
    return denied("PORTFOLIO_UNKNOWN", "what the account holds was not looked at")


def open_positions(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    held = [] if facts.portfolio is None else [each.symbol for each in facts.portfolio.held]
    most = limits.portfolio.positions_max
    if request.symbol in held or len(held) < most:
        return None
    message = f"{len(held)} positions are open ({', '.join(held)}); the limit is {most}"
    return denied("OPEN_POSITIONS_REACHED", message, open_positions=len(held), positions_max=most)


def asset_exposure(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    if facts.portfolio is None:
        return None
    asset = facts.instrument.base_asset
    held = _total(facts.portfolio, asset)
    what = f"exposure to {asset}"
    return _exceeds("POSITION_LIMIT", what, held, request, facts, limits.portfolio.asset_rate)


def total_exposure(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    """On a spot account nothing is short: net and gross exposure are one."""
    if facts.portfolio is None:
        return None
    held = _total(facts.portfolio)
    return _exceeds("GROSS_LIMIT", "total exposure", held, request, facts, limits.portfolio.exposure_rate)


def value_at_risk(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Denied | None:
    """The larger of the simulated and the historical one: one day, 95 %."""
    rate, portfolio = limits.portfolio.var_rate, facts.portfolio
    if rate is None or portfolio is None or not facts.measured:
        return None
    values = {each.symbol: each.value for each in portfolio.held if each.value is not None}
    values[request.symbol] = values.get(request.symbol, NOTHING) + order_notional(request)
    try:
        at_risk, told = _at_risk(values, portfolio, facts.instrument.quote_precision)
    except ValueError as error:
        return denied("VAR_UNKNOWN", f"no Value at Risk of {', '.join(values)}: {error}")
    allowed = Quote(DOWN.multiply(portfolio.equity.value, rate))
    if at_risk <= allowed:
        return None
    asset = facts.instrument.quote_asset
    message = (
        f"Value at Risk {at_risk} {asset} (1 day, 95 %; {told}) exceeds {allowed} {asset}, "
        f"the fraction {decimal_text(rate)} of the equity {portfolio.equity} {asset}"
    )
    return denied(
        "VAR_LIMIT", message, value_at_risk=at_risk, allowed=allowed, equity=portfolio.equity, paths_seed=SEED
    )


def _total(portfolio: Portfolio, base_asset: str | None = None) -> Quote:
    total = NOTHING
    for each in portfolio.held:
        if each.value is not None and base_asset in (None, each.base_asset):
            total += each.value
    return total


def _exceeds(
    reason: str, what: str, held: Quote, request: OrderRequest, facts: RiskFacts, rate: Decimal
) -> Denied | None:
    assert facts.portfolio is not None  # noqa: S101 - every caller looked
    equity, asset = facts.portfolio.equity, facts.instrument.quote_asset
    after, allowed = held + order_notional(request), Quote(DOWN.multiply(equity.value, rate))
    if after <= allowed:
        return None
    message = (
        f"{what} would be {after} {asset}, above {allowed} {asset}, "
        f"the fraction {decimal_text(rate)} of the equity {equity} {asset}"
    )
    return denied(reason, message, exposure=after, held=held, allowed=allowed, equity=equity)


def _at_risk(values: dict[str, Quote], portfolio: Portfolio, digits: int) -> tuple[Quote, str]:
    """Return the Value at Risk, rounded up, and how it came about. Raises ValueError."""
    import numpy as np

    from core.risk.var import historical, simulated

    returns = portfolio.returns
    missing = values.keys() - set(() if returns is None else returns.symbols)
    if returns is None or missing:
        raise ValueError(f"the daily returns of {', '.join(sorted(missing))} were not read")
    symbols = sorted(values)  # in whatever order things were bought, the paths are the same
    rows = returns.rows[:, [returns.symbols.index(symbol) for symbol in symbols]]
    amounts = np.array([float(values[symbol].value) for symbol in symbols])
    drawn = simulated(amounts, rows, np.random.Generator(np.random.PCG64(SEED)))
    past = historical(amounts, rows)
    losses = [_rounded_up(each.value_at_risk, digits) for each in (drawn, past)]
    shortfall = _rounded_up(max(drawn.shortfall, past.shortfall), digits)
    told = f"simulated {losses[0]}, historical {losses[1]}, expected shortfall {shortfall}"
    if not drawn.correlated:
        told += ", the assets taken for independent"
    return max(losses), told


def _rounded_up(amount: float, digits: int) -> Quote:
    """Cross from float64 to Decimal on the cautious side. Raises ValueError for what is no number."""
    if not math.isfinite(amount):
        raise ValueError(f"it came out as {amount}")
    return Quote(ceil_to(Decimal(amount), Decimal(1).scaleb(-digits)))
