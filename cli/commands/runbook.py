"""`trader runbook`: what to do, ticked off against reality (runbooks/runbook.md)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import UsageError
from cli.invocation import Invocation
from core.errors import TraderError
from core.gates import DEFAULT_STRATEGY

if TYPE_CHECKING:
    from core.operations.runbook import TickedStep
    from core.runbooks import Page

NOT_ASKED = "not asked: --offline"


def runbook(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Which; without it, all are listed.")] = None,
    only_next: Annotated[bool, typer.Option("--next", help="Show only the step that comes next.")] = False,
    done: Annotated[
        int | None, typer.Option(metavar="STEP", help="Tick a step that only you can tick.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="What you saw or did, for the journal.")] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody: the text, and what you ticked.")
    ] = False,
    symbol: Annotated[str | None, typer.Option(help="As for check; default: BINANCE_SYMBOL.")] = None,
    strategy: Annotated[str, typer.Option(help="As for check: whose self-test to run.")] = DEFAULT_STRATEGY,
) -> None:
    """Show what to do, and which of it is done."""
    from cli.runbook_pages import all_pages, page_named
    from cli.runbook_view import next_shown, page_result, page_shown, pages_listed

    run: Invocation = context.obj
    if name is None:
        if only_next or done is not None or note is not None:
            raise UsageError("this is about one runbook: name it", hint="`trader runbook` lists them")
        pages_listed(run.console, all_pages())
        return
    page = page_named(name)
    if not page.steps and (only_next or done is not None):
        raise UsageError(f"{name} is a page to read, without steps", hint=f"`trader runbook {name}`")
    if done is not None:
        _tick(run, page, done, note)
        return
    if note is not None:
        raise UsageError("--note goes with --done STEP")
    ticked, failure = _steps(run, page, symbol, strategy, offline=offline)
    page_result(run.console, page, ticked)
    show = next_shown if only_next else page_shown
    show(run.console, page, ticked)
    if failure is not None:
        raise failure


def _steps(
    run: Invocation, page: Page, symbol: str | None, strategy: str, *, offline: bool
) -> tuple[tuple[TickedStep, ...], TraderError | None]:
    """Return the steps as they stand, and what kept them from being asked: the page is shown all the same."""
    from cli.requests import check_plan
    from cli.wiring import Wiring
    from core.clock import SystemClock
    from core.operations.runbook import tick_off, ticks_of, unasked
    from core.strategies import strategy as named

    clock, wiring = SystemClock(), Wiring(run)
    if not page.steps:
        return (), None
    try:
        if not offline:
            plan = check_plan(run.settings, symbol, strategy)
            return asyncio.run(tick_off(wiring, plan, named(strategy), page, clock)), None
        with wiring.read_journal() as journal:
            return unasked(page, NOT_ASKED, ticks_of(journal, page, clock.now_ms())), None
    except UsageError:
        raise
    except TraderError as failure:
        return unasked(page, f"not asked: {failure.message}", {}), failure


def _tick(run: Invocation, page: Page, number: int, note: str | None) -> None:
    from cli.wiring import Wiring
    from core.clock import SystemClock
    from core.operations.runbook import tick

    step = next((each for each in page.steps if each.number == number), None)
    if step is None:
        raise UsageError(
            f"{page.name} has no step {number}",
            hint=f"it has {len(page.steps)}: `trader runbook {page.name}`",
        )
    if not step.is_manual:
        told = [*step.gates] if step.evidence is None else [*step.gates, f"evidence of stage {step.evidence}"]
        told += [f"the drill {each}" for each in step.drills]
        raise UsageError(
            f"step {number} of {page.name} is not ticked by hand, but by {', '.join(told)}",
            hint=f"`{step.command}`" if step.command else f"`trader runbook {page.name} --next`",
        )
    said = " ".join((note or "").split())
    if not said:
        raise UsageError("--done needs its --note, for the journal", hint="say what you saw or did")
    with Wiring(run).write_journal(SystemClock()) as journal:
        tick(journal, page, step, said)
    run.console.result(runbook=page.name, done=number, note=said)
    run.console.say(
        f"step {number} of {page.name} is done; `trader runbook {page.name} --next` shows the next"
    )
