"""`trader backup`: one verified file of what this home knows, while it is in use (runbooks/backup.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli import VERSION
from cli.invocation import Invocation

if TYPE_CHECKING:
    from core.settings import Settings


def backup(
    context: typer.Context,
    target: Annotated[
        str | None,
        typer.Argument(metavar="FILE|FOLDER|URL", help="Where to write it; default: a new name here."),
    ] = None,
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Keep the keys of the settings file in it.")
    ] = False,
) -> None:
    """Copy the journal as it is at one moment, with settings but no key, and verify the copy."""
    from cli.backup_places import target_of
    from cli.reading import say_where
    from core.clock import SystemClock, iso_utc
    from core.operations.backup import Contents, back_up
    from core.runtime_folder import default_runtime_folder

    run: Invocation = context.obj
    settings, clock, console = run.settings, SystemClock(), run.console
    stamp = iso_utc(clock.now_ms())[:19].replace(":", "")
    place, name = target_of(target, run.cwd, f"trader-backup-{stamp}.zip")
    say_where(console, settings.home)
    contents = Contents(
        settings=_settings_text(settings, with_secrets),
        has_secrets=with_secrets,
        emergency_folders=(settings.home, settings.runtime_dir or default_runtime_folder()),
        program=VERSION,
    )
    made = back_up(
        settings.home,
        place,
        name,
        contents,
        clock,
        lambda events: console.progress(f"{events} events verified"),
    )
    where = f"{place.name.rstrip('/')}/{name}"
    console.result(
        file=where,
        events=made.events,
        head=made.head,
        installation_id=made.installations[-1],
        has_secrets=made.has_secrets,
        pieces={name: each.sha256 for name, each in made.pieces.items()},
    )
    console.line(where)
    console.say(f"{made.events} event(s), verified; keep it on another machine")
    if with_secrets:
        console.warn("it holds the keys of the settings file: who can read it can trade")


def _settings_text(settings: Settings, with_secrets: bool) -> str | None:
    """Return the settings file, or what of it is no secret and means the same on another machine."""
    from core.settings import describe_settings
    from core.settings_file import read_settings_file
    from core.settings_text import settings_template

    if settings.env_file is None:
        return None
    if with_secrets:
        return settings.env_file.read_text(encoding="utf-8-sig")
    values = read_settings_file(settings.env_file).values
    stays = {"TRADER_HOME", "TRADER_RUNTIME_DIR", "TRADER_ENV_FILE"}
    portable = {each.name for each in describe_settings() if not each.secret} - stays
    return settings_template({name: text for name, text in values.items() if name in portable})
