"""The prompt of a drill: what is typed there runs against the drill's own home, and nowhere else."""

from __future__ import annotations

import os
import select
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO

from cli.console import CLEAR_LINE, Console, UsageError
from cli.drill_scenes import Scene
from cli.invocation import Invocation
from core.drills.attempt import INTERRUPTED, Attempt, Ended
from core.drills.conditions import Condition
from core.errors import TraderError

PROMPT = "drill> "
EXIT_WORDS = frozenset({"exit", "quit"})
HELP = "type `trader …` as you would; an empty line looks again, `exit` gives up"
SETTABLE = frozenset({"BINANCE_DRY_RUN", "BINANCE_USE_TESTNET", "BINANCE_SYMBOL", "CONFIRM_LIVE"})
"""What a command line may set for itself, as in `BINANCE_DRY_RUN=false trader …`."""
ELSEWHERE = ("--home", "--env-file")
NOT_HERE = (("drill",), ("schedule",), ("paper", "faults"), ("paper", "reset"))
"""Commands that would act outside the drill, or end its incident without dealing with it."""
LOOK_EVERY_S = 1.0
COLUMNS = 80
"""How wide a terminal is that does not say."""
ABOVE, BELOW = "\x1b7\x1b[1A", "\x1b8"
"""Move to the line above the prompt, and back to where somebody is typing."""


@dataclass(frozen=True)
class Prompt:
    """Where a drill's commands come from. `script`: lines given beforehand; None: typed or piped in."""

    console: Console
    scene: Scene
    attempt: Attempt
    script: Sequence[str] | None
    show: Callable[[Sequence[Condition]], None]

    def rehearse(self) -> Ended | None:
        """Run lines until the incident has ended, time is up or none is left; None: there never was one."""
        at_terminal = self.script is None and self.console.is_attended
        lines = None if self.script is None else iter(self.script)
        standing, why, acted = self.scene.standing(), "", False
        self.show(standing)
        try:
            while not why and not self.attempt.is_late and not _ended(standing):
                line = self._typed() if at_terminal else self._piped() if lines is None else next(lines, None)
                if line is None or line.strip() in EXIT_WORDS:
                    why = "given up" if acted or at_terminal or line else "nothing came"
                elif line.strip() and not line.lstrip().startswith("#"):
                    acted = True
                    self._run(line)
                before, standing = standing, self.scene.standing()
                if standing != before:
                    self.show(standing)
        except KeyboardInterrupt:
            why = INTERRUPTED
        if why == "nothing came":
            return None
        late = f"time was up after {self.attempt.limit_ms / 60_000:g} minutes"
        return self.attempt.end(standing, why or late, at_terminal=at_terminal)

    def _piped(self) -> str | None:
        return self.console.stdin.readline() or None

    def _typed(self) -> str | None:
        """Return the next line that is typed; an empty one when the incident or the time ended first."""
        screen, keyboard = self.console.terminal, self.console.stdin
        if screen is None:  # --quiet
            return self._piped()
        screen.write(f"{self._status(screen)}\n{PROMPT}")
        screen.flush()
        while not _waits(keyboard, LOOK_EVERY_S):
            status = self._status(screen)
            if _waits(keyboard, 0):
                break  # the cursor is no longer below the line that would be written
            screen.write(f"{ABOVE}{CLEAR_LINE}{status}{BELOW}")
            screen.flush()
            if self.attempt.is_late or self.scene.resolved():
                screen.write("\n")
                return ""
        return keyboard.readline() or None

    def _status(self, screen: TextIO) -> str:
        marks = "  ".join(f"{'✓' if each.holds else '✗'} {each.name}" for each in self.scene.standing())
        minutes, seconds = divmod(self.attempt.elapsed_ms() // 1000, 60)
        columns = os.get_terminal_size(screen.fileno()).columns or COLUMNS
        return f"{minutes:02}:{seconds:02}  {marks}"[: columns - 1]

    def _run(self, line: str) -> None:
        try:
            assigned, arguments = command_of(line)
        except TraderError as error:
            self.console.warn(f"{error.message}; {error.hint}")
            return
        from cli.main import main

        if self.script is not None:
            self.console.say(f"{PROMPT}{line.strip()}")
        environ = {**self.scene.environ, **assigned}
        console = self.console.within(environ)
        run = Invocation(console, console.options, environ, self.scene.home, guard=self.scene.guard)
        exit_code = main(arguments, run)
        if exit_code:
            self.console.say(f"exit {exit_code}")


def command_of(line: str) -> tuple[dict[str, str], list[str]]:
    """Return the assignments and arguments of one line. Raises UsageError for what no drill runs."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise UsageError(f"this line cannot be read: {error}", hint=HELP) from None
    assigned: dict[str, str] = {}
    while words and "=" in words[0]:
        name, _, assigned_value = words.pop(0).partition("=")
        assigned[name] = assigned_value
    if words[:1] != ["trader"]:
        raise UsageError(f"{words[0] if words else line.strip()!r} is not run here", hint=HELP)
    arguments = words[1:]
    told = [word for word in arguments if word.partition("=")[0] in ELSEWHERE]
    told += [name for name in assigned if name not in SETTABLE]
    if told:
        raise UsageError(
            f"{told[0]} is fixed in a drill", hint="every command goes to the drill's own home and exchange"
        )
    named = [word for word in arguments if not word.startswith("-")]
    for command, *more in NOT_HERE:
        # Wherever the second word stands: an option's value may come between.
        if named[:1] == [command] and {*more} <= {*named}:
            raise UsageError(f"`trader {' '.join((command, *more))}` is not run in a drill", hint=HELP)
    return assigned, arguments


def _waits(keyboard: TextIO, seconds: float) -> bool:
    """Tell whether a line is there, waiting for one so long; a terminal hands out one at a time."""
    return bool(select.select([keyboard], [], [], seconds)[0])


def _ended(standing: Sequence[Condition]) -> bool:
    return all(each.holds for each in standing)
