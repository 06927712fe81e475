"""`trader schedule`: what a machine does every day without being asked (runbooks/schedule.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.invocation import Invocation


def schedule(
    context: typer.Context,
    systemd: Annotated[
        bool, typer.Option("--systemd", help="Units for systemd instead of a crontab.")
    ] = False,
    archive: Annotated[
        Path | None, typer.Option(help="Where the journal is archived; default: archive in the home.")
    ] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Write them where they work, not only here.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before installing.")] = False,
) -> None:
    """Print, or install, the daily jobs: reconcile, check, archive and alerts."""
    from cli.scheduling import install_crontab, install_units, place_of
    from core.schedule import crontab, jobs, units

    run: Invocation = context.obj
    settings = run.settings
    place = place_of(settings, run.environ)
    folder = settings.home / "archive" if archive is None else run.cwd / archive
    tells = settings.alert_urls is not None or settings.heartbeat_url is not None
    chosen = jobs(folder, tells_alerts=tells)
    if not tells:
        run.console.say("ALERT_URLS is not set: nobody is told what these find; cron mails what they print")
    run.console.result(
        jobs=[{"name": job.name, "cron": job.cron, "command": place.command(job)} for job in chosen]
    )
    if systemd:
        _print_units(run, units(place, chosen))
    else:
        run.console.line(crontab(place, chosen).rstrip("\n"))
    if install:
        where = "your systemd units" if systemd else "your crontab"
        run.console.confirm(f"Write these to {where}?", yes=yes)
        for line in install_units(place, chosen, run.environ) if systemd else install_crontab(place, chosen):
            run.console.say(line)


def _print_units(run: Invocation, found: dict[str, str]) -> None:
    for name, text in found.items():
        run.console.line(f"# {name}")
        run.console.line(text)
