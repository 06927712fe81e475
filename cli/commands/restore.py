"""`trader restore`: a home of a backup, halted until its books agree (runbooks/restore.md)."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.cancel_all import YesOption
from cli.console import UsageError
from cli.invocation import Invocation


def restore(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FILE|URL", help="What `trader backup` wrote.")],
    reason: Annotated[str, typer.Option(help="Why, for the journal.")],
    yes: YesOption = False,
) -> None:
    """Make a home of a backup, as a new installation, halted until the books are seen to agree."""
    from cli.backup_places import source_of
    from core.clock import SystemClock, iso_utc
    from core.config import told_home
    from core.ids import system_random
    from core.operations.restore import restore as run_restore

    run: Invocation = context.obj
    console, options = run.console, run.options
    if not reason.strip():
        raise UsageError("--reason was empty", hint="say why it is restored; the journal keeps it")
    # The settings may be what is restored: only the home is asked for.
    told = told_home(run.environ, run.cwd, options.env_file, options.home)
    if told.doubt is not None:
        raise told.doubt
    place, name = source_of(source, run.cwd)
    console.confirm(f"Restore {name} into {told.path}? The machine it is of must never trade again.", yes=yes)
    made = run_restore(
        place,
        name,
        told.path,
        reason.strip(),
        clock=SystemClock(),
        random_bytes=system_random,
        progress=lambda events: console.progress(f"{events} events verified"),
    )
    console.result(
        home=told.path,
        events=made.manifest.events,
        made_ms=made.manifest.made_ms,
        installation_id=made.installation_id,
        earlier_installations=list(made.manifest.installations),
        settings=made.settings,
        kept_log=made.kept_log,
        not_taken_in=list(made.not_taken_in),
    )
    console.line(f"home          {told.path}")
    console.line(f"events        {made.manifest.events}, up to {iso_utc(made.manifest.made_ms)}")
    console.line(f"installation  {made.installation_id}, before {made.manifest.installations[-1]}")
    console.line("trading       HALTED until `trader reconcile` finds no difference")
    for finding in made.not_taken_in:
        console.warn(finding)
    if made.kept_log is not None:
        console.say(f"the log of the lost journal is {made.kept_log}: it tells what came after the backup")
    if made.settings is None:
        console.say("no settings file was written: one was there, or the backup has none")
    elif not made.manifest.has_secrets:
        console.say(f"put the keys into {made.settings}: the backup has none")
    console.say("next: `trader check`, then `trader reconcile`; see `trader runbook recovery`")
