"""The program `trader`: the commands it has, and the way into them."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TextIO, cast

import typer

from cli import VERSION
from cli.console import Console
from cli.invocation import Invocation
from cli.options import Options, shared_parameters
from cli.registry import Entry, Group, Section
from core.errors import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from core.settings import Settings

PROGRAM = "trader"

COMMANDS: tuple[Entry | Section, ...] = (
    Entry(
        "init",
        "Write a commented settings file and the home folder.",
        "trader init",
        "cli.commands.init:init",
        (3, 4),
        looks_back=False,
    ),
    Entry(
        "check",
        "Show every gate's condition without acting.",
        "trader check",
        "cli.commands.check:check",
        (3, 5, 7),
    ),
    Entry(
        "stage",
        "Run stage 0, 1 or 2 on the way to live money.",
        "trader stage 0",
        "cli.commands.stage:stage",
        (3, 4, 5, 6, 7, 8, 9),
    ),
    Entry(
        "status",
        "Show where you are: account, stage, positions, open orders.",
        "trader status",
        "cli.commands.status:status",
        (3, 5, 8, 9),
    ),
    Entry(
        "runbook",
        "Show what to do, step by step, and which of it is done.",
        "trader runbook live-launch --next",
        "cli.commands.runbook:runbook",
        (3, 4, 5),
    ),
    Entry(
        "drill",
        "Rehearse an incident on the paper exchange, against the clock.",
        "trader drill flatten",
        "cli.commands.drill:drill",
        (3, 4, 5),
    ),
    Entry(
        "resolve",
        "Find out what became of orders whose fate is unknown.",
        "trader resolve",
        "cli.commands.resolve:resolve",
        (3, 4, 5, 6, 7, 8),
    ),
    Entry(
        "cancel-all",
        "Cancel our open orders at the venue.",
        "trader cancel-all --yes",
        "cli.commands.cancel_all:cancel_all",
        (3, 4, 5, 6, 7, 8, 9),
        reduces=True,
    ),
    Entry(
        "flatten",
        "Halt, cancel our orders, sell our position, and say whether it is flat.",
        "trader flatten --yes",
        "cli.commands.flatten:flatten",
        (3, 4, 5, 6, 7, 8, 9),
        reduces=True,
    ),
    Entry(
        "halt",
        "Let nothing be sent any more but cancels and flatten.",
        "trader halt",
        "cli.commands.halt:halt",
        (3,),
        reduces=True,
    ),
    Entry(
        "resume",
        "Lift a halt, with a reason.",
        'trader resume --reason "the spread is back to normal"',
        "cli.commands.resume:resume",
        (3, 4, 5),
    ),
    Entry(
        "address",
        "Show where to deposit, and whether that is what you confirmed.",
        "trader address USDT --network TRX",
        "cli.commands.address:address",
        (3, 4, 5, 6, 7),
    ),
    Entry(
        "rotate-key",
        "Replace the API key, and prove that the old one is dead.",
        "trader rotate-key",
        "cli.commands.rotate_key:rotate_key",
        (3, 4, 5, 6, 7),
    ),
    Entry(
        "reconcile",
        "Compare our books with the venue's, and name every difference.",
        "trader reconcile",
        "cli.commands.reconcile:reconcile",
        (3, 4, 5, 6, 7),
    ),
    Section(
        "audit",
        "Prove, search and copy the journal's history.",
        (
            Entry(
                "verify",
                "Prove that no record of the journal was altered.",
                "trader audit verify --anchor anchors.ndjson",
                "cli.commands.audit:verify",
                (3, 4, 5),
                looks_back=False,
            ),
            Entry(
                "anchor",
                "Print the head of the chain, to keep where nobody can alter it.",
                "trader audit anchor anchors.ndjson",
                "cli.commands.audit:anchor",
                (3, 4, 5),
                looks_back=False,
            ),
            Entry(
                "show",
                "Show events, or the whole life of one order.",
                "trader audit show --kind FILL --since 24h",
                "cli.commands.audit:show",
                (3, 4, 5),
                looks_back=False,
            ),
            Entry(
                "tail",
                "Show the newest events, and follow those to come.",
                "trader audit tail --follow",
                "cli.commands.audit:tail",
                (3, 4, 5),
                looks_back=False,
            ),
            Entry(
                "export",
                "Copy events out as NDJSON or CSV, each with its hashes.",
                "trader audit export --since 2026-11-01 --output november.ndjson",
                "cli.commands.audit:export",
                (3, 4, 5),
                looks_back=False,
            ),
            Entry(
                "archive",
                "Add what is new to a compressed archive, and read it back.",
                "trader audit archive /mnt/backup/trader",
                "cli.commands.audit:archive",
                (3, 4, 5),
                looks_back=False,
            ),
        ),
    ),
    Entry(
        "report",
        "Show profit and loss, fees, drawdown; rows for tax tools.",
        "trader report --since 2026-01-01",
        "cli.commands.report:report",
        (3, 4, 5),
    ),
    Entry(
        "backtest",
        "Trade a strategy over recorded bars, with the costs you state.",
        "trader backtest --strategy coherence --data BTCUSDT-1m-2024-01.zip --html backtest.html",
        "cli.commands.backtest:backtest",
        (3,),
        looks_back=False,
    ),
    Entry(
        "sweep",
        "Test every combination of parameters over the same bars, on all cores.",
        "trader sweep --strategy ema-cross --set fast=8..16:2 --set slow=20..40:4",
        "cli.commands.sweep:sweep",
        (3, 4),
        looks_back=False,
    ),
    Section(
        "data",
        "Import recorded bars, and list what is there.",
        (
            Entry(
                "import",
                "Import Binance Vision zips, CSVs and freqtrade feather files.",
                "trader data import BTCUSDT-1m-2024-01.zip",
                "cli.commands.data:import_",
                (3, 4),
                looks_back=False,
            ),
            Entry(
                "list",
                "Show which bars are there, and where some are missing.",
                "trader data list",
                "cli.commands.data:list_",
                (3,),
                looks_back=False,
            ),
        ),
    ),
    Entry(
        "strategies",
        "List the strategies, what they need, and what can be set.",
        "trader strategies confluence",
        "cli.commands.strategies:strategies",
        (3,),
        looks_back=False,
    ),
    Entry(
        "signal",
        "Show a strategy's decision now, with all it was made of.",
        "trader signal --strategy confluence --symbol ETHUSDT",
        "cli.commands.signal:signal",
        (3, 6, 7),
    ),
    Entry(
        "backup",
        "Copy the journal into one verified file, while it is in use.",
        "trader backup /mnt/other-machine/",
        "cli.commands.backup:backup",
        (3, 4, 5),
        looks_back=False,
    ),
    Entry(
        "restore",
        "Make a home of a backup, halted until its books agree.",
        'trader restore trader-backup.zip --home ~/trader --reason "the disk died"',
        "cli.commands.restore:restore",
        (3, 4, 5),
        looks_back=False,
    ),
    Entry(
        "doctor",
        "Write what a helper needs to see into one file, without a secret.",
        "trader doctor",
        "cli.commands.doctor:doctor",
        (3, 5),
        looks_back=False,
    ),
    Entry(
        "schedule",
        "Print, or install, the daily jobs for cron or systemd.",
        "trader schedule --systemd",
        "cli.commands.schedule:schedule",
        (3, 4),
        looks_back=False,
    ),
    Section(
        "alerts",
        "Tell a human what must not wait until he looks.",
        (
            Entry(
                "send",
                "Tell what was journaled since the last time, and what could not be told then.",
                "trader alerts send",
                "cli.commands.alerts:send",
                (3,),
                looks_back=False,
                is_beside=True,
            ),
            Entry(
                "test",
                "Tell every receiver of ALERT_URLS that alerts arrive.",
                "trader alerts test",
                "cli.commands.alerts:test",
                (3,),
                looks_back=False,
                is_beside=True,
            ),
            Entry(
                "show",
                "Show the alerts that wait to be told.",
                "trader alerts show",
                "cli.commands.alerts:show",
                (3,),
                looks_back=False,
                is_beside=True,
            ),
        ),
    ),
    Entry(
        "replay",
        "Recompute every decision of a stage, and compare byte for byte.",
        "trader replay --last",
        "cli.commands.replay:replay",
        (3, 4, 5),
    ),
    Section(
        "paper",
        "Serve and manage the exchange in a box on this machine.",
        (
            Entry(
                "serve",
                "Serve the paper exchange to other programs until interrupted.",
                "trader paper serve --port 8750 --json",
                "cli.commands.paper_serve:serve",
                (3,),
                looks_back=False,
            ),
            Entry(
                "keys",
                "Show the paper exchange's API keys; make, restrict or delete one.",
                "trader paper keys --new second --ip 127.0.0.1",
                "cli.commands.paper_keys:keys",
                (3,),
                looks_back=False,
            ),
            Entry(
                "reset",
                "Throw the paper exchange's state away and start with new balances.",
                "trader paper reset --yes",
                "cli.commands.paper:reset",
                (3, 4),
                looks_back=False,
            ),
            Entry(
                "deposit",
                "Credit toy money to the paper exchange's account, or take it out.",
                "trader paper deposit USDT 1000",
                "cli.commands.paper_account:deposit",
                (3,),
                looks_back=False,
            ),
            Entry(
                "fees",
                "Show what an account of the paper exchange pays a fill, or set it.",
                "trader paper fees --maker 0.0008 --taker 0.001 --bnb",
                "cli.commands.paper_account:fees",
                (3,),
                looks_back=False,
            ),
            Entry(
                "symbol",
                "Show the paper exchange's symbols; halt one, or let it trade again.",
                "trader paper symbol BTCUSDT --status HALT",
                "cli.commands.paper_account:symbol",
                (3,),
                looks_back=False,
            ),
            Entry(
                "faults",
                "Show, set or clear what goes wrong in the paper exchange on purpose.",
                "trader paper faults set plan.json",
                "cli.commands.paper_faults:faults",
                (3,),
                looks_back=False,
            ),
        ),
    ),
)

app = typer.Typer(
    cls=Group,
    help="Take automated trading from a dry run to live money, and keep it safe there.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(context: typer.Context, asked: bool) -> None:
    if asked:
        console: Console = context.obj.console
        console.result(version=VERSION)
        console.line(f"{PROGRAM} {VERSION}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def program(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Show the help when no command was named; every command comes through here."""
    if context.invoked_subcommand is None:
        if context.obj.options.as_json:
            context.fail("no command was named")
        typer.echo(context.get_help())


def command_line() -> Group:
    """Return the whole command line, each command declared and none of them loaded."""
    group = typer.main.get_command(app)
    assert isinstance(group, Group)  # noqa: S101 - Typer makes what `cls` says
    group.params += shared_parameters()
    for declared in COMMANDS:
        group.declare(declared)
    return group


def main(arguments: Sequence[str], invocation: Invocation) -> int:
    """Run one command line and return its exit code."""
    # A usage error may be found before the parser has come to --json.
    before_end = arguments[: arguments.index("--")] if "--" in arguments else arguments
    invocation.options.as_json = "--json" in before_end

    def command() -> None:
        returned = command_line().main(
            args=list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=invocation
        )
        # Typer makes a mere return value of Ctrl-C, which would look like a command that was done.
        if returned == EXIT_INTERRUPTED:
            raise KeyboardInterrupt

    return invocation.console.run(command)


def run() -> NoReturn:
    """Be the program: the only place that reads the process environment, folder and streams."""
    options = Options()
    environ = dict(os.environ)
    console = Console(options, environ, _open(sys.stdin, "r"), _open(sys.stdout, "w"), _open(sys.stderr, "w"))
    invocation = Invocation(console, options, environ, _working_folder(), beside=_start_alerts)
    sys.exit(main(sys.argv[1:], invocation))


def _start_alerts(settings: Settings) -> None:
    if settings.alert_urls is not None or settings.heartbeat_url is not None:
        from cli.alerting import start_beside

        start_beside(settings)


def _open(stream: TextIO | None, mode: str) -> TextIO:
    if stream is None:
        # Closed by the caller (`2>&-`); whatever is said there is meant for nobody.
        return cast("TextIO", open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123
    if isinstance(stream, io.TextIOWrapper):
        # A terminal or locale that cannot show Γ must not stop a command.
        stream.reconfigure(errors="backslashreplace")
    return stream


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        # Deleted under us: there is no ./.env to find, and nothing else needs the folder.
        return Path("/")


if __name__ == "__main__":
    run()
