"""The real program as a process that a test follows line by line, signals and kills."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from tests.cli.conversation import TIMEOUT_S, Shell


@contextmanager
def spawned(shell: Shell, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """Start `trader ARGUMENTS`; kill it at the end if it is still there."""
    program = subprocess.Popen(
        ["trader", *arguments],
        executable=shell.program,
        cwd=shell.folder,
        env=shell.environ | settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield program
    finally:
        program.kill()
        program.communicate()


def read_until(stream: IO[str] | None, word: str) -> list[str]:
    """Return the lines up to the first that holds the word. Fails when the stream ends before."""
    assert stream
    lines: list[str] = []
    for line in stream:
        lines.append(line)
        if word in line:
            return lines
    raise AssertionError(f"{word!r} never came: {lines}")


def ended(program: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the end; return exit code and what was still said on stdout and stderr."""
    stdout, stderr = program.communicate(timeout=TIMEOUT_S)
    return program.returncode, stdout, stderr
