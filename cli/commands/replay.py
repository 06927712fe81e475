"""`trader replay`: make a stage's decisions again from what the journal holds (runbooks/replay.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.console import UsageError
from cli.invocation import Invocation


def replay(
    context: typer.Context,
    evidence: Annotated[
        str | None, typer.Argument(metavar="EVIDENCE", help="The id that the stage printed.")
    ] = None,
    last: Annotated[
        bool, typer.Option("--last", help="The newest run, also one that proved nothing.")
    ] = False,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Decide with another parameter than it was."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the decisions as they were recorded to this new file."),
    ] = None,
) -> None:
    """Recompute every decision of a stage, and compare byte for byte."""
    from cli.backtest_options import changes_of
    from cli.reading import journal_for_reading, say_where
    from cli.replay_view import show_replay
    from cli.writing import write_lines
    from core.digests import code_digest
    from core.operations.replay import find_run, recorded_lines
    from core.operations.replay import replay as run

    invocation: Invocation = context.obj
    console = invocation.console
    if (evidence is None) == (not last):
        raise UsageError(
            "name the EVIDENCE of a stage, or give --last", hint="`trader replay --help` shows how"
        )
    say_where(console, invocation.settings.home)
    with journal_for_reading(invocation) as journal:
        found = find_run(journal, evidence)
        result = run(journal, found, changes_of(changes or []), code_digest())
        show_replay(console, result)
        if output is not None:
            path = invocation.cwd / output
            digest = write_lines(console, recorded_lines(journal, found), path)
            console.result(file=path, sha256=digest)
            console.say(f"wrote {path}, sha256 {digest}")
    result.raise_if_different()
