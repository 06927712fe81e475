"""`trader paper reset`, and what the commands of the paper exchange share (runbooks/paper.md)."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from cli.invocation import Invocation

PersonaOption = Annotated[
    Literal["testnet", "mainnet"], typer.Option(help="What the exchange plays; each has its own accounts.")
]
MAIN = "main"
"""The account of a persona that is meant where none is named."""


def reset(
    context: typer.Context,
    persona: PersonaOption = "testnet",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Wipe one persona's accounts as a testnet is wiped; keys stay."""
    from cli.paper_wiring import paper_config, paper_exchange

    run: Invocation = context.obj
    config = paper_config(run.settings, persona)
    run.console.locate(venue="paper", environment=persona)
    run.console.confirm(f"Wipe orders, trades and balances of all paper {persona} accounts?", yes=yes)
    with paper_exchange(config) as exchange:
        exchange.reset()
    run.console.result(persona=persona)
    run.console.say(f"all paper {persona} accounts start anew")
