"""What the operator sees: stdout is data, stderr is talk, errors become exit codes here and nowhere else.

With --json stdout holds exactly one document: on success, on refusal, on a usage error and on a bug.
What only some commands need is imported where it is needed: --help and --version wait for none of it.
"""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

from cli.options import Options
from core.errors import EXIT_BUG, EXIT_OK, Interrupted, NotConfirmed, TraderError, most_dangerous
from core.phrases import as_meant

if TYPE_CHECKING:
    from rich.console import RenderableType

CLEAR_LINE = "\r\x1b[2K"
BELOW = "\N{VERTICAL ELLIPSIS}"
"""Stands in a drawn table for a text that is written there afterwards."""
RED, YELLOW, DIM, PLAIN = "\x1b[1;31m", "\x1b[33m", "\x1b[2m", "\x1b[0m"


class UsageError(TraderError):
    default_code = "USAGE"


class Bug(TraderError):
    default_code = "BUG"


class Console:
    """The one way to stdout, stderr and the person at the terminal.

    A reader that went away (`trader status | head -1`) loses the rest of the output and nothing else: a
    command must not stop in the middle of a trade because nobody listens any more.
    """

    def __init__(
        self, options: Options, environ: Mapping[str, str], stdin: TextIO, stdout: TextIO, stderr: TextIO
    ) -> None:
        self.options = options
        self.command = ""
        self.last_look: Callable[[], TraderError | None] = nothing_seen
        self._stdin, self._stdout, self._stderr = stdin, stdout, stderr
        self._color_allowed = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        self._place: dict[str, str | None] = {}
        self._header_due = False
        self._progress_shown = False
        self._result: dict[str, object] = {}
        self._stdout_is_taken = False
        self._output_lost = False
        self._reader_left = False

    def line(self, text: str = "") -> None:
        """Print one line of data; nothing with --json, where `result` speaks."""
        if not self.options.as_json:
            self._show_header()
            self._write(self._stdout, text)

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[object] | str]) -> None:
        """Print rows of data: rich on a terminal, plain columns in a pipe; nothing with --json.

        A row that is a text belongs below the last column. On a terminal it begins further left and is not
        wrapped: what is to be copied must stay one line.
        """
        cells = [row if isinstance(row, str) else [str(cell) for cell in row] for row in rows]
        if self.draws:
            self.line(self._rich_table(headers, cells))
        elif not self.options.as_json:
            from tabulate import tabulate

            below = [""] * (len(headers) - 1)
            whole = [[*below, row] if isinstance(row, str) else row for row in cells]
            self.line(tabulate(whole, headers, tablefmt="plain", disable_numparse=True))

    def _rich_table(self, headers: Sequence[str], rows: Sequence[Sequence[str] | str]) -> str:
        from rich.table import Table
        from rich.text import Text

        table = Table(*headers, box=None, pad_edge=False, header_style="bold")
        for column in table.columns:
            column.overflow = "fold"
        table.columns[0].no_wrap = True
        for row in rows:
            table.add_row(*([BELOW] if isinstance(row, str) else map(Text, row)))
        texts = iter([row for row in rows if isinstance(row, str)])
        lines = self._drawn(table).split("\n")
        return "\n".join(f"   {next(texts)}" if line.strip() == BELOW else line for line in lines)

    def drawing(self, drawn: RenderableType) -> None:
        """Print what rich draws, where `draws` says that it may."""
        self.line(self._drawn(drawn))

    def _drawn(self, drawn: RenderableType) -> str:
        from rich.console import Console as Screen

        screen = Screen(file=self._stdout)
        with screen.capture() as captured:
            screen.print(drawn)
        return captured.get().rstrip("\n")

    def result(self, **values: object) -> None:
        """Add to the result of the JSON document, if there is to be one; it is shown on failure too."""
        if self.options.as_json:
            from cli.documents import json_ready

            self._result.update({name: json_ready(value) for name, value in values.items()})

    def only_line(self, values: Mapping[str, object]) -> None:
        """Print a document of another shape as the only line that stdout will get: a server's address."""
        from cli.documents import one_line

        self._stdout_is_taken = True
        self._write(self._stdout, one_line(values))

    def locate(
        self,
        *,
        venue: str | None = None,
        environment: str | None = None,
        account: str | None = None,
        env_file: Path | None = None,
    ) -> None:
        """Note which books this command is about, as far as known, for the header and the document.

        The header is printed before the next output of any kind, once the venue is known: a command with
        nothing to say, run by cron, stays silent.
        """
        given = {"venue": venue, "environment": environment, "account": account, "env_file": env_file}
        known = self._place
        self._place = known | {name: str(value) for name, value in given.items() if value is not None}
        self._header_due = self._header_due or self._place != known

    def _show_header(self) -> None:
        if self._header_due and "venue" in self._place and not self.options.quiet:
            self._header_due = False
            parts = [
                f"{name} {self._place[name]}"
                for name in ("venue", "environment", "account")
                if name in self._place
            ]
            settings = self._place.get("env_file") or "none"
            self._talk(", ".join([*parts, f"settings file {settings}"]), DIM)

    def say(self, text: str) -> None:
        """Tell the operator what is going on; not with --quiet."""
        if not self.options.quiet:
            self._show_header()
            self._talk(text)

    def detail(self, text: str) -> None:
        """Tell what only --verbose asks for."""
        if self.options.verbose:
            self.say(text)

    def warn(self, text: str) -> None:
        """Tell what is wrong without stopping."""
        self._show_header()
        self._talk(f"{self._colored('warning:', YELLOW)} {_one_line(text)}")

    @property
    def has_reader(self) -> bool:
        """Whether somebody still takes the data: False once a pipe was closed at its other end."""
        return not self._reader_left

    @property
    def is_live(self) -> bool:
        """Whether somebody sees stderr change while a command waits."""
        return self._stderr.isatty() and not self.options.quiet

    @property
    def terminal(self) -> TextIO | None:
        """Where something may move while a command waits: stderr when somebody sees it change."""
        return self._stderr if self.is_live else None

    @property
    def stdin(self) -> TextIO:
        """Where lines come from: a keyboard, or a script."""
        return self._stdin

    @property
    def is_attended(self) -> bool:
        """Whether somebody types, and sees what is asked."""
        return self._can_ask()

    def within(self, environ: Mapping[str, str]) -> Console:
        """Return the console of a command inside this one: its data is talk where ours is a document."""
        stdout = self._stderr if self.options.as_json else self._stdout
        return Console(Options(), environ, self._stdin, stdout, self._stderr)

    @property
    def draws(self) -> bool:
        """Whether data is drawn for a person, with colors, instead of printed plainly."""
        return self._stdout.isatty() and self._color_allowed and not self.options.as_json

    @property
    def shows_all(self) -> bool:
        """Whether a report is read by a person: off a terminal only what is wrong is printed, unless -v."""
        return self.options.verbose or (self._stdout.isatty() and not self.options.quiet)

    def progress(self, text: str) -> None:
        """Replace the last line of a terminal; nothing elsewhere."""
        if self.is_live:
            self._show_header()
            self._write(self._stderr, f"{CLEAR_LINE}{text}", end="")
            self._progress_shown = True

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask y/N; --yes answers. Raises NotConfirmed, at once where there is no terminal to ask at."""
        if yes:
            return
        if not self._can_ask():
            raise NotConfirmed(f"not confirmed: {question}", hint="without a terminal, confirm with --yes")
        if self._ask(f"{question} [y/N] ").lower() not in ("y", "yes"):
            raise NotConfirmed(f"not confirmed: {question}", hint="answer y, or give --yes")

    def confirm_phrase(self, phrase: str, given: str | None) -> None:
        """Have the phrase typed, or given by --confirm; --yes never stands in for it. Raises NotConfirmed."""
        hint = f'confirm with --confirm "{phrase}"'
        answer = self.type_phrase(phrase) if given is None else given
        if answer is None:
            raise NotConfirmed("the phrase was not given", hint=hint)
        if as_meant(answer) != phrase:
            raise NotConfirmed("the phrase was another one", hint=hint)

    def ask(self, question: str) -> str | None:
        """Return what a human answers; None where there is nobody to ask."""
        return self._ask(question) if self._can_ask() else None

    def ask_secret(self, question: str) -> str | None:
        """Return what a human types without showing it; None where there is nobody to ask."""
        if not self._can_ask():
            return None
        from cli.hidden_input import no_echo

        with no_echo(self._stdin):
            answer = self._ask(question)
        self._write(self._stderr, "")
        return answer

    def read_line(self) -> str:
        """Return the next line of stdin, for what a script hands over, not showing it at a terminal."""
        from cli.hidden_input import no_echo

        with no_echo(self._stdin):
            return self._stdin.readline().strip()

    def type_phrase(self, phrase: str) -> str | None:
        """Return what a human types when asked for the phrase; None where there is nobody to ask."""
        return self.ask(f"Type this to go on: {phrase}\n> ")

    def _can_ask(self) -> bool:
        return self._stdin.isatty() and self._stderr.isatty()

    def _ask(self, prompt: str) -> str:
        from cli.interruptible import interruptible

        self._show_header()
        with interruptible():
            self._write(self._stderr, prompt, end="")
            return self._stdin.readline().strip()

    def run(self, command: Callable[[], object]) -> int:
        """Run a command to its exit code: every error is shown here, as a line or in the document."""
        error: TraderError | None = None
        try:
            command()
        except typer.Exit as end:
            # --help and completion have printed their own text.
            self._stdout_is_taken = self._stdout_is_taken or not self._result
            return self._finish(end.exit_code, None)
        except typer.TyperException as wrong:
            error = self._usage_error(wrong)
        except TraderError as known:
            error = known
        except (KeyboardInterrupt, typer.Abort):
            error = Interrupted("interrupted")
        except Exception as unexpected:
            # Its text may hold a signed URL; the class says enough to find it.
            error = Bug(
                f"an unexpected failure: {type(unexpected).__name__}",
                hint="this is a bug; --verbose shows where it happened",
            )
            if self.options.verbose:
                self._talk("".join(traceback.format_exception(unexpected)).rstrip())
        return self._look_back(error)

    def _look_back(self, error: TraderError | None) -> int:
        """Finish with what the last look finds beside the command's own error: the most dangerous wins."""
        found = self.last_look()
        if found is None:
            return self._finish(error.exit_code if error else EXIT_OK, error)
        if error is not None or self.options.as_json:
            self.warn(f"{found.message}; {found.hint}")
        exit_code = most_dangerous(each.exit_code for each in (error, found) if each is not None)
        return self._finish(exit_code, error or found)

    def _finish(self, exit_code: int, error: TraderError | None) -> int:
        if self.options.as_json and not self._stdout_is_taken:
            from cli.documents import document

            self._write(self._stdout, document(self.command, exit_code, self._place, self._result, error))
        elif error is not None:
            self._show_header()
            self._talk(f"{self._colored(f'error[{error.code}]:', RED)} {_one_line(error.message)}")
            if error.hint:
                self._talk(f"hint: {_one_line(error.hint)}")
        return exit_code or (EXIT_BUG if self._output_lost else EXIT_OK)

    def _usage_error(self, wrong: typer.TyperException) -> UsageError:
        context: typer.Context | None = getattr(wrong, "ctx", None)
        path = context.command_path if context else "trader"
        self.command = path.partition(" ")[2]
        hint = f"`{path} --help` shows how"
        if self.command and (commands := getattr(context and context.command, "commands", None)):
            hint += f": {', '.join(commands)}"
        return UsageError(" ".join(wrong.format_message().split()), hint=hint)

    def _talk(self, text: str, color: str = "") -> None:
        self._write(self._stderr, self._colored(text, color) if color else text)

    def _colored(self, text: str, color: str) -> str:
        return f"{color}{text}{PLAIN}" if self._color_allowed and self._stderr.isatty() else text

    def _write(self, stream: TextIO, text: str, end: str = "\n") -> None:
        if self._progress_shown and end:
            self._progress_shown = False
            self._write(self._stderr, CLEAR_LINE, end="")
        try:
            stream.write(text + end)
            stream.flush()
        except BrokenPipeError:
            self._reader_left |= stream is self._stdout
            _silence(stream)
        except (OSError, ValueError) as error:
            _silence(stream)
            self._output_lost = True
            if stream is self._stdout:
                why = getattr(error, "strerror", None) or error
                self._talk(f"error: the output could not be written: {why}; what was done is done")


def nothing_seen() -> None:
    """Look at nothing: what most of a console's users need."""


def _one_line(text: str) -> str:
    """Return the text without line ends and terminal codes: a venue or a file name may contain them."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _silence(stream: TextIO) -> None:
    """Send what is still to come to nowhere, so that the interpreter's last flush cannot fail either."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
