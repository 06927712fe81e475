"""`trader alerts`: what a human must hear of (runbooks/alerts.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import UsageError
from cli.invocation import Invocation
from core.errors import ConfigError

if TYPE_CHECKING:
    from core.alerts.delivery import Tell
    from core.alerts.queue import Waiting


def send(
    context: typer.Context,
    while_pid: Annotated[
        int | None, typer.Option("--while", metavar="PID", help="Go on for as long as this process lives.")
    ] = None,
) -> None:
    """Queue what was journaled and tell it; what cannot be told stays queued."""
    from cli.alerting import follow, one_pass

    run: Invocation = context.obj
    receivers = _receivers(run)
    if while_pid is not None:
        follow(run.settings, receivers, while_pid)
        return
    told, waiting = one_pass(run.settings, receivers)
    run.console.result(told=told, waiting=waiting)
    if waiting:
        raise ConfigError(
            f"{waiting} alert(s) could not be told and stay queued",
            code="ALERTS_WAITING",
            hint="`trader alerts test` shows which receiver does not answer",
        )
    run.console.say(f"{told} alert(s) told")


def test(context: typer.Context) -> None:
    """Tell every receiver that alerts arrive, and say which of them heard it."""
    run: Invocation = context.obj
    heard = [tell("test", "alerts arrive: nothing is wrong") for tell in _receivers(run).values()]
    run.console.result(receivers=heard)
    for number, delivered in enumerate(heard, start=1):
        run.console.line(f"URL {number} of ALERT_URLS: {'delivered' if delivered else 'NOT delivered'}")
    if not all(heard):
        raise ConfigError(
            f"{heard.count(False)} of {len(heard)} receivers were not reached",
            code="ALERT_UNDELIVERED",
            hint="check that URL of ALERT_URLS and the network",
        )


def show(context: typer.Context) -> None:
    """Show the alerts that wait to be told."""
    from cli.alerting import waiting

    run: Invocation = context.obj
    rows = waiting(run.settings)
    run.console.result(waiting=[_shown(row) for row in rows])
    for row in rows:
        run.console.line(f"{'!' if row.urgent else ' '} {row.text}")
    if not rows:
        run.console.say("no alert waits to be told")


def _shown(row: Waiting) -> dict[str, object]:
    return {
        "code": row.code,
        "text": row.text,
        "urgent": row.urgent,
        "time": row.time_ms,
        "tries": row.tries,
    }


def _receivers(run: Invocation) -> dict[str, Tell]:
    from core.alerts.delivery import receivers

    urls = run.settings.alert_urls
    found = {} if urls is None else receivers(urls.reveal())
    if not found:
        raise UsageError(
            "ALERT_URLS is not set: there is nobody to tell",
            hint="set it in the settings file (docs/settings.md)",
        )
    return found
