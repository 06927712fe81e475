"""Every runbook page can be read, and every command, check and gate it names is there."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest
import typer

from cli.console import Console
from cli.invocation import Invocation
from cli.main import command_line
from cli.options import Options
from cli.registry import Group
from cli.runbook_pages import all_pages
from core.operations.runbook import known_gates
from core.runbooks import Page

PAGES = {page.name: page for page in all_pages()}
PROCEDURES = {
    "live-launch",
    "daily",
    "stuck-order",
    "suspicious-activity",
    "balance-depleted",
    "key-rotation",
    "outage",
    "recovery",
    "first-hour",
}
CONSOLE = re.compile(r"^ *```console\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`trader runbook ([^`]+)`")
ASSIGNMENT = re.compile(r"[A-Z_]+=")
SEPARATORS = {"|", "&&", ";", ">"}


def lines_of(page: Page) -> list[str]:
    """Return what the page tells to type: lines of its code blocks, and commands of its steps."""
    texts = [part if isinstance(part, str) else part.text for part in page.parts]
    blocks = [block for text in texts for block in CONSOLE.findall(text)]
    typed = [line.strip()[2:] for block in blocks for line in block.splitlines() if line.strip()[:2] == "$ "]
    mentioned = [f"trader runbook {words}" for text in texts for words in INLINE.findall(text)]
    return [*typed, *mentioned, *(step.command for step in page.steps if step.command)]


def commands_of(line: str) -> list[list[str]]:
    """Return the arguments of every `trader` in a line of shell."""
    words = shlex.shlex(line, posix=True, punctuation_chars="|&;>")
    words.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in words:
        if word in SEPARATORS:
            found.append([])
        elif found[-1] or not ASSIGNMENT.match(word):
            found[-1].append(word)
    return [command[1:] for command in found if command[:1] == ["trader"]]


def parse(arguments: list[str]) -> None:
    """Take a command line as the program does, up to running it. Raises Typer's usage errors."""
    options, output = Options(), io.StringIO()
    console = Console(options, {}, io.StringIO(), output, output)
    group = command_line()
    context = group.make_context("trader", arguments, obj=Invocation(console, options, {}, Path("/")))
    while True:
        name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)
        if not isinstance(command, Group):
            return
        group = command


TYPED = [
    pytest.param(arguments, id=f"{page.name}: {' '.join(arguments)}")
    for page in PAGES.values()
    for line in lines_of(page)
    for arguments in commands_of(line)
]


def test_there_are_commands_to_look_at() -> None:
    assert len(TYPED) > 100
    with pytest.raises(typer.TyperException):
        parse(["check", "--olny", "clock"])
    with pytest.raises(typer.TyperException):
        parse(["audit", "verfy"])


@pytest.mark.parametrize("arguments", TYPED)
def test_every_command_line_is_one(arguments: list[str]) -> None:
    with contextlib.suppress(typer.Exit):  # --version ends while it is parsed
        parse(arguments)
    assert arguments[:1] != ["runbook"] or len(arguments) == 1 or arguments[1] in PAGES


@pytest.mark.parametrize("name", sorted(PROCEDURES))
def test_a_procedure_names_only_what_there_is(name: str) -> None:
    page = PAGES[name]
    assert page.steps
    assert {gate for step in page.steps for gate in step.gates} <= known_gates()
    # `--next` shows one line to type, and the page shows the same to whoever reads it without the program.
    for step in page.steps:
        assert step.is_manual or step.command, f"step {step.number} says not what to type"


def test_procedures_and_only_they_have_steps() -> None:
    assert {page.name for page in PAGES.values() if page.steps} == PROCEDURES


def test_every_check_of_a_live_run_is_in_the_way_to_it() -> None:
    """What only a run can ask, and what is asked at its start, is left out."""
    named = {gate for step in PAGES["live-launch"].steps for gate in step.gates}
    at_the_start = {"stage-0", "stage-1", "ladder", "pre-flight", "drills", "confirm-live", "phrase"}
    elsewhere = {"account", "alerts", "positions", "protective-stop"}
    assert known_gates() - named == at_the_start | elsewhere
