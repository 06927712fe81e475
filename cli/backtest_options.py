"""The options that `trader backtest` and `trader sweep` share, and the job they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.console import UsageError
from cli.invocation import Invocation

if TYPE_CHECKING:
    from core.backtest.job import Job
    from core.backtest.market import Rules

StrategyOption = Annotated[str, typer.Option(metavar="NAME", help="The strategy to test.")]
SymbolsOption = Annotated[
    list[str] | None,
    typer.Option("--symbol", metavar="SYMBOL", help="What to trade; may be given more than once."),
]
BarOption = Annotated[
    str | None, typer.Option("--bar", metavar="INTERVAL", help="Bars that decisions are made on: 15m.")
]
DataOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--data", metavar="PATH", help="Files or folders of recorded bars; default: the home's data folder."
    ),
]
FillBarOption = Annotated[
    str | None,
    typer.Option("--fill-bar", metavar="INTERVAL", help="Bars that orders fill at; default: the finest."),
]
FillGapsOption = Annotated[
    bool, typer.Option("--fill-gaps", help="Let missing bars be flat ones at the last close.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the strategy: fast=12."),
]
BalanceOption = Annotated[str, typer.Option(metavar="AMOUNT", help="Quote to begin with.")]
FractionOption = Annotated[
    str | None,
    typer.Option(metavar="RATE", help="Of the free balance, per entry; default: BINANCE_RISK_FRACTION."),
]
MaxOrderOption = Annotated[
    str | None,
    typer.Option(metavar="AMOUNT", help="Cap of one entry; default: BINANCE_RISK_MAX_ORDER_USDT."),
]
FeeOption = Annotated[str, typer.Option(metavar="RATE", help="Fee of an order that takes: 0.001 is 0.1 %.")]
MakerFeeOption = Annotated[
    str | None, typer.Option(metavar="RATE", help="Fee of a target that rests; default: as --fee.")
]
SpreadOption = Annotated[str, typer.Option(metavar="BPS", help="From bid to ask.")]
SlippageOption = Annotated[str, typer.Option(metavar="BPS", help="How much worse an order fills.")]
LatencyOption = Annotated[
    str, typer.Option(metavar="DURATION", help="From the close of a bar to the fill: 500ms.")
]
TickOption = Annotated[str | None, typer.Option(metavar="PRICE", help="Tick; default: the finest recorded.")]
StepOption = Annotated[str | None, typer.Option(metavar="QUANTITY", help="Step of the quantity.")]
MinNotionalOption = Annotated[
    str | None, typer.Option(metavar="AMOUNT", help="Smallest order the venue takes.")
]
EngineOption = Annotated[
    Literal["auto", "plain", "jumping", "compiled"],
    typer.Option(
        help="plain: readable and slow; the others: quick, with the same result; auto: the quickest."
    ),
]


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line said, as text; None: not given."""

    strategy: str
    symbols: list[str] | None
    bar: str | None
    data: list[Path] | None
    fill_bar: str | None
    fill_gaps: bool
    since: str | None
    until: str | None
    balance: str
    fraction: str | None
    max_order: str | None
    fee: str
    maker_fee: str | None
    spread_bps: str
    slippage_bps: str
    latency: str
    tick: str | None
    step: str | None
    min_notional: str | None
    engine: Literal["auto", "plain", "jumping", "compiled"]


def job_of(run: Invocation, given: Given) -> Job:
    """Make the job; settings fill in what was not given. Raises UsageError naming the option."""
    from cli.moments import span_ms
    from core.account import CommissionRates
    from core.backtest.costs import Costs
    from core.backtest.job import Job
    from core.backtest.loading import DOLLARS, Asked, Source
    from core.backtest.market import assets
    from core.backtest.setup import Setup
    from core.clock import SystemClock
    from core.setting_values import duration_ms
    from core.values import Quote, canonical_symbol

    settings = run.settings
    try:
        symbols = tuple(map(canonical_symbol, given.symbols or [settings.symbol]))
        latency_ms = duration_ms(given.latency)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if len(set(symbols)) != len(symbols):
        raise UsageError("--symbol names the same symbol twice")
    start_ms, end_ms = span_ms(given.since, given.until, SystemClock().now_ms())
    bar = _interval("--bar", given.bar or settings.bar)
    fee = _fee("--fee", given.fee)
    try:
        costs = Costs(
            CommissionRates(
                maker_rate=fee if given.maker_fee is None else _fee("--maker-fee", given.maker_fee),
                taker_rate=fee,
            ),
            _number("--spread-bps", given.spread_bps),
            _number("--slippage-bps", given.slippage_bps),
            latency_ms,
        )
    except ValueError as error:
        raise UsageError(f"costs: {error}") from None
    balance = _positive("--balance", given.balance)
    fraction = settings.risk_fraction if given.fraction is None else _positive("--fraction", given.fraction)
    if fraction > 1:
        raise UsageError(f"--fraction was {fraction}, above 1")
    in_dollars = "USD" in assets(symbols[0])[1]
    return Job(
        strategy=given.strategy,
        source=Source(
            settings.home,
            tuple(run.cwd / path for path in given.data or ()),
            None if given.fill_bar is None else _interval("--fill-bar", given.fill_bar),
            given.fill_gaps,
        ),
        asked=Asked(
            symbols,
            bar,
            None if given.since is None else start_ms,
            None if given.until is None else end_ms,
            _rules(given, symbols),
        ),
        setup=Setup(
            Quote(balance),
            fraction,
            Quote(settings.risk_max_order.value)
            if given.max_order is None
            else Quote(_positive("--max-order", given.max_order)),
            settings.risk_max_slippage_rate,
            Quote(DOLLARS if in_dollars else Decimal(0)),
            costs,
            settings.position_rules,
        ),
        engine=given.engine,
    )


def changes_of(texts: Sequence[str]) -> dict[str, str]:
    """Read `name=value` pairs. Raises UsageError."""
    pairs: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise UsageError(f"--set was {text!r}; it takes a name and a value, as fast=12")
        if name.strip() in pairs:
            raise UsageError(f"--set names {name.strip()!r} twice")
        pairs[name.strip()] = value.strip()
    return pairs


def _rules(given: Given, symbols: tuple[str, ...]) -> dict[str, Rules]:
    from core.backtest.market import Rules

    texts = {"--tick": given.tick, "--step": given.step, "--min-notional": given.min_notional}
    if all(text is None for text in texts.values()):
        return {}
    missing = [name for name, text in texts.items() if text is None]
    if missing or len(symbols) > 1:
        raise UsageError(
            "--tick, --step and --min-notional are the rules of one symbol, and go together: "
            + (f"without {', '.join(missing)}" if missing else f"{len(symbols)} symbols were named")
        )
    values = [_positive(name, text or "") for name, text in texts.items()]
    return {symbols[0]: Rules(*values)}


def _interval(option: str, text: str) -> str:
    from core.intervals import interval_ms

    try:
        interval_ms(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None
    return text


def _number(option: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value.adjusted() > 20:
        raise UsageError(f"{option} was {text!r}, which is no number")
    return value


def _fee(option: str, text: str) -> Decimal:
    rate = _number(option, text)
    if not 0 <= rate < 1 or rate * 10**8 % 1:
        raise UsageError(f"{option} was {text}, not a fraction from 0 to below 1: 0.001 is 0.1 %")
    return rate


def _positive(option: str, text: str) -> Decimal:
    value = _number(option, text)
    if value <= 0 or value * 10**8 % 1:
        raise UsageError(f"{option} was {text}, not above 0 with at most 8 decimals")
    return value
