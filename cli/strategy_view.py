"""How strategies, their parameters and their decisions look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from cli.console import Console
from core.clock import iso_utc
from core.operations.progress import LETTERS, limits_text
from core.operations.signal import Signal
from core.operations.strategies import StrategyCard, needs_text
from core.strategies import LiveMarket, Series
from core.strategies.registry import evidence_of
from core.values import decimal_text

NONE = "–"


def show_strategies(
    console: Console, cards: Sequence[StrategyCard], interval: str, *, with_parameters: bool
) -> None:
    """Show all strategies in a line each, or every parameter of the ones that were named."""
    console.result(bar=interval, strategies=[_card_json(card) for card in cards])
    console.table(
        ["strategy", "closed bars", "what it does"],
        [
            [card.name, NONE if card.needs is None else needs_text(card.needs, interval), card.summary]
            for card in cards
        ],
    )
    for card in cards:
        if card.problem is not None:
            console.warn(card.problem)
        elif with_parameters:
            console.line()
            console.table(
                [f"parameter of {card.name}", "default", "range", "what it is"],
                [[each.name, each.default, each.range, each.about] for each in card.parameters],
            )
    if not with_parameters:
        console.say("`trader strategies NAME` shows the parameters of one")


def show_signal(console: Console, signal: Signal) -> None:
    """Show the decision, and everything it was made of."""
    decision, terms = signal.decision, signal.decision.terms
    console.result(
        strategy=signal.strategy.name,
        symbol=signal.traded.symbol,
        bar=signal.traded.interval,
        bar_closed_ms=signal.closed_ms,
        close=signal.close,
        action=decision.action,
        reason=decision.reason,
        label=decision.label,
        blocked=decision.blocked,
        readings=decision.readings,
        limits=decision.limits,
        breakdown=decision.breakdown,
        terms=terms,
        needs=_needs_json(signal.bars),
        live=None if signal.live is None else _live_json(signal.live),
        headlines=signal.headlines,
        parameters=evidence_of(signal.strategy),
    )
    label = "" if decision.label is None else f", {decision.label}"
    console.line(
        f"{signal.strategy.name} on {signal.traded.symbol} {signal.traded.interval}, bar closed "
        f"{iso_utc(signal.closed_ms)} at {decimal_text(signal.close)}"
    )
    console.line(f"{decision.action} ({decision.reason}{label}), asked as if nothing were held")
    console.line()
    limits = f" ({limits_text(decision.limits)})" if decision.limits else ""
    _numbers(console, f"reading{limits}", decision.readings)
    if decision.breakdown:
        console.line()
        _numbers(console, "part", decision.breakdown)
    if signal.live is not None:
        console.line()
        console.line(_live_text(signal.live))
    if decision.blocked:
        console.line()
        console.line(f"against an entry: {', '.join(decision.blocked)}")
    if terms is not None:
        target = "none" if terms.take_profit_rate is None else _percent(terms.take_profit_rate)
        size = "as the settings say" if terms.fraction is None else f"{_percent(terms.fraction)} of equity"
        console.line()
        console.line(
            f"stop {_percent(terms.stop_loss_rate)} away, target {target}, size {size}, "
            f"leverage {terms.leverage}"
        )


def _numbers(console: Console, what: str, values: Mapping[str, float | None]) -> None:
    rows = [
        [LETTERS.get(name, name.replace("_", " ")), "undefined" if value is None else f"{value:.8g}"]
        for name, value in values.items()
    ]
    console.table([what, "value"], rows)


def _live_json(live: LiveMarket) -> dict[str, object]:
    """Return what was seen beside bars, part by part; None: the venue does not tell it, or not now."""
    book: dict[str, object] = {
        "bid": live.bid,
        "ask": live.ask,
        "bid_quantities": live.bid_quantities,
        "ask_quantities": live.ask_quantities,
        "measured_ms": live.book_ts_ms,
    }
    flow: dict[str, object] = {
        "taker_buys": live.taker_buys,
        "taker_sells": live.taker_sells,
        "trades": live.trades,
        "measured_ms": live.tape_ts_ms,
    }
    premium: dict[str, object] = {"mark": live.mark, "index": live.index, "measured_ms": live.mark_ts_ms}
    funding: dict[str, object] = {"rate": live.funding_rate, "measured_ms": live.funding_ts_ms}
    parts = {"book": book, "flow": flow, "premium": premium, "funding": funding}
    return {name: None if part["measured_ms"] is None else part for name, part in parts.items()}


def _live_text(live: LiveMarket) -> str:
    known = {name: part is not None for name, part in _live_json(live).items()}
    seen = ", ".join(name for name, is_known in known.items() if is_known) or "nothing"
    missing = ", ".join(name for name, is_known in known.items() if not is_known)
    return f"seen beside bars: {seen}" + (f"; not told: {missing}, which count nothing" if missing else "")


def _percent(rate: Decimal) -> str:
    return f"{decimal_text(round(rate * 100, 4))} %"


def _card_json(card: StrategyCard) -> dict[str, object]:
    return {
        "name": card.name,
        "built_in": card.built_in,
        "summary": card.summary,
        "needs": None if card.needs is None else _needs_json(card.needs),
        "parameters": card.parameters,
        "vectorized": card.vectorized,
        "learns": card.learns,
        "problem": card.problem,
    }


def _needs_json(needs: Mapping[Series, int]) -> list[dict[str, object]]:
    return [
        {"symbol": series.symbol, "interval": series.interval, "bars": count}
        for series, count in needs.items()
    ]
