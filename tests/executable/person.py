"""The one who reads a page and types what it says: a terminal, a folder, a home, and nothing set."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from unittest import mock

from cli.console import Console
from cli.invocation import Invocation
from cli.main import main
from cli.options import Options
from tests.cli.conversation import ASSIGNMENT, REPOSITORY
from tests.executable.program import AGREED, AHEAD_MS, PageTime, agreeing_in
from tests.executable.shown import HEADER
from tests.executable.terminal import Keyboard, Screen

SHOWN_HOME, SHOWN_AGREED = "/home/you", "/var/tmp"
STOPPED = (0, 130)
NEEDS_BASH = re.compile(r"[$`*]")
PUNCTUATION = re.compile(r"[();<>|&]+")
LIMIT_S = 60


@dataclass(frozen=True)
class Answer:
    """What came of a line. `lines`: what is left on the screen; `untyped`: answers that nothing asked for."""

    exit_code: int
    lines: tuple[str, ...]
    untyped: tuple[str, ...] = ()


Meaning = str | Callable[[], str]


class Person:
    """A scene may change `environ`, `words` and `events`.

    `words`: what a page says -> what is typed instead; `events`: what it tells of -> what brings that about.
    """

    def __init__(self, folder: Path, page_time: PageTime) -> None:
        self.folder = folder / "you"
        self.folder.mkdir()
        self.time = page_time
        self.words: dict[str, Meaning] = {"ENTER": ""}
        self.events: dict[str, Callable[[], object]] = {}
        self._ports: dict[str, str] = {}
        self._masks: dict[str, str] = {}
        self._agreed = folder / "agreed"
        self._programs = folder / "bin"
        self._programs.mkdir()
        self.program("trader", f'exec "{sys.executable}" -m tests.executable.program "$@"')
        self.environ = {
            "PATH": f"{self._programs}:/usr/bin:/bin",
            "HOME": str(self.folder),
            AGREED: str(self._agreed),
            "PYTHONPATH": str(REPOSITORY),
            "LANG": "C.UTF-8",
            "COLUMNS": "100",
            "NO_COLOR": "1",
        }
        self._up: list[subprocess.Popen[str]] = []

    @property
    def home(self) -> Path:
        """The home folder of `trader`."""
        return self.folder / ".local/state/trader"

    def program(self, name: str, script: str) -> None:
        """Put a program on the path."""
        path = self._programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def settings(self, **values: str) -> None:
        """Add to the settings file that is found first."""
        path = self.folder / ".env"
        path.touch(mode=0o600)
        with path.open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in values.items())

    def run(self, typed: str, answers: Sequence[str] = ()) -> Answer:
        """Run a line of a page. What is not all `trader` is run by bash, without a terminal."""
        meant = {said: self._meant(said) for said in self.words if said in typed}
        for said, meaning in meant.items():
            typed = typed.replace(said, meaning)
        self._masks = {meaning: said for said, meaning in meant.items()}
        if typed.startswith("export "):
            self.environ |= dict(word.split("=", 1) for word in shlex.split(typed)[1:])
            return Answer(0, (), tuple(answers))
        commands = _plain_commands(typed, self.folder)
        if not commands:
            return self._bash(typed, answers)
        screen = Screen()
        keyboard = Keyboard(answers, self._meant, screen)
        exit_code = 0
        for words in commands:
            exit_code = exit_code or self._trader(words, keyboard, screen)
        return Answer(exit_code, self._as_shown(screen.lines()), tuple(keyboard.left))

    def does(self, *lines: str, exit_code: int = 0) -> None:
        """Do what belongs to a situation, and not to the page."""
        for line in lines:
            answer = self.run(line)
            assert answer.exit_code == exit_code, f"{line}: {answer}"

    def start(self, typed: str, port: str, lines: int) -> Answer:
        """Start what stays up until the page ends, and return its first lines."""
        self._ports.setdefault(port, _free_port())
        arguments = shlex.split(typed.replace(port, self._ports[port]))[1:]
        program = subprocess.Popen(
            ["trader", *arguments],
            executable=self._programs / "trader",
            cwd=self.folder,
            env={**self.environ, AHEAD_MS: str(self.time.ahead_ms)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._up.append(program)
        told: list[str] = []
        while sum(not HEADER.match(line) for line in told) < max(lines, 1):
            assert program.stdout
            line = program.stdout.readline()
            assert line, f"{typed} ended: {told}"
            told.append(line.rstrip("\n"))
        return Answer(0, self._as_shown(told))

    def leave(self) -> None:
        """Stop what was started, as Ctrl-C does."""
        for program in self._up:
            program.send_signal(signal.SIGINT)
            said, _ = program.communicate(timeout=LIMIT_S)
            assert program.returncode in STOPPED, said

    def _trader(self, words: list[str], keyboard: Keyboard, screen: Screen) -> int:
        environ = dict(self.environ)
        while assignment := ASSIGNMENT.match(words[0]):
            environ[assignment[1]] = assignment[2]
            words = words[1:]
        options = Options()
        console = Console(options, environ, keyboard, screen, screen)
        with (
            _in_time(),
            agreeing_in(self._agreed),
            contextlib.chdir(self.folder),
            mock.patch.dict(os.environ, environ, clear=True),
            contextlib.redirect_stdout(screen),
            contextlib.redirect_stderr(screen),
        ):
            return main(words[1:], Invocation(console, options, environ, self.folder))

    def _bash(self, typed: str, answers: Sequence[str]) -> Answer:
        done = subprocess.run(
            ["/bin/bash", "-o", "pipefail", "-c", typed],
            cwd=self.folder,
            env={**self.environ, AHEAD_MS: str(self.time.ahead_ms)},
            input="".join(f"{self._meant(answer)}\n" for answer in answers),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
        )
        return Answer(done.returncode, self._as_shown(done.stdout.split("\n")))

    def _meant(self, said: str) -> str:
        meaning = self.words.get(said, said)
        return meaning if isinstance(meaning, str) else meaning()

    def _as_shown(self, lines: Sequence[str]) -> tuple[str, ...]:
        """Return the lines as a page shows them: with the reader's folder and the page's own words."""
        shown = [
            *self._masks.items(),
            *((port, said) for said, port in self._ports.items()),
            (str(self.folder), SHOWN_HOME),
            (str(self._agreed), SHOWN_AGREED),
            (f"{Path(sys.executable).parent}/", f"{SHOWN_HOME}/.venv/bin/"),
        ]
        text = "\n".join(lines)
        for there, word in shown:
            text = text.replace(there, word)
        return tuple(text.split("\n"))


@contextlib.contextmanager
def _in_time() -> Iterator[None]:
    """Interrupt what waits for ever, as a server does that the page does not mark as `stays up`."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.alarm(LIMIT_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _plain_commands(typed: str, home: Path) -> list[list[str]]:
    """Return the words of each `trader …` between `&&`; nothing where a line takes more than that."""
    if NEEDS_BASH.search(typed):
        return []
    lexer = shlex.shlex(typed, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = [str(home / word[2:]) if word.startswith("~/") else word for word in lexer]
    commands = [list(part) for is_and, part in groupby(words, lambda word: word == "&&") if not is_and]
    return commands if all(_is_trader(words) for words in commands) else []


def _is_trader(words: Sequence[str]) -> bool:
    command = [word for word in words if not ASSIGNMENT.match(word)]
    return command[:1] == ["trader"] and not any(PUNCTUATION.fullmatch(word) for word in command)


def _free_port() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])
