"""`trader drill`: rehearse an incident on the paper exchange, against the clock (runbooks/drill.md)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import UsageError
from cli.invocation import Invocation

if TYPE_CHECKING:
    from core.clock import Clock

FOLDER = "drills"


def drill(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Which; without it, all are listed.")] = None,
    limit: Annotated[str, typer.Option(help="Give up after this time, e.g. 15m.")] = "15m",
    run: Annotated[
        list[str] | None, typer.Option(metavar="LINE", help="Run this line instead of asking; repeatable.")
    ] = None,
    commands: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Run the lines of this file instead of asking.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the drill's home when it is passed too.")
    ] = False,
) -> None:
    """Rehearse an incident; what is done about it touches nothing but a paper exchange of its own."""
    from core.clock import SystemClock
    from core.drills.incidents import INCIDENTS

    invocation: Invocation = context.obj
    clock = SystemClock()
    if name is None:
        if run or commands is not None or keep:
            raise UsageError("this is about one drill: name it", hint="`trader drill` lists them")
        _list(invocation, clock)
        return
    if name not in INCIDENTS:
        raise UsageError(f"there is no drill {name!r}", hint=f"drills: {', '.join(INCIDENTS)}")
    _rehearse(invocation, clock, name, _limit_ms(limit), _script(invocation.cwd, run, commands), keep=keep)


def _list(invocation: Invocation, clock: Clock) -> None:
    from cli.drill_view import drills_listed
    from cli.wiring import Wiring
    from core.drills.record import newest_drills

    with Wiring(invocation).read_journal() as journal:
        newest = newest_drills(journal)
    drills_listed(invocation.console, newest, clock.now_ms(), invocation.settings.gate_max_drill_age_ms)


def _rehearse(
    invocation: Invocation, clock: Clock, name: str, limit_ms: int, script: list[str] | None, *, keep: bool
) -> None:
    from cli.drill_prompt import HELP, Prompt
    from cli.drill_scenes import staged
    from cli.drill_view import drill_result, incident_told, standing_shown
    from cli.wiring import Wiring
    from core.clock import iso_utc
    from core.digests import code_digest
    from core.drills.attempt import Attempt
    from core.drills.record import record_drill

    console, wiring = invocation.console, Wiring(invocation)
    with wiring.write_journal(clock):
        pass  # a journal that takes no record is better known before than after
    moment = iso_utc(clock.now_ms()).replace("-", "").replace(":", "")
    folder = invocation.settings.home / FOLDER / f"{name}-{moment}"
    scene = staged(name, folder, environ=invocation.environ)
    incident_told(console, scene, limit_ms)
    attempt = Attempt.begin(scene.incident, clock, limit_ms)
    ended = Prompt(
        console, scene, attempt, script, lambda standing: standing_shown(console, standing)
    ).rehearse()
    if ended is not None:
        with wiring.write_journal(clock) as journal:
            record_drill(journal, ended, code_digest())
    if ended is None or (ended.passed and not keep):
        shutil.rmtree(folder, ignore_errors=True)
    if ended is None:
        raise UsageError("nobody acted, so nothing was rehearsed", hint=f"{HELP}; or give --run LINE")
    drill_result(console, ended, str(folder) if folder.exists() else None)
    if (failure := ended.failure()) is not None:
        raise failure


def _script(cwd: Path, lines: list[str] | None, file: Path | None) -> list[str] | None:
    if lines and file is not None:
        raise UsageError("--run and --commands exclude each other", hint="give one of them")
    if file is None:
        return lines or None
    try:
        return (cwd / file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"--commands {file} cannot be read: {reason}") from None


def _limit_ms(text: str) -> int:
    from core.setting_values import positive_duration_ms

    try:
        return positive_duration_ms(text)
    except ValueError as error:
        raise UsageError(f"--limit {error}", hint="as in: --limit 15m") from None
