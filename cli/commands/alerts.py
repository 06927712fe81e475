"""`trader alerts`: what a human must hear of (runbooks/alerts.md)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import UsageError
from cli.invocation import Invocation
from core.errors import ConfigError, Refused

if TYPE_CHECKING:
    from core.alerts.queue import Queue, Waiting
    from core.settings import Settings


def send(
    context: typer.Context,
    beside: Annotated[bool, typer.Option("--beside", hidden=True)] = False,
) -> None:
    """Queue what was journaled and tell it; what cannot be told stays queued."""
    from cli.alerting import Teller, follow
    from core.alerts.delivery import invalid

    run: Invocation = context.obj
    if run.settings.alert_urls is None and run.settings.heartbeat_url is None:
        raise _nobody()
    if beside:
        follow(run.settings, sys.stdin.fileno())
        return
    teller = Teller.of(run.settings)
    is_first = _queue(run.settings) is None
    try:
        teller.collect()
    except OSError as error:
        raise _unusable(run.settings, error) from None
    if is_first:
        run.console.say("alerts begin here: of what was journaled before, the last 10 minutes are told")
    told = 0
    try:
        done = teller.tell(at_once=True)
        while done.told and done.waiting:
            told += done.told
            done = teller.tell(at_once=True)
    except Refused as other:
        run.console.result(told=told, waiting=None)
        run.console.say(f"another process tells the alerts of this home: {other.message}")
        return
    told += done.told
    run.console.result(told=told, waiting=done.waiting)
    if teller.file.unwritten is not None:
        run.console.warn(f"{run.settings.home} cannot be written: what was told now is told again")
    if done.waiting:
        raise ConfigError(
            f"{done.waiting} alert(s) could not be told and stay queued",
            code="ALERTS_WAITING",
            hint="`trader alerts test` shows which receiver does not answer",
        )
    if teller.unusable:
        raise invalid(teller.unusable)
    run.console.say(f"{told} alert(s) told")


def test(context: typer.Context) -> None:
    """Tell every receiver that alerts arrive, and say which of them heard it."""
    from core.alerts.delivery import invalid, receivers

    run: Invocation = context.obj
    found, unusable = receivers(run.settings.alert_urls)
    if not found and not unusable:
        raise _nobody()
    heard = [each.tell("test", "Alerts arrive, nothing is wrong.") for each in found]
    rows = list(zip(found, heard, strict=True))
    told = {each.label: "delivered" if ok else "NOT delivered" for each, ok in rows}
    told |= dict.fromkeys(unusable, "NOT delivered: alerts cannot go there")
    run.console.result(
        receivers=[{"receiver": label, "delivered": said == "delivered"} for label, said in told.items()]
    )
    for label, said in told.items():
        run.console.line(f"{label}: {said}")
    if unusable:
        raise invalid(unusable)
    if not all(heard):
        missed = ", ".join(each.label for each, ok in rows if not ok)
        raise ConfigError(
            f"{heard.count(False)} of {len(heard)} receivers were not reached: {missed}",
            code="ALERT_UNDELIVERED",
            hint="check that URL and the network; what is not delivered stays queued",
        )


def show(context: typer.Context) -> None:
    """Show the alerts that wait to be told."""
    run: Invocation = context.obj
    queue = _queue(run.settings)
    rows = () if queue is None else queue.waiting
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


def _queue(settings: Settings) -> Queue | None:
    from core.alerts.queue_file import QueueFile

    try:
        return QueueFile(settings.home).read()
    except OSError as error:
        raise _unusable(settings, error) from None


def _unusable(settings: Settings, error: OSError) -> ConfigError:
    return ConfigError(f"{settings.home}: {error.strerror}", code="HOME_UNUSABLE")


def _nobody() -> UsageError:
    return UsageError(
        "ALERT_URLS is not set: there is nobody to tell",
        hint="set it in the settings file (docs/alerts.md)",
    )
