"""`trader init`: a commented settings file that only its owner can read, and the home folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import typer

from cli.invocation import Invocation
from core.errors import ConfigError

OWNER_ONLY_FOLDER = 0o700
OTHERS = 0o077


def init(ctx: typer.Context) -> None:
    """Write `./.env`, or the file that --env-file or TRADER_ENV_FILE names; never overwrite, never ask."""
    from core.config import home_folder
    from core.settings_text import settings_template

    run: Invocation = ctx.obj
    named = run.options.env_file or Path(run.environ.get("TRADER_ENV_FILE") or ".env")
    env_file = run.cwd / named
    home = home_folder(run.environ, run.cwd, run.options.home)
    if os.path.lexists(env_file):
        raise _in_the_way(env_file)
    _make_home(home)
    # A home that only this command line names would be forgotten by the next one.
    text = settings_template({"TRADER_HOME": str(home)} if run.options.home else None)
    _write_new(env_file, text)

    run.console.locate(env_file=env_file)
    run.console.result(env_file=env_file, home=home)
    run.console.line(f"settings file  {env_file}")
    run.console.line(f"home           {home}")
    if home.stat().st_mode & OTHERS:
        run.console.warn(f"other users can read {home}; chmod 700 {home}")
    run.console.say("next: trader stage 0")


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the home folder {home} cannot be made: {getattr(error, 'strerror', None) or error}",
            code="HOME_UNUSABLE",
            hint="name another folder with --home or TRADER_HOME",
        ) from None


def _write_new(path: Path, text: str) -> None:
    """Write a file that did not exist, complete or not at all, readable by its owner only."""
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".env-") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.link(file.name, path)
    except FileExistsError:
        raise _in_the_way(path) from None
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the settings file {path} cannot be written: {getattr(error, 'strerror', None) or error}",
            code="SETTINGS_FILE_UNREADABLE",
            hint="name another file with --env-file",
        ) from None


def _in_the_way(path: Path) -> ConfigError:
    return ConfigError(
        f"{path} exists and is not overwritten",
        code="FILE_EXISTS",
        hint="edit it, or name another file with --env-file",
        details={"path": str(path)},
    )
