"""`trader rotate-key` in a process of its own, which is killed at a chosen step."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import core.operations.rotate_key
from cli.main import run
from core.journal import Journal
from tests.simulation.crash.victim import Step, wrap


def _notes(kind: str) -> Callable[[Sequence[Any]], bool]:
    return lambda arguments: arguments[1] == kind


def _puts(name: str) -> Callable[[Sequence[Any]], bool]:
    return lambda arguments: Path(arguments[1]).name == name


ROTATE: dict[str, Step] = {
    "everything checked": Step(core.operations.rotate_key, "_refuse_in_flight", after=True),
    "record beside its name": Step(Path, "replace", fits=_puts("rotation.json")),
    "record written": Step(Path, "replace", after=True, fits=_puts("rotation.json")),
    "begun": Step(Journal, "record_note", after=True, fits=_notes("KEY_ROTATION")),
    "new settings beside the old": Step(Path, "replace", fits=_puts(".env")),
    "new settings in place": Step(Path, "replace", after=True, fits=_puts(".env")),
    "swap written down": Step(Journal, "record_note", after=True, fits=_notes("KEY_SWAPPED")),
    "new key proven": Step(Journal, "record_note", fits=_notes("KEY_CONFIGURED")),
    "old key looked at": Step(core.operations.rotate_key, "_old_is_known", after=True),
}
RESUME: dict[str, Step] = {
    "old key refused": Step(core.operations.rotate_key, "_old_is_known", after=True),
    "death not written down": Step(Journal, "record_note", fits=_notes("KEY_DEAD")),
    "death written down": Step(Journal, "record_note", after=True, fits=_notes("KEY_DEAD")),
    "record removed": Step(core.operations.rotate_key, "remove_rotation", after=True),
}


def die(arguments: Sequence[str], environ: Mapping[str, str], folder: Path, step: str, stdin: str) -> None:
    """Be `trader rotate-key ARGUMENTS` in this process until the step is reached."""
    output = os.open(folder / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    given = folder / "stdin.txt"
    given.write_text(stdin)
    sys.stdin = given.open()
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    sys.argv = ["trader", "rotate-key", *arguments]
    wrap((ROTATE | RESUME)[step], lambda: os.kill(os.getpid(), signal.SIGKILL))
    run()
