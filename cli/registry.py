"""How commands are declared, loaded when they are needed, and described by --help.

Typer keeps the types of its own Click private, hence `Any` where a context or formatter comes in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from cli.last_look import unprotected_position
from cli.options import shared_parameters
from core.errors import (
    EXIT_BUG,
    EXIT_INTERRUPTED,
    EXIT_MEANINGS,
    EXIT_OK,
    EXIT_POSITION_OPEN,
    EXIT_USAGE,
)

ALWAYS_POSSIBLE = (EXIT_OK, EXIT_BUG, EXIT_USAGE, EXIT_INTERRUPTED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One command as --help tells it. `target`: "module:function", imported when the command runs.

    `exit_codes`: those beyond the ones every command has. `looks_back`: whether a position that no stop
    protects is shown at its end, and decides its exit code. `reduces`: whether it only reduces risk.
    `is_beside`: whether it is one of those that tell alerts, and starts no other to do that.
    """

    name: str
    summary: str
    example: str
    target: str
    exit_codes: tuple[int, ...] = ()
    looks_back: bool = True
    reduces: bool = False
    is_beside: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A command that has commands: `trader paper serve`."""

    name: str
    summary: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """Commands that --help lists together."""

    title: str
    commands: tuple[Entry | Section, ...]


def runbook(path: str) -> str:
    """Return the runbook of a command by its full name: `trader paper serve` has runbooks/paper.md."""
    return f"runbooks/{path.split()[1]}.md"


def exit_codes(entry: Entry) -> tuple[int, ...]:
    looking_back = (EXIT_POSITION_OPEN,) if entry.looks_back else ()
    return tuple(sorted({*ALWAYS_POSSIBLE, *looking_back, *entry.exit_codes}))


class Command(TyperCommand):
    """A command that takes the shared options and tells example, runbook and exit codes in its help."""

    entry: Entry

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Example"):
            formatter.write(f"  {self.entry.example}\n")
        with formatter.section("Runbook"):
            formatter.write(f"  {runbook(ctx.command_path)}\n")
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), EXIT_MEANINGS[code]) for code in exit_codes(self.entry)])

    def invoke(self, ctx: Any) -> Any:
        ctx.obj.console.command = ctx.command_path.partition(" ")[2]
        ctx.obj.reduces = self.entry.reduces
        if self.entry.is_beside:
            ctx.obj.beside = None
        if self.entry.looks_back:
            ctx.obj.console.last_look = partial(unprotected_position, ctx.obj)
        return super().invoke(ctx)


class Group(TyperGroup):
    """Commands that are known by name and summary, and imported only when one of them is called."""

    chapters: tuple[Chapter, ...] = ()

    def declare_chapter(self, chapter: Chapter) -> None:
        self.chapters += (chapter,)
        for declared in chapter.commands:
            self.declare(declared)

    def declare(self, declared: Entry | Section) -> None:
        if isinstance(declared, Section):
            group = Group(name=declared.name, help=declared.summary, rich_markup_mode=None)
            group.params += shared_parameters()
            for entry in declared.entries:
                group.declare(entry)
            self.add_command(group)
        else:
            stub = Command(declared.name, help=declared.summary, rich_markup_mode=None)
            stub.entry = declared
            self.add_command(stub)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        if not self.chapters:
            super().format_commands(ctx, formatter)
        width = max(map(len, self.commands))
        for chapter in self.chapters:
            with formatter.section(chapter.title):
                formatter.write_dl([(each.name.ljust(width), each.summary) for each in chapter.commands])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        if self.chapters:
            with formatter.section("New here"):
                formatter.write(f"  {ctx.command_path} runbook first-hour\n")

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if isinstance(command, Command):
            command = load(command.entry)
        return name, command, rest


def load(entry: Entry) -> Command:
    """Import a command and return it with all its options."""
    module, _, function = entry.target.partition(":")
    callback: Callable[..., Any] = getattr(import_module(module), function)
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(entry.name, cls=Command, help=entry.summary)(callback)
    command = typer.main.get_command(app)
    assert isinstance(command, Command)  # noqa: S101 - Typer makes what `cls` says
    command.entry = entry
    command.params += shared_parameters()
    return command
