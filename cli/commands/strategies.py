"""`trader strategies`: what there is to choose from (runbooks/strategies.md)."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.invocation import Invocation


def strategies(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Show the parameters of these.")
    ] = None,
) -> None:
    """List the strategies, what they need, and what can be set about them."""
    from cli.requests import known_strategy_name
    from cli.strategy_view import show_strategies
    from core.operations.strategies import strategy_cards

    invocation: Invocation = context.obj
    bar = invocation.settings.bar
    asked = [known_strategy_name(name) for name in dict.fromkeys(names or ())]
    show_strategies(invocation.console, strategy_cards(bar, asked), bar, with_parameters=bool(asked))
