"""The manual page, made from the program: commands, exit codes, settings, files. Language: man(7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cli import VERSION
from cli.catalog import CHAPTERS
from cli.options import shared_parameters
from cli.registry import Entry, Section, exit_codes, load
from core.errors import EXIT_MEANINGS
from core.settings import describe_settings

_DESCRIPTION = """\
.B trader
takes automated crypto trading from a dry run to live money, and keeps it safe there.
Without a key and without a network every command works against a paper exchange that comes with it.
Real money is asked for: stage 2 opens only on fresh evidence of stages 0 and 1, with
.B CONFIRM_LIVE=yes
in the environment and a typed phrase that changes with every live run.
.PP
Standard output is data, standard error is talk.
With
.B \\-\\-json
standard output holds exactly one document, also on failure."""

_FILES = (
    (
        "./.env",
        "the settings, unless --env-file or TRADER_ENV_FILE names another; else .env in the home",
    ),
    ("~/.local/state/trader", "the home, unless --home or TRADER_HOME names another folder"),
    ("HOME/journal.sqlite3", "the journal: every order before it is sent, hash-chained"),
    ("HOME/trade_audit.log", "the same for people, a line an event"),
    ("HOME/installation", "the ids by which our orders are known at the venue"),
    ("HOME/HALTED", "while it exists, nothing is sent but cancels and flatten"),
    ("HOME/emergency.ndjson", "what was sent while the journal could not be written"),
    ("HOME/reports", "a report of each reconciliation, by day"),
    ("/var/tmp/trader-UID", "what all commands of a user agree on: leases, request budgets"),
)


def man_page() -> str:
    """Return docs/man/trader.1."""
    return "\n".join(
        [
            '.\\" Made from the program: UPDATE_GOLDEN=1 pytest tests/test_docs.py',
            f'.TH TRADER 1 "" "trader {VERSION}" "User Commands"',
            ".SH NAME",
            "trader \\- take automated trading from a dry run to live money, and keep it safe there",
            ".SH SYNOPSIS",
            ".B trader",
            ".RI [ options ]\n.I command\n.RI [ arguments ]",
            ".SH DESCRIPTION",
            _DESCRIPTION,
            ".SH OPTIONS",
            "These work before and after a command.",
            *_options(list(shared_parameters()), _context("status", load(_entry("status")))),
            ".SH COMMANDS",
            "Each has a runbook:\n.B trader runbook\n.IR NAME .",
            *(line for name, entry in _entries() for line in _command(name, entry)),
            ".SH EXIT STATUS",
            *(line for code, meaning in EXIT_MEANINGS.items() for line in _tagged(str(code), meaning)),
            ".SH ENVIRONMENT",
            "Process environment over settings file over defaults. All of these may stand in either, but\n"
            ".BR CONFIRM_LIVE ,\nwhich counts in the environment only.",
            *(line for each in describe_settings() for line in _tagged(each.name, _setting(each))),
            ".SH FILES",
            *(line for name, what in _FILES for line in _tagged(name, what, italic=True)),
            ".SH EXAMPLES",
            *_example("From nothing to a first dry run:", "trader init", "trader check", "trader stage 0"),
            *_example("At three in the morning:", "trader halt", "trader cancel-all --yes"),
            ".SH SEE ALSO",
            *_example("Where you are on the way to live money:", "trader runbook live-launch --next"),
            "",
        ]
    )


def _entries() -> Iterator[tuple[str, Entry]]:
    for chapter in CHAPTERS:
        for declared in chapter.commands:
            if isinstance(declared, Section):
                yield from ((f"{declared.name} {entry.name}", entry) for entry in declared.entries)
            else:
                yield declared.name, declared


def _entry(wanted: str) -> Entry:
    return next(entry for name, entry in _entries() if name == wanted)


def _command(name: str, entry: Entry) -> Iterator[str]:
    command = load(entry)
    context = _context(name, command)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f".SS {_text(f'trader {name} {usage}')}"
    yield _text(entry.summary)
    shared = {parameter.name for parameter in shared_parameters()} | {"help"}
    own = [each for each in command.get_params(context) if each.name not in shared]
    yield from _options(own, context)
    yield ".PP"
    yield f"Example:\n.B {_text(entry.example)}"
    yield f".br\nExit status: {', '.join(map(str, exit_codes(entry)))}."


def _context(name: str, command: Any) -> Any:
    return command.context_class(command, info_name=name)


def _options(parameters: list[Any], context: Any) -> Iterator[str]:
    for parameter in parameters:
        record = parameter.get_help_record(context)
        if record is not None:
            names, said = record
            yield from _tagged(" ".join(names.split()), said)


def _tagged(tag: str, said: str, *, italic: bool = False) -> Iterator[str]:
    yield ".TP"
    yield f".{'I' if italic else 'B'} {_text(tag)}"
    yield _text(said)


def _setting(described: Any) -> str:
    parts = [described.meaning]
    parts += [f"Unit: {described.unit}."] if described.unit else []
    parts += [f"Default: {described.default}."] if described.default else []
    parts += [f"Danger: {described.danger}."] if described.danger else []
    return " ".join(parts)


def _example(said: str, *lines: str) -> Iterator[str]:
    yield from (".PP", said, ".PP", ".RS 4", ".nf", *(_text(line) for line in lines), ".fi", ".RE")


def _text(text: str) -> str:
    """Return text that means nothing to the formatter: escapes, and hyphens that can be copied."""
    plain = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return re.sub(r"^(?=[.'])", r"\\&", plain)
