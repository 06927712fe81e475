"""The real program as a process that a test follows line by line, signals and kills."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
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


@dataclass
class Terminal:
    """A terminal with the program at it. `said`: what it showed so far."""

    program: subprocess.Popen[bytes]
    screen: int
    said: bytes = b""

    def read_until(self, words: str) -> None:
        while words.encode() not in self.said:
            self.said += os.read(self.screen, 4096)

    def type(self, line: str) -> None:
        os.write(self.screen, f"{line}\n".encode())

    def end(self) -> int:
        """Read to the end; return the exit code."""
        with suppress(OSError):  # the terminal closes with its last user
            while more := os.read(self.screen, 4096):
                self.said += more
        return self.program.wait(TIMEOUT_S)


@contextmanager
def at_terminal(shell: Shell, *arguments: str, **settings: str) -> Iterator[Terminal]:
    """Start `trader ARGUMENTS` at a terminal; kill it at the end if it is still there."""
    screen, theirs = pty.openpty()
    program = subprocess.Popen(
        [str(shell.program), *arguments],
        cwd=shell.folder,
        env=shell.environ | settings,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        yield Terminal(program, screen)
    finally:
        program.kill()
        program.wait()
        os.close(screen)


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
