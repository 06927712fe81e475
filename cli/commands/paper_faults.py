"""`trader paper faults`: what goes wrong in the paper exchange on purpose (runbooks/paper.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.console import UsageError
from cli.invocation import Invocation

if TYPE_CHECKING:
    from cli.paper_wiring import ActivePlan, Plan

HINT = "docs/faults.md shows plans and lists all faults"


def faults(
    context: typer.Context,
    action: Annotated[
        Literal["show", "set", "clear"], typer.Argument(help="What to do with the plan at work.")
    ] = "show",
    plan: Annotated[
        str | None, typer.Argument(metavar="[PLAN]", help="For `set`: the plan as JSON, or a file with it.")
    ] = None,
    state: Annotated[Path | None, typer.Option(help="Folder of the state; default: in the home.")] = None,
) -> None:
    """Show, set or clear the plan; every process that serves the state obeys it at once."""
    from cli.paper_wiring import paper_config, paper_exchange, paper_faults, set_paper_faults

    run: Invocation = context.obj
    if (plan is None) is (action == "set"):
        raise UsageError("`set` needs a plan" if plan is None else f"`{action}` takes no plan", hint=HINT)
    chosen = None if plan is None else _read(run.cwd, plan)
    config = paper_config(run.settings, "testnet", None if state is None else run.cwd / state)
    run.console.locate(venue="paper", environment=None)
    with paper_exchange(config) as exchange:
        if action != "show":
            set_paper_faults(exchange, chosen)
        active = paper_faults(exchange)
    _show(run, active)


def _read(folder: Path, plan: str) -> Plan:
    from cli.paper_wiring import fault_plan

    try:
        text = plan if plan.lstrip().startswith(("{", "[")) else (folder / plan).read_text(encoding="utf-8")
        return fault_plan(text)
    except OSError as error:
        raise UsageError(f"the plan {plan} cannot be read: {error.strerror}", hint=HINT) from None
    except ValueError as error:
        raise UsageError(str(error), hint=HINT) from None


def _show(run: Invocation, active: ActivePlan | None) -> None:
    if active is None:
        run.console.result(plan=None, began_ms=None, rules=[], replay=None)
        run.console.say("nothing goes wrong on purpose")
        return
    rules = [
        {"fault": rule.name, "fitted": tally.seen, "hit": tally.hit}
        for rule, tally in zip(active.plan.rules, active.tallies, strict=True)
    ]
    replay = active.plan.replay_line()
    run.console.result(plan=active.plan.as_data(), began_ms=active.began_ms, rules=rules, replay=replay)
    run.console.table(("fault", "fitted", "hit"), [tuple(rule.values()) for rule in rules])
    run.console.line(replay)
