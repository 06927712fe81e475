"""`trader init`: a settings file that only its owner can read, the home folder, and an Ed25519 key pair."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli.invocation import Invocation
from core.errors import ConfigError, NotConfirmed

OWNER_ONLY_FOLDER = 0o700
OTHERS = 0o077


def init(
    ctx: typer.Context,
    ed25519: Annotated[
        bool, typer.Option("--ed25519", help="Make an Ed25519 key pair; what exists already stays.")
    ] = False,
) -> None:
    """Write `./.env`, or the file that --env-file or TRADER_ENV_FILE names; never overwrite."""
    from core.config import home_folder
    from core.settings_text import settings_template

    run: Invocation = ctx.obj
    named = run.options.env_file or Path(run.environ.get("TRADER_ENV_FILE") or ".env")
    env_file = run.cwd / named
    home = home_folder(run.environ, run.cwd, run.options.home)
    is_new = not os.path.lexists(env_file)
    if not is_new and not ed25519:
        raise _in_the_way(env_file)
    if not is_new:
        home = run.settings.home
    _make_home(home)
    if is_new:
        # A home that only this command line names would be forgotten by the next one.
        text = settings_template({"TRADER_HOME": str(home)} if run.options.home else None)
        _write_new(env_file, text)

    run.console.locate(env_file=env_file)
    run.console.result(env_file=env_file, home=home)
    run.console.line(f"settings file  {env_file}")
    run.console.line(f"home           {home}")
    if home.stat().st_mode & OTHERS:
        run.console.warn(f"other users can read {home}; chmod 700 {home}")
    if ed25519:
        _make_key_pair(run, home)
    else:
        run.console.say("next: trader stage 0")


def _make_key_pair(run: Invocation, home: Path) -> None:
    """Write both halves beside the journal, and show the public one."""
    from core.keys.pairs import make_key_pair
    from core.new_files import new_file

    passphrase = run.console.ask_secret(
        "Passphrase of the new key (not shown; Enter for none: then commands can run unattended): "
    )
    if passphrase and run.console.ask_secret("The same again: ") != passphrase:
        raise NotConfirmed("the two passphrases differ", hint="nothing was made; try again")
    pair = make_key_pair(passphrase or "")
    private, public = home / f"ed25519-{pair.name}.pem", home / f"ed25519-{pair.name}.pub"
    for path, text in ((private, pair.private_pem.reveal()), (public, pair.public_pem)):
        with new_file(path) as file:
            file.write(text.encode())
    run.console.result(private_key=private, public_key=public, public_key_pem=pair.public_pem)
    run.console.line(f"private key    {private}")
    run.console.line(f"public key     {public}\n\n{pair.public_pem.rstrip()}")
    run.console.say(
        "next: paste the public key into the venue's API page (self-generated key). With the API key it\n"
        f"answers: `trader rotate-key --private-key {private}` where a key is configured, else set\n"
        f"BINANCE_API_KEY and BINANCE_PRIVATE_KEY_PATH={private} (docs/keys.md)"
    )


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
