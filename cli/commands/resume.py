"""`trader resume`: lift a halt, with a reason (runbooks/resume.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.cancel_all import YesOption
from cli.console import UsageError
from cli.invocation import Invocation
from core.risk.breakers import Breaker

if TYPE_CHECKING:
    from cli.console import Console
    from cli.wiring import Wiring
    from core.account import AccountKey


def resume(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why trading may go on, for the journal.")],
    breaker: Annotated[
        Breaker | None, typer.Option(help="Reset this breaker alone, and lift no halt.")
    ] = None,
    yes: YesOption = False,
) -> None:
    """Lift a halt of the accounts that the settings select, or reset one breaker."""
    from cli.reducing_views import resume_plan_shown, resume_result
    from cli.wiring import Wiring
    from core.clock import SystemClock
    from core.operations.halt import resume as run_resume
    from core.operations.halt import resume_plan

    invocation: Invocation = context.obj
    console, wiring = invocation.console, Wiring(invocation)
    if not reason.strip():
        raise UsageError("--reason was empty", hint="say why trading may go on; the journal keeps it")
    environment = wiring.settings.environment
    wiring.locate(environment)
    place = f"{wiring.venue_name} {environment}"
    with wiring.read_journal() as journal:
        accounts = [
            key
            for key in journal.accounts()
            if (key.venue, key.environment) == (wiring.venue_name, environment)
        ]
        plan = resume_plan(journal, accounts)
    if breaker is not None:
        _reset(wiring, console, accounts, breaker, reason.strip(), yes=yes, place=place)
        return
    plan.raise_if_in_doubt()
    if not plan.is_needed:
        resume_result(console, plan, place)
        return
    resume_plan_shown(console, plan)
    console.confirm(f"Let trading go on at {place}?", yes=yes)
    with wiring.write_journal(SystemClock()) as journal:
        plan = run_resume(journal, plan, reason.strip())
    resume_result(console, plan, place)


def _reset(
    wiring: Wiring,
    console: Console,
    accounts: Sequence[AccountKey],
    breaker: Breaker,
    reason: str,
    *,
    yes: bool,
    place: str,
) -> None:
    from cli.reducing_views import breaker_plan_shown, breaker_result
    from core.clock import SystemClock
    from core.operations.breakers import latched_on, reset_breaker

    with wiring.read_journal() as journal:
        latched = latched_on(journal, accounts, breaker)
    if latched:
        breaker_plan_shown(console, latched)
        console.confirm(f"Reset {breaker} at {place}?", yes=yes)
        with wiring.write_journal(SystemClock()) as journal:
            reset_breaker(journal, latched, breaker, reason)
    breaker_result(console, breaker, latched, place)
