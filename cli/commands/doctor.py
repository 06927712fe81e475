"""`trader doctor`: one file for somebody who helps (runbooks/doctor.md)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import VERSION
from cli.invocation import Invocation
from core.errors import ReconciliationBreak

if TYPE_CHECKING:
    from core.settings import Settings

_PART_END = re.compile(r"[^A-Za-z0-9_+=-]+")


def doctor(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to write it; default: a new name here.")
    ] = None,
) -> None:
    """Write what a helper needs to see into one zip: no secret, and nothing is changed."""
    import zipfile

    from cli.scheduling import installed
    from core.clock import SystemClock, iso_utc
    from core.new_files import new_file
    from core.operations.doctor import bundle

    run: Invocation = context.obj
    settings, clock = run.settings, SystemClock()
    scheduled = {"schedule.txt": lambda: installed(settings.home, run.environ)}
    made = bundle(settings, clock, _needles(settings), VERSION, scheduled)
    stamp = iso_utc(clock.now_ms())[:19].replace(":", "")
    path = run.cwd / (file or Path(f"trader-doctor-{stamp}.zip"))
    with new_file(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in made.texts.items():
            packed.writestr(name, text)
    run.console.result(file=str(path), pieces=list(made.texts), left_out=list(made.left_out))
    run.console.line(str(path))
    run.console.say("read it before you send it: it names orders, amounts and files, and holds no secret")
    if made.left_out:
        raise ReconciliationBreak(
            f"a secret stands in {', '.join(made.left_out)}; left out of the bundle",
            code="CHECK_FAILED",
            hint="`trader check` says where the key was found; then `trader rotate-key --exposed`",
        )


def _needles(settings: Settings) -> list[str]:
    """Return every secret, and every long part of one: the token inside a URL is enough to betray it."""
    from core.secrets import Secret

    values = (getattr(settings, name) for name in type(settings).model_fields)
    found = [value.reveal() for value in values if isinstance(value, Secret)]
    parts = [part for text in found for part in _PART_END.split(text) if len(part) >= 16]
    return [*(text for text in found if len(text) >= 8), *parts]
