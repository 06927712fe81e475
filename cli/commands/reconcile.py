"""`trader reconcile`: compare our books with the venue's (runbooks/reconcile.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.cancel_all import YesOption
from cli.invocation import Invocation
from cli.moments import SINCE_HELP

if TYPE_CHECKING:
    from pathlib import Path

    from cli.console import Console
    from cli.wiring import Wiring
    from core.account import Environment
    from core.errors import ConfigError, TraderError
    from core.operations.reconcile import Wanted
    from core.operations.reconcile_result import ReconcileResult


def reconcile(
    context: typer.Context,
    since: Annotated[str | None, typer.Option(metavar="TIME", help=SINCE_HELP)] = None,
    full: Annotated[bool, typer.Option("--full", help="Compare again from first contact on.")] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BREAK", help="Accept this break; MISSING_LOCAL: all of that class. Repeatable."
        ),
    ] = None,
    delisted: Annotated[
        list[str] | None,
        typer.Option(metavar="SYMBOL", help="The venue will never tell of this symbol again."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why it is accepted; the journal keeps it.")] = None,
    yes: YesOption = False,
) -> None:
    """Compare our books with the venue's, and name every difference."""
    from cli.requests import reconcile_wanted
    from cli.wiring import Wiring
    from core.clock import SystemClock
    from core.errors import TraderError
    from core.run_lock import only_run

    invocation: Invocation = context.obj
    clock, settings = SystemClock(), invocation.settings
    wanted = reconcile_wanted(settings, since, full, accept or [], delisted or [], reason, clock.now_ms())
    wiring = Wiring(invocation)
    wiring.locate(settings.environment)
    _refuse_without_books(wiring, settings.environment)
    if told := _told(wiring, settings.environment, wanted.accept):
        invocation.console.confirm(f"Accept {'; '.join(told)}?", yes=yes)
    if wanted.delisted:
        symbols = ", ".join(wanted.delisted)
        invocation.console.confirm(f"Compare no order or trade of {symbols} any more?", yes=yes)
    with only_run(settings.home, "reconcile", "RECONCILE_RUNNING"):
        run = _Run(wiring, clock.now_ms())
        try:
            asyncio.run(run.reconcile(wanted))
        except TraderError as failure:
            run.failures.append(failure)
        run.show(clock.now_ms())
        run.keep()
        run.raise_worst()


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
            hint="`trader check` opens the books of an account; or name another home or settings file",
        )


def _never_used(home: Path) -> ConfigError:
    """A check in the wrong home opens books there, and these would agree for ever."""
    from core.errors import ConfigError

    return ConfigError(
        f"no order was ever made from {home}, not even a dry one: that its books agree proves nothing",
        code="NO_BOOKS",
        hint="name the home that trades: --home, TRADER_HOME; a new one begins with `trader stage 0`",
    )


def _told(wiring: Wiring, environment: Environment, names: Sequence[str]) -> list[str]:
    """Return what is about to be accepted, as the last run found it; names that are none the run refuses."""
    from core.operations.accepting import is_named

    if not names:
        return []
    with wiring.read_journal() as journal:
        here = [
            key
            for key in journal.accounts()
            if (key.venue, key.environment) == (wiring.venue_name, environment)
        ]
        return [
            f"{each.found.break_class} {each.break_id} ({each.found.explanation})"
            for key in here
            for each in journal.reconciliations(key).breaks()
            if each.is_open and is_named(each, names)
        ]


class _Run:
    """One run: what it found, shown and kept even when it ends early. `result`: None before the account."""

    def __init__(self, wiring: Wiring, started_ms: int) -> None:
        self.wiring = wiring
        self.started_ms = started_ms
        self.result: ReconcileResult | None = None
        self.failures: list[TraderError] = []

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
            if self.result.agrees and not desk.journal.was_used():
                raise _never_used(desk.journal.home)

    def show(self, now_ms: int) -> None:
        from cli.reconcile_view import reconcile_result

        if self.result is not None:
            reconcile_result(self.console, self.result, now_ms)

    def keep(self) -> None:
        """Write the report file; where that fails, what was found still decides how the command ends."""
        from cli.reconcile_view import reconcile_record, reconcile_text
        from cli.run_reports import write_run_report
        from core.errors import ConfigError

        record: dict[str, object] = {"started_ms": self.started_ms}
        lines = []
        if self.result is not None:
            record, lines = reconcile_record(self.result), list(reconcile_text(self.result))
        for failure in self.failures:
            record["error"] = {"code": failure.code, "message": failure.message}
            lines.append(f"NOT COMPLETE: {failure.code}: {failure.message}")
        try:
            path = write_run_report(self.wiring.settings.home, "reconcile", self.started_ms, lines, record)
        except ConfigError as failure:
            self.failures.append(failure)
            return
        self.console.result(report=path)
        if self.console.shows_all:
            self.console.say(f"report {path}")

    def raise_worst(self) -> None:
        """Raise the most dangerous of what was found and what failed; the others are said."""
        from core.errors import most_dangerous

        found = None if self.result is None else self.result.difference
        troubles = [*([found] if found else []), *self.failures]
        exit_code = most_dangerous(each.exit_code for each in troubles)
        worst = next((each for each in troubles if each.exit_code == exit_code), None)
        for each in self.failures:
            if each is not worst:
                self.console.warn(f"not complete: {each.code}: {each.message}")
        if worst is not None:
            raise worst
