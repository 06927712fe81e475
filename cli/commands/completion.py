"""`trader completion`: what makes a shell complete the words of a command line (runbooks/completion.md)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cli.completion import SCRIPTS
from cli.invocation import Invocation


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    context: typer.Context,
    shell: Annotated[Shell, typer.Argument(help="Which shell it is for.")],
) -> None:
    """Print the lines that a shell needs; its first one says where to put them."""
    run: Invocation = context.obj
    run.console.result(script=SCRIPTS[shell])
    run.console.line(SCRIPTS[shell].rstrip("\n"))
