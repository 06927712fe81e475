"""`trader paper deposit`, `fees` and `symbol`: money in, its price, trading on or off (runbooks/paper.md)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.commands.paper import MAIN, PersonaOption
from cli.console import UsageError
from cli.invocation import Invocation

StateOption = Annotated[Path | None, typer.Option(help="Folder of the state; default: in the home.")]


def deposit(
    context: typer.Context,
    asset: Annotated[str, typer.Argument(metavar="ASSET", help="What to deposit: USDT.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much, above zero.")],
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take it out instead.")] = False,
    account: Annotated[str, typer.Option(metavar="NAME", help="Whose balance.")] = MAIN,
    persona: PersonaOption = "testnet",
    state: StateOption = None,
) -> None:
    """Credit toy money as a deposit, or take it out; the venue's histories and streams show it."""
    from cli.paper_account_wiring import deposit as deposit_on_paper
    from cli.paper_wiring import paper_config

    run: Invocation = context.obj
    change = _amount(amount)
    config = paper_config(run.settings, persona, None if state is None else run.cwd / state)
    run.console.locate(venue="paper", environment=persona)
    held = deposit_on_paper(config, asset.upper(), -change if withdraw else change, account)
    run.console.result(balance=held)
    run.console.table(("asset", "free", "locked"), [(held.asset, f"{held.free:f}", f"{held.locked:f}")])


def fees(
    context: typer.Context,
    maker: Annotated[
        str | None, typer.Option(metavar="RATE", help="Of fills that rested, a fraction: 0.001 is 0.1 %.")
    ] = None,
    taker: Annotated[
        str | None, typer.Option(metavar="RATE", help="Of fills that took from the book, a fraction.")
    ] = None,
    bnb: Annotated[
        bool | None, typer.Option("--bnb/--no-bnb", help="Pay in BNB at a discount while there is some.")
    ] = None,
    account: Annotated[str, typer.Option(metavar="NAME", help="Whose fees.")] = MAIN,
    persona: PersonaOption = "testnet",
    state: StateOption = None,
) -> None:
    """Show what an account's fills cost, or set it, also in a running server."""
    from cli.paper_account_wiring import fees as fees_on_paper
    from cli.paper_wiring import paper_config

    run: Invocation = context.obj
    rates = [
        None if text is None else _rate(name, text) for name, text in (("--maker", maker), ("--taker", taker))
    ]
    config = paper_config(run.settings, persona, None if state is None else run.cwd / state)
    run.console.locate(venue="paper", environment=persona)
    now = fees_on_paper(config, account, *rates, in_bnb=bnb)
    run.console.result(fees=now)
    row = (now.account, f"{now.maker_rate:f}", f"{now.taker_rate:f}", "yes" if now.in_bnb else "no")
    run.console.table(("account", "maker", "taker", "in BNB"), [row])


def symbol(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[SYMBOL]", help="Whose state to change: BTCUSDT.")
    ] = None,
    status: Annotated[
        Literal["TRADING", "HALT", "BREAK", "CANCEL_ONLY"] | None,
        typer.Option(help="The state it is to have.", case_sensitive=False),
    ] = None,
    persona: PersonaOption = "testnet",
    state: StateOption = None,
) -> None:
    """Show the symbols' states, or set one: a halted symbol takes no orders, and still cancels."""
    from cli.paper_account_wiring import set_symbol, symbols
    from cli.paper_wiring import paper_config

    run: Invocation = context.obj
    if (name is None) is not (status is None):
        raise UsageError(
            "a symbol and its --status go together", hint="trader paper symbol BTCUSDT --status HALT"
        )
    config = paper_config(run.settings, persona, None if state is None else run.cwd / state)
    run.console.locate(venue="paper", environment=persona)
    if name is not None and status is not None:
        set_symbol(config, name.upper(), status)
    shown = symbols(config)
    if name is not None:
        shown = tuple(each for each in shown if each.symbol == name.upper())
    run.console.result(symbols=shown)
    run.console.table(("symbol", "status"), [(each.symbol, each.status) for each in shown])


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise UsageError(
            f"AMOUNT was {text!r}, not a number", hint="as in: trader paper deposit USDT 1000"
        ) from None
    if not (amount.is_finite() and amount > 0):
        raise UsageError(f"AMOUNT was {text}, must be above zero", hint="--withdraw takes money out")
    return amount


def _rate(option: str, text: str) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        raise UsageError(f"{option} was {text!r}, not a number", hint="0.001 is 0.1 %") from None
    if not (rate.is_finite() and 0 <= rate < 1):
        raise UsageError(f"{option} was {text}, must be a fraction from 0 to below 1", hint="0.001 is 0.1 %")
    return rate
