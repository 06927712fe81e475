"""The console: one document, the right stream, no waiting without a terminal, errors as exit codes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import pytest
import typer

from cli.console import Console
from cli.documents import json_ready
from cli.options import Options
from core.errors import (
    CONDITIONS,
    ConfigError,
    GateClosed,
    NotConfirmed,
    OutcomeUnknown,
    PositionOpen,
    TraderError,
    VenueRejected,
)
from core.secrets import Secret
from core.values import Base, Quote


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """A pipe whose reader went away."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


class Full(io.StringIO):
    """A file on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


@dataclass
class Screen:
    console: Console
    options: Options
    stdout: io.StringIO
    stderr: io.StringIO

    @property
    def document(self) -> dict[str, object]:
        """Return the document, having checked that it is the only line."""
        lines = self.stdout.getvalue().splitlines()
        assert len(lines) == 1
        loaded = json.loads(lines[0])
        assert isinstance(loaded, dict)
        return loaded


def screen(
    *,
    as_json: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    typed: str | None = None,
    stdout: io.StringIO | None = None,
    terminal: bool = False,
    environ: dict[str, str] | None = None,
) -> Screen:
    options = Options(quiet=quiet, verbose=verbose, as_json=as_json)
    stdin = io.StringIO() if typed is None else Terminal(typed)
    stdout = stdout or (Terminal() if terminal else io.StringIO())
    stderr = Terminal() if terminal or typed is not None else io.StringIO()
    console = Console(options, environ or {"NO_COLOR": "1"}, stdin, stdout, stderr)
    console.command = "stage"
    return Screen(console, options, stdout, stderr)


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


# --- errors become exit codes ---------------------------------------------------------------------------


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.code)
@pytest.mark.parametrize("as_json", [False, True])
def test_every_condition_ends_with_its_exit_code(condition: tuple[str, int, str], as_json: bool) -> None:
    code, exit_code, meaning = condition
    shown = screen(as_json=as_json)
    assert shown.console.run(raising(TraderError(meaning, code=code, hint="do this"))) == exit_code
    if as_json:
        assert shown.document["exit_code"] == exit_code
        assert shown.document["ok"] is False
        assert shown.document["error"] == {"code": code, "message": meaning, "hint": "do this", "details": {}}
        assert shown.stderr.getvalue() == ""
    else:
        assert shown.stdout.getvalue() == ""
        assert shown.stderr.getvalue() == f"error[{code}]: {meaning}\nhint: do this\n"


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (ConfigError("x"), 3),
        (GateClosed("x"), 4),
        (VenueRejected("x", venue_code=-2010, venue_text="y"), 6),
        (OutcomeUnknown("x"), 8),
        (PositionOpen("x"), 9),
        (KeyboardInterrupt(), 130),
        (typer.Abort(), 130),
        (typer.BadParameter("x"), 2),
        (typer.Exit(0), 0),
        (RuntimeError("x"), 1),
    ],
)
def test_what_a_command_raises_becomes_its_exit_code(error: BaseException, exit_code: int) -> None:
    assert screen().console.run(raising(error)) == exit_code


@pytest.mark.parametrize("as_json", [False, True])
def test_an_unexpected_failure_shows_neither_text_nor_traceback(as_json: bool) -> None:
    shown = screen(as_json=as_json)
    assert shown.console.run(raising(RuntimeError("https://api?signature=s3cr3t"))) == 1
    everything = shown.stdout.getvalue() + shown.stderr.getvalue()
    assert "RuntimeError" in everything
    assert "s3cr3t" not in everything
    assert "Traceback" not in everything


def test_verbose_shows_where_it_happened_on_stderr_without_locals() -> None:
    shown = screen(as_json=True, verbose=True)

    def command() -> None:
        key = "s3cr3t" * 2
        raise RuntimeError(len(key))

    assert shown.console.run(command) == 1
    assert "Traceback" in shown.stderr.getvalue()
    assert "s3cr3ts3cr3t" not in shown.stderr.getvalue()
    assert shown.document["ok"] is False


def test_terminal_codes_in_a_venue_s_text_are_not_obeyed() -> None:
    shown = screen()
    shown.console.run(raising(VenueRejected("\x1b[2J\nall is well", venue_code=1, venue_text="")))
    assert shown.stderr.getvalue() == "error[VENUE_REJECTED]: \\x1b[2J\\nall is well\n"


# --- what is found at the end of a command ----------------------------------------------------------------

LEFT = PositionOpen("0.1 of BTCUSDT is protected by nothing", hint="sell it")
AT_THE_END: list[tuple[BaseException | None, int]] = [
    (None, 9),
    (GateClosed("closed"), 9),
    (VenueRejected("no", venue_code=-2010, venue_text="no"), 9),
    (KeyboardInterrupt(), 9),
    (RuntimeError("a bug"), 9),
    (OutcomeUnknown("who knows"), 8),
]


@pytest.mark.parametrize(("error", "exit_code"), AT_THE_END, ids=[repr(error) for error, _ in AT_THE_END])
@pytest.mark.parametrize("as_json", [False, True])
def test_a_last_look_is_shown_and_decides_unless_something_is_worse(
    error: BaseException | None, exit_code: int, as_json: bool
) -> None:
    shown = screen(as_json=as_json)
    shown.console.last_look = lambda: LEFT
    assert shown.console.run(raising(error) if error else lambda: None) == exit_code
    assert shown.stderr.getvalue().count("0.1 of BTCUSDT is protected by nothing") == 1
    assert "sell it" in shown.stderr.getvalue()
    if as_json:
        assert shown.document["exit_code"] == exit_code
        told = shown.document["error"]
        assert isinstance(told, dict)
        assert (told["code"] == "POSITION_OPEN") is (error is None)


# --- the document ---------------------------------------------------------------------------------------


def test_a_refusal_still_shows_the_result() -> None:
    shown = screen(as_json=True)

    def command() -> None:
        shown.console.locate(venue="paper", environment="testnet", account="1", env_file=Path("/x/.env"))
        shown.console.line("not in the document")
        shown.console.table(("a",), [(1,)])
        shown.console.result(gates=[{"name": "evidence", "result": "fail"}], free=Quote(Decimal("1.50")))
        raise GateClosed("evidence is missing", hint="trader stage 0", details={"cap": Decimal(25)})

    assert shown.console.run(command) == 4
    assert shown.document == {
        "schema": 1,
        "command": "stage",
        "ok": False,
        "exit_code": 4,
        "venue": "paper",
        "environment": "testnet",
        "account": "1",
        "env_file": "/x/.env",
        "result": {"gates": [{"name": "evidence", "result": "fail"}], "free": "1.5"},
        "error": {
            "code": "GATE_CLOSED",
            "message": "evidence is missing",
            "hint": "trader stage 0",
            "details": {"cap": "25"},
        },
    }


def test_a_server_s_address_is_the_only_line() -> None:
    shown = screen(as_json=True)

    def command() -> None:
        shown.console.only_line({"rest": "http://127.0.0.1:1"})
        raise RuntimeError

    assert shown.console.run(command) == 1
    assert shown.document == {"rest": "http://127.0.0.1:1"}
    assert "error[BUG]" in shown.stderr.getvalue()


@dataclass(frozen=True)
class Record:
    price: Decimal
    side: StrEnum


class Side(StrEnum):
    BUY = "BUY"


@pytest.mark.parametrize(
    ("value", "ready"),
    [
        (Decimal("1E+3"), "1000"),
        (Base(Decimal("0.10")), "0.1"),
        (float("nan"), None),
        (0.5, 0.5),
        (Side.BUY, "BUY"),
        (Path("/x"), "/x"),
        ((1, None, True), [1, None, True]),
        (frozenset({"b", "a"}), ["a", "b"]),
        (Record(Decimal(2), Side.BUY), {"price": "2", "side": "BUY"}),
        ({Side.BUY: {"x": Decimal(1)}}, {"BUY": {"x": "1"}}),
    ],
)
def test_values_in_a_document(value: object, ready: object) -> None:
    assert json_ready(value) == ready
    json.dumps(json_ready(value), allow_nan=False)


@pytest.mark.parametrize("value", [Secret("x"), object(), {"key": [Secret("x")]}])
def test_what_has_no_place_in_a_document_is_a_bug_with_a_document(value: object) -> None:
    shown = screen(as_json=True)
    assert shown.console.run(lambda: shown.console.result(value=value)) == 1
    assert shown.document["error"]


# --- talk and data --------------------------------------------------------------------------------------


def test_a_command_with_nothing_to_say_stays_silent() -> None:
    shown = screen()
    assert shown.console.run(lambda: shown.console.locate(venue="paper", account="1")) == 0
    assert shown.stdout.getvalue() + shown.stderr.getvalue() == ""


def test_the_header_comes_once_before_the_first_word() -> None:
    shown = screen()
    shown.console.locate(venue="paper", environment="testnet")
    shown.console.line("data")
    shown.console.say("talk")
    header = "venue paper, environment testnet, settings file none"
    assert shown.stderr.getvalue() == f"{header}\ntalk\n"
    assert shown.stdout.getvalue() == "data\n"


def test_quiet_leaves_data_warnings_and_errors() -> None:
    shown = screen(quiet=True)

    def command() -> None:
        shown.console.locate(venue="paper")
        shown.console.say("talk")
        shown.console.detail("more talk")
        shown.console.warn("careful")
        shown.console.line("data")
        raise GateClosed("no")

    shown.console.run(command)
    assert shown.stderr.getvalue() == "warning: careful\nerror[GATE_CLOSED]: no\n"
    assert shown.stdout.getvalue() == "data\n"


def test_a_table_in_a_pipe_is_plain_and_keeps_its_texts() -> None:
    shown = screen()
    shown.console.table(("price", "name"), [("0.10", "a"), ("1e5", "[red]")])
    assert shown.stdout.getvalue() == "price    name\n0.10     a\n1e5      [red]\n"


def test_a_table_on_a_terminal_is_colored_unless_no_color() -> None:
    colored = screen(terminal=True, environ={"TERM": "xterm-256color"})
    colored.console.table(("name",), [("[red]",)])
    plain = screen(terminal=True)
    plain.console.table(("name",), [("[red]",)])
    assert "\x1b[" in colored.stdout.getvalue()
    assert "[red]" in colored.stdout.getvalue()
    assert plain.stdout.getvalue() == "name\n[red]\n"


def test_progress_is_cleared_before_the_next_line_and_unknown_off_a_terminal() -> None:
    on, off = screen(terminal=True), screen()
    for shown in (on, off):
        shown.console.progress("waiting")
        shown.console.say("done")
    assert on.stderr.getvalue() == "\r\x1b[2Kwaiting\r\x1b[2Kdone\n"
    assert off.stderr.getvalue() == "done\n"


def test_a_reader_that_went_away_does_not_stop_the_command() -> None:
    shown = screen(stdout=Gone())
    reached = []

    def command() -> None:
        shown.console.line("lost")
        reached.append(True)

    assert shown.console.run(command) == 0
    assert reached


def test_output_that_could_not_be_written_is_no_success() -> None:
    shown = screen(stdout=Full(), as_json=True)
    assert shown.console.run(lambda: None) == 1
    assert shown.console.run(raising(GateClosed("no"))) == 4


# --- confirmation ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["y\n", "YES\n"])
def test_yes_confirms(typed: str) -> None:
    shown = screen(typed=typed)
    shown.console.confirm("Cancel?", yes=False)
    assert shown.stderr.getvalue() == "Cancel? [y/N] "


@pytest.mark.parametrize("typed", ["\n", "n\n", "yep\n", ""])
def test_anything_else_does_not(typed: str) -> None:
    with pytest.raises(NotConfirmed):
        screen(typed=typed).console.confirm("Cancel?", yes=False)


def test_without_a_terminal_nothing_is_asked() -> None:
    shown = screen()
    with pytest.raises(NotConfirmed) as raised:
        shown.console.confirm("Cancel?", yes=False)
    assert raised.value.hint == "without a terminal, confirm with --yes"
    assert shown.stderr.getvalue() == ""
    shown.console.confirm("Cancel?", yes=True)


PHRASE = "live binance …a1b2 BTCUSDT 1 trade cap 25 USDT k7f3"


def test_the_phrase_is_typed_or_given_exactly() -> None:
    screen(typed=f"{PHRASE}\n").console.confirm_phrase(PHRASE, None)
    screen().console.confirm_phrase(PHRASE, PHRASE)
    screen(typed=f"{PHRASE.replace('…', '...')} \n").console.confirm_phrase(PHRASE, None)
    for shown, given in (
        (screen(), None),
        (screen(), PHRASE.replace("k7f3", "k7f2")),
        (screen(typed="yes\n"), None),
        (screen(typed=f"{PHRASE}\n"), "yes"),
    ):
        with pytest.raises(NotConfirmed) as raised:
            shown.console.confirm_phrase(PHRASE, given)
        assert raised.value.hint == f'confirm with --confirm "{PHRASE}"'
