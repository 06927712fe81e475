"""`trader status`: where am I? (runbooks/status.md)"""

from __future__ import annotations

import typer

from cli.invocation import Invocation


def status(context: typer.Context) -> None:
    """Show where you are: account, stage, positions, open orders."""
    from cli.presenting import status_result
    from cli.wiring import Wiring
    from core.clock import SystemClock
    from core.operations.status import account_status, raise_if_unsafe

    invocation: Invocation = context.obj
    wiring = Wiring(invocation)
    invocation.console.locate(venue=wiring.venue_name, environment=wiring.settings.environment)
    with wiring.read_journal() as journal:
        accounts = [account_status(journal, SystemClock(), key) for key in journal.accounts()]
        status_result(invocation.console, accounts, journal.home)
    raise_if_unsafe(accounts)
