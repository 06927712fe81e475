"""`trader stage`: run a stage, or say which gate is closed (runbooks/stage.md)."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cli.invocation import Invocation
from core.gates import DEFAULT_STRATEGY
from core.stages import EntryMode


def stage(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="0|1|2", help="0 dry run, 1 testnet, 2 live.")],
    symbol: Annotated[str | None, typer.Option(help="What to trade; default: BINANCE_SYMBOL.")] = None,
    trades: Annotated[
        str, typer.Option(metavar="COUNT", help="Round trips: buy, then sell; at most 1000.")
    ] = "1",
    entry: Annotated[
        EntryMode, typer.Option(help="probe: buy at once; signal: when the strategy says so.")
    ] = EntryMode.PROBE,
    strategy: Annotated[str, typer.Option(help="Whose signal, self-test and stop.")] = DEFAULT_STRATEGY,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter; other ones are other evidence."),
    ] = None,
    soak: Annotated[
        str, typer.Option(help="Spread the trades over this time, e.g. 1h; needs 2 trades or more.")
    ] = "0s",
    wait: Annotated[str, typer.Option(help="Wait for signals at most this long; then sell and end.")] = "8h",
    confirm: Annotated[
        str | None, typer.Option(metavar="PHRASE", help="Stage 2: the phrase that names what will be spent.")
    ] = None,
) -> None:
    """Run stage 0, 1 or 2 on the way to live money."""
    from cli.backtest_options import changes_of
    from cli.presenting import StageView, next_command, stage_result
    from cli.requests import made_strategy, stage_plan
    from cli.supervisor import Supervisor
    from cli.wiring import Wiring
    from core.ids import system_random
    from core.operations.stage import run_stage
    from core.operations.stage_result import StageResult

    invocation: Invocation = context.obj
    plan = stage_plan(invocation.settings, number, symbol, trades, entry, strategy, soak, wait)
    chosen = made_strategy(plan.strategy, changes_of(changes or []))
    result = StageResult(plan)
    wiring = Wiring(invocation, phrase=confirm)
    supervisor = Supervisor(invocation.environ)
    wiring.locate(plan.stage.environment)

    async def run() -> None:
        with wiring.stoppable():
            supervisor.ready()
            view = StageView(invocation.console, plan, supervisor.alive)
            await run_stage(wiring, plan, chosen, view, result, system_random)

    try:
        asyncio.run(run())
    finally:
        supervisor.stopping()
        stage_result(invocation.console, result)
    invocation.console.say(f"next: {next_command(plan)}")
