"""`trader schedule`: what a machine does every day without being asked (runbooks/schedule.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import UsageError
from cli.invocation import Invocation

if TYPE_CHECKING:
    from cli.scheduling import Change
    from core.schedule import Job, Place
    from core.settings import Settings

KEEP = "90d"


def schedule(
    context: typer.Context,
    systemd: Annotated[
        bool, typer.Option("--systemd", help="Units for systemd instead of a crontab.")
    ] = False,
    archive: Annotated[
        Path | None, typer.Option(help="Where the journal is archived; default: archive in the home.")
    ] = None,
    backup: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also back the home up to it, each night.")
    ] = None,
    keep: Annotated[
        str, typer.Option(metavar="DURATION", help="How long log lines and reports stay in the home.")
    ] = KEEP,
    credentials: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="With TRADER_SECRETS=systemd: a file a key, as its setting."),
    ] = None,
    serve_paper: Annotated[
        int | None,
        typer.Option(min=1, max=65535, metavar="PORT", help="Also keep the paper exchange up (systemd)."),
    ] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Write them where they work, not only here.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take out what was installed for this home.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before installing or removing.")] = False,
) -> None:
    """Print, install or remove the daily jobs: reconcile, check, archive, backup and alerts."""
    from cli.scheduling import only_in_this_shell, place_of
    from core.schedule import jobs, paper_job, unwritable_path

    run: Invocation = context.obj
    if install and remove:
        raise UsageError("--install writes the jobs, --remove takes them out", hint="give one of them")
    if serve_paper is not None and not systemd:
        raise UsageError("--serve-paper needs --systemd: cron looks after nothing that lasts")
    folder = None if credentials is None else (run.cwd / credentials).resolve()
    settings = _settings(run, folder)
    place = place_of(settings, folder)
    archives = settings.home.resolve() / "archive" if archive is None else (run.cwd / archive).resolve()
    tells = settings.alert_urls is not None or settings.heartbeat_url is not None
    backups = None if backup is None else (run.cwd / backup).resolve()
    chosen = jobs(archives, _duration(keep), tells_alerts=tells, backups=backups)
    if serve_paper is not None:
        chosen.append(paper_job(serve_paper))
    if (strange := unwritable_path(place, chosen)) is not None:
        raise UsageError(
            f"{strange!r} has letters that no crontab and no unit can hold", hint="rename that folder"
        )
    if remove:
        _change(run, place, [], systemd=systemd, yes=yes)
        return
    if not tells:
        run.console.say("ALERT_URLS is not set: nobody is told what these find; cron mails what they print")
    if backups is None:
        run.console.say("no backup is made: --backup FOLDER, best on another machine's disk")
    elif backups.is_relative_to(settings.home.resolve()):
        run.console.warn(f"{backups} is in the home itself: what takes the home takes the backups too")
    if names := only_in_this_shell(settings, run.environ):
        run.console.warn(f"set in this shell only, where no job sees it: {', '.join(names)}")
    run.console.result(
        jobs=[{"name": job.name, "cron": job.cron, "command": place.command(job)} for job in chosen]
    )
    if install:
        _change(run, place, chosen, systemd=systemd, yes=yes)
    else:
        _print(run, place, chosen, systemd=systemd)


def _settings(run: Invocation, credentials: Path | None) -> Settings:
    """Return the settings as a service with these credentials reads them."""
    from core.config import load_settings

    if credentials is None:
        return run.settings
    if not credentials.is_dir():
        raise UsageError(f"--credentials {credentials} is not a folder")
    environ = {**run.environ, "CREDENTIALS_DIRECTORY": str(credentials)}
    return load_settings(environ, run.cwd, run.options.env_file, run.options.home)


def _duration(text: str) -> str:
    from core.setting_values import positive_duration_ms

    try:
        positive_duration_ms(text)
    except ValueError as error:
        raise UsageError(f"--keep {error}", hint="give e.g. 90d") from None
    return text


def _print(run: Invocation, place: Place, chosen: list[Job], *, systemd: bool) -> None:
    from core.schedule import crontab, units

    if not systemd:
        run.console.line(crontab(place, chosen).rstrip("\n"))
        return
    for name, text in units(place, chosen).items():
        run.console.line(f"# {name}")
        run.console.line(text)


def _change(run: Invocation, place: Place, chosen: list[Job], *, systemd: bool, yes: bool) -> None:
    """Show what would change, ask, and write it; no job in `chosen`: take all out."""
    from cli.scheduling import crontab_change, units_change, units_folder, write_crontab, write_units

    folder = units_folder(run.environ)
    change = units_change(place, chosen, folder) if systemd else crontab_change(place, chosen)
    run.console.result(changed=change.names)
    if not change.names:
        run.console.say("nothing to change: it is as it should be")
        return
    for line in change.diff():
        run.console.line(line)
    where = f"the units in {folder}" if systemd else "your crontab"
    run.console.confirm(f"Change {where} like this?", yes=yes)
    if systemd:
        if not chosen:
            _say_switch(run, change, "before they are gone, switch them off", "disable --now")
        write_units(change, folder)
        if chosen:
            _say_switch(run, change, "switch them on", "daemon-reload && systemctl --user enable --now")
    else:
        write_crontab(change)
    run.console.say(f"changed {where}")


def _say_switch(run: Invocation, change: Change, what: str, command: str) -> None:
    """Name what a human has to tell systemd, which this program never does by itself."""
    switched = [name for name in change.after if name.endswith(".timer") or name == "trader-paper.service"]
    run.console.say(f"{what}: systemctl --user {command} {' '.join(switched)}")
