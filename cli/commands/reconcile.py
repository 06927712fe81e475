"""`trader reconcile`: compare our books with the venue's (runbooks/reconcile.md)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from cli.invocation import Invocation
from cli.moments import SINCE_HELP

if TYPE_CHECKING:
    from cli.console import Console
    from cli.wiring import Wiring
    from core.account import Environment
    from core.errors import TraderError
    from core.operations.reconcile import Wanted
    from core.operations.reconcile_result import ReconcileResult


def reconcile(
    context: typer.Context,
    since: Annotated[str | None, typer.Option(metavar="TIME", help=SINCE_HELP)] = None,
    full: Annotated[bool, typer.Option("--full", help="Compare again from first contact on.")] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="BREAK", help="Accept this break as it is; may be given several times."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why it is accepted; the journal keeps it.")] = None,
) -> None:
    """Compare our books with the venue's, and name every difference."""
    from cli.requests import reconcile_wanted
    from cli.wiring import Wiring
    from core.clock import SystemClock
    from core.errors import TraderError
    from core.run_lock import only_run

    invocation: Invocation = context.obj
    clock, settings = SystemClock(), invocation.settings
    wanted = reconcile_wanted(settings, since, full, accept or [], reason, clock.now_ms())
    wiring = Wiring(invocation)
    wiring.locate(settings.environment)
    _refuse_without_books(wiring, settings.environment)
    with only_run(settings.home, "reconcile", "RECONCILE_RUNNING"):
        run = _Run(wiring, clock.now_ms())
        try:
            asyncio.run(run.reconcile(wanted))
        except TraderError as failure:
            run.show(failure, clock.now_ms())
            raise
        run.show(None, clock.now_ms())
        if run.result is not None:
            run.result.raise_if_different()


def _refuse_without_books(wiring: Wiring, environment: Environment) -> None:
    """Raise ConfigError NO_BOOKS before a key is used: a cron job that looks elsewhere must not be clean."""
    from core.errors import ConfigError

    venue = wiring.venue_name
    with wiring.read_journal() as journal:
        known = journal.accounts()
        home = journal.home
    if not any((key.venue, key.environment) == (venue, environment) for key in known):
        others = f"; it knows {', '.join(map(str, known))}" if known else ""
        raise ConfigError(
            f"the journal in {home} knows no account on {venue} {environment}{others}: nothing was compared",
            code="NO_BOOKS",
            hint="name the right home and settings file: --home, --env-file; the first stage opens books",
        )


class _Run:
    """One run: what it found, shown and kept even when it ends early. `result`: None before the account."""

    def __init__(self, wiring: Wiring, started_ms: int) -> None:
        self.wiring = wiring
        self.started_ms = started_ms
        self.result: ReconcileResult | None = None

    @property
    def console(self) -> Console:
        return self.wiring.invocation.console

    async def reconcile(self, wanted: Wanted) -> None:
        from core.operations.reconcile import reconcile as compare
        from core.operations.reconcile_result import ReconcileResult

        async with (
            self.wiring.venue(self.wiring.settings.environment) as venue,
            self.wiring.account_books(venue) as desk,
        ):
            self.result = ReconcileResult(desk.account, self.started_ms)
            await compare(desk, wanted, self.result, tell=self.console.progress)

    def show(self, failure: TraderError | None, now_ms: int) -> None:
        from cli.reconcile_view import reconcile_record, reconcile_result, reconcile_text
        from cli.run_reports import write_run_report

        record: dict[str, object] = {"started_ms": self.started_ms}
        lines = []
        if self.result is not None:
            reconcile_result(self.console, self.result, now_ms)
            record, lines = reconcile_record(self.result), list(reconcile_text(self.result))
        if failure is not None:
            record["error"] = {"code": failure.code, "message": failure.message}
            lines.append(f"NOT COMPLETE: {failure.code}: {failure.message}")
        path = write_run_report(self.wiring.settings.home, "reconcile", self.started_ms, lines, record)
        self.console.result(report=path)
        if self.console.shows_all:
            self.console.say(f"report {path}")
