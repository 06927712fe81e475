"""`trader rotate-key`: another key, and proof that the old one is dead (runbooks/rotate-key.md)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import UsageError
from cli.invocation import Invocation

if TYPE_CHECKING:
    from cli.console import Console
    from cli.wiring import Wiring
    from core.operations.rotate_key import RotationDesk
    from core.secrets import Secret
    from core.settings import Credentials, Settings


def rotate_key(
    context: typer.Context,
    new_key_stdin: Annotated[
        bool, typer.Option("--new-key-stdin", help="Read the new key from stdin: API key, then secret.")
    ] = False,
    private_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The new key is an Ed25519 one; its private key (PEM)."),
    ] = None,
    confirm: Annotated[
        str | None, typer.Option(metavar="PHRASE", help="The phrase, where nobody can be asked for it.")
    ] = None,
    exposed: Annotated[
        bool, typer.Option("--exposed", help="The old key may be known to others: back to stage 0.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an unfinished rotation.")] = False,
) -> None:
    """Replace the API key, and prove that the old one is dead."""
    from cli.wiring import Wiring
    from core.operations.rotate_key import resume as go_on
    from core.operations.rotate_key import rotate

    run: Invocation = context.obj
    if resume and exposed:
        raise UsageError(
            "--exposed is said at the beginning of a rotation",
            hint="`trader rotate-key --resume` first, then `trader rotate-key --exposed`",
        )
    wiring = Wiring(run)
    wiring.locate(wiring.settings.environment)
    pem = None if private_key is None else run.cwd / private_key
    desk = _desk(wiring, _Human(run.console, pem, confirm, from_stdin=new_key_stdin))
    result = asyncio.run(go_on(desk) if resume else rotate(desk, exposed=exposed))
    if result is None:
        run.console.result(rotation=None)
        run.console.say("no rotation is unfinished")
        return
    run.console.result(rotation=result)
    run.console.line(f"new key  …{result.new_ending}  works from here, {desk.store.where}")
    run.console.line(f"old key  …{result.old_ending}  dead: it worked from here before, and is refused now")
    if exposed:
        run.console.line("stage    0: what was proven before the exposure no longer counts")


class _Human:
    """Where the new key and the answers come from: a terminal, or stdin and --confirm."""

    def __init__(
        self, console: Console, private_key: Path | None, phrase: str | None, *, from_stdin: bool
    ) -> None:
        self._console = console
        self._private_key = private_key
        self._phrase = phrase
        self._from_stdin = from_stdin

    def new_key(self) -> Credentials:
        """Read the new key. Raises ConfigError, or NotConfirmed where nobody can be asked for it."""
        from core.settings import Credentials

        api_key = _secret("API key", self._answer("The new API key (not shown): "))
        if self._private_key is not None:
            return Credentials(api_key, None, self._private_key)
        return Credentials(api_key, _secret("secret", self._answer("Its secret (not shown): ")), None)

    def _answer(self, question: str) -> str:
        from core.errors import NotConfirmed

        if self._from_stdin:
            return self._console.read_line()
        answer = self._console.ask_secret(question)
        if answer is None:
            raise NotConfirmed("there is no terminal to ask for the new key", hint="give --new-key-stdin")
        return answer

    def confirm(self, phrase: str) -> None:
        self._console.confirm_phrase(phrase, self._phrase)

    def ask_deleted(self, what: str) -> bool:
        """Tell whether to look again: whoever hands keys over by stdin is nobody to ask."""
        if self._from_stdin:
            return False
        answer = self._console.ask(f"Now {what}, then press Enter (q: later): ")
        return answer is not None and answer.lower() not in ("q", "quit", "no", "n")


def _secret(what: str, text: str) -> Secret:
    from core import setting_values
    from core.errors import ConfigError

    try:
        return setting_values.secret(text)
    except ValueError:
        raise ConfigError(
            f"the new {what} is empty, or holds a letter that no key has",
            code="KEY_MISSING",
            hint="copy it whole from the venue's page; nothing was changed",
        ) from None


def _desk(wiring: Wiring, human: _Human) -> RotationDesk:
    from core.clock import SystemClock
    from core.config import PAPER, load_settings
    from core.keys.store import key_store, out_of_reach
    from core.lease import Lease
    from core.operations.rotate_key import RotationDesk

    run, settings = wiring.invocation, wiring.settings
    environment = settings.environment
    if wiring.venue_name == PAPER and settings.base_url is None:
        raise out_of_reach(
            "the paper exchange in this process has one of its own",
            "`trader paper serve`, and point BINANCE_BASE_URL at it, to rehearse a rotation",
        )

    def as_now() -> Settings:
        return load_settings(run.environ, run.cwd, run.options.env_file, run.options.home)

    return RotationDesk(
        home=settings.home,
        store=key_store(settings, environment, run.environ),
        configured=lambda: as_now().credentials(environment),
        new_key=human.new_key,
        ready=wiring.ready_to_sign,
        venue=lambda key: replace(wiring, key=key).venue(environment),
        journal=wiring.write_journal,
        lease=lambda account: Lease(
            wiring.runtime_folder, account, command="trader rotate-key", clock=SystemClock()
        ),
        confirm=human.confirm,
        ask_deleted=human.ask_deleted,
        tell=run.console.say,
    )
