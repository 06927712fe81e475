"""Whole conversations with the program, as golden files: command, exit code, stdout, stderr.

A file is a series of `$ command` lines, each followed by what it answered. The commands run in a folder of
their own, without a terminal: plain ones (`NAME=value trader …`) in this process, which is ten times as fast,
also where a line goes on after them (`trader … | sed …`, `trader … > file; …`); the rest in bash, in which
`trader` is the real program. `UPDATE_GOLDEN=1 pytest tests/cli` rewrites the answers;
read the diff like code.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from cli.console import Console
from cli.invocation import Invocation
from cli.main import main
from cli.options import Options

REPOSITORY = Path(__file__).resolve().parent.parent.parent
TIMEOUT_S = 120
NEEDS_A_SHELL = re.compile(r"[|&;<>$`*]")
GOES_ON = re.compile(
    r"""trader\ (?P<arguments>[^|;&<>$`*'"]*?)
    (?:\ +>\ *(?P<file>[\w./-]+))?
    \ *(?P<then>\|(?!\|)|;|&&|\Z)
    \ *(?P<rest>.*)""",
    re.DOTALL | re.VERBOSE,
)
ASSIGNMENT = re.compile(r"([A-Z_]+)=(.*)\Z", re.DOTALL)

CHANGING = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"\b1[0-9]{12}\b"), "TIME_MS"),
    (re.compile(r"\btr[0-9a-f]{16}-"), "trINSTALLATION-"),
    (re.compile(r"\b[0-9]{9}( key (…|\\u2026)[A-Za-z0-9]{4})?\b"), "ACCOUNT"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"\b[A-Za-z0-9]{64}\b"), "KEY"),
    (re.compile(r"(127\.0\.0\.1|\[::1\]|localhost):[1-9]\d*"), r"\1:PORT"),
    (re.compile(r"(offset )[+-]\d+( ms, known to ±)\d+"), r"\1OFFSET\2BOUND"),
    (re.compile(r"(Λ )[+-]?[\d.]+(, Γ )[\d.]+"), r"\1LAMBDA\2GAMMA"),
    (re.compile(r'("pid": |\bpid +)\d+'), r"\1PID"),
)


class Shell:
    """A folder, a home and a `trader` on the path; nothing of the developer's environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        self.program = folder / "bin" / "trader"
        self.program.parent.mkdir()
        self.program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cli.main "$@"\n')
        self.program.chmod(0o755)
        self.environ = {
            "PATH": f"{self.program.parent}:/usr/bin:/bin",
            "HOME": str(folder / "user"),
            "TRADER_HOME": str(folder / "home"),
            "TRADER_RUNTIME_DIR": str(folder / "runtime"),
            "PYTHONPATH": str(REPOSITORY),
            "LANG": "C.UTF-8",
            "COLUMNS": "100",
        }
        self._fixed = [(str(self.folder), "WORK"), (str(folder), "TMP"), (str(REPOSITORY), "REPOSITORY")]

    def answer(self, command: str) -> str:
        """Run one line and return it with its answer, changing parts replaced by fixed words."""
        exit_code, stdout, stderr = self.run(command)
        parts = [f"$ {command}", f"exit code {exit_code}"]
        for name, text in (("stdout", stdout), ("stderr", stderr)):
            if text:
                parts += [f"--- {name}", self._normalized(text).rstrip("\n")]
        return "\n".join(parts) + "\n"

    def run(self, command: str) -> tuple[int, str, str]:
        """Return exit code, stdout and stderr of one line."""
        words = shlex.split(command)
        assignments = {}
        while words and (assignment := ASSIGNMENT.match(words[0])):
            assignments[assignment[1]] = assignment[2]
            words.pop(0)
        if words[:1] == ["trader"] and not NEEDS_A_SHELL.search(command):
            return self._in_this_process(words[1:], {**self.environ, **assignments})
        if going_on := GOES_ON.fullmatch(command):
            return self._going_on(**going_on.groupdict())
        return self.bash(command)

    def _going_on(self, arguments: str, file: str | None, then: str, rest: str) -> tuple[int, str, str]:
        """Run `trader ARGUMENTS [> FILE]` in this process and then (`|`, `;`, `&&`) the rest of its line."""
        exit_code, stdout, stderr = self._in_this_process(arguments.split(), self.environ)
        if file:
            Path(self.folder, file).write_text(stdout)
            stdout = ""
        if then == "|":
            exit_code, stdout, rest_stderr = self.bash(rest, stdout)
            return exit_code, stdout, stderr + rest_stderr
        if not rest or (then == "&&" and exit_code):
            return exit_code, stdout, stderr
        exit_code, rest_stdout, rest_stderr = self.run(rest)
        return exit_code, stdout + rest_stdout, stderr + rest_stderr

    def bash(self, command: str, stdin: str = "") -> tuple[int, str, str]:
        """Return exit code, stdout and stderr of one line, run by bash with the real program."""
        done = subprocess.run(
            ["/bin/bash", "-c", command],
            cwd=self.folder,
            env=self.environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        return done.returncode, done.stdout, done.stderr

    def _in_this_process(self, arguments: Sequence[str], environ: dict[str, str]) -> tuple[int, str, str]:
        options, stdout, stderr = Options(), io.StringIO(), io.StringIO()
        console = Console(options, environ, io.StringIO(), stdout, stderr)
        with (
            contextlib.chdir(self.folder),
            mock.patch.dict(os.environ, environ, clear=True),
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
        ):
            exit_code = main(arguments, Invocation(console, options, environ, self.folder))
        return exit_code, stdout.getvalue(), stderr.getvalue()

    def _normalized(self, text: str) -> str:
        for changing, word in self._fixed:
            text = text.replace(changing, word)
        for pattern, word in CHANGING:
            text = pattern.sub(word, text)
        return text


def assert_golden(file: Path, shell: Shell) -> None:
    """Replay a golden file's commands and compare the whole conversation."""
    expected = file.read_text(encoding="utf-8")
    commands = [line[2:] for line in expected.splitlines() if line.startswith("$ ")]
    assert commands, f"{file.name} holds no command"
    actual = "\n".join(shell.answer(command) for command in commands)
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(actual, encoding="utf-8")
    else:
        assert actual == expected
