"""The one door to the order path: a request goes in, an `Approved` or a `Denied` comes out."""

from __future__ import annotations

from dataclasses import replace

from core.orders import OrderRequest, OrderType, Side, TimeInForce
from core.risk.approval import APPROVAL_SEAL, Approved, Denied
from core.risk.facts import ZERO, RiskFacts, RiskLimits
from core.risk.rules import RULES, effect
from core.risk.ruling import order_notional
from core.values import decimal_text


def approve(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> Approved | Denied:
    """Run every rule that binds this request. The first denial wins; its `details["also"]` lists the others.

    Raises ValueError for a request that no caller should ever make: another symbol than the facts, no
    quantity, a purpose that contradicts the side, an entry whose cap the venue could not enforce.
    """
    _refuse_nonsense(request, facts)
    touched = effect(request)
    denials = [
        denied for rule in RULES if touched in rule.binds and (denied := rule.check(request, facts, limits))
    ]
    if not denials:
        return Approved(APPROVAL_SEAL, request, _numbers(request, facts, limits))
    first, *others = denials
    return replace(first, details={**first.details, "also": [other.reason for other in others]})


def _refuse_nonsense(request: OrderRequest, facts: RiskFacts) -> None:
    if request.symbol != facts.instrument.symbol:
        raise ValueError(f"an order for {request.symbol} was judged by facts of {facts.instrument.symbol}")
    # A negative sale would pass every "not more than" rule.
    if request.quantity.value <= ZERO:
        raise ValueError(f"the quantity was {request.quantity}")
    for price in (request.price, request.stop_price, request.decision_price):
        if price is not None and not price.is_finite():
            raise ValueError(f"a price was {price}")
    # A purchase that calls itself an exit would escape the rules that limit entries.
    if request.purpose.increases_risk is not (request.side is Side.BUY):
        raise ValueError(f"a {request.side} cannot have the purpose {request.purpose}")
    if request.purpose.increases_risk and not (
        request.order_type is OrderType.LIMIT
        and request.time_in_force is TimeInForce.IOC
        and request.price is not None
    ):
        raise ValueError("an entry is LIMIT IOC with a price, so that the venue itself enforces the cap")


def _numbers(request: OrderRequest, facts: RiskFacts, limits: RiskLimits) -> dict[str, str]:
    return {
        "approved_ms": str(facts.now_ms),
        "notional": str(order_notional(request)),
        "best_bid": decimal_text(facts.best_bid),
        "best_ask": decimal_text(facts.best_ask),
        "average_price": "" if facts.average_price is None else decimal_text(facts.average_price),
        "free_quote": str(facts.free_quote),
        "free_base": str(facts.free_base),
        "position": str(facts.position),
        "risk_fraction": decimal_text(limits.risk_fraction),
        "cap": str(limits.max_order),
        "equity": "" if facts.portfolio is None else str(facts.portfolio.equity),
    }
