"""`trader audit`: the journal's history, proven and copied (runbooks/audit.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.console import UsageError
from cli.invocation import Invocation
from cli.moments import SINCE_HELP, UNTIL_HELP

if TYPE_CHECKING:
    from core.audit.places import Place
    from core.journal.anchors import Anchor
    from core.journal.history import Selection
    from core.operations.audit import AuditResult

LIMIT = 50

SinceOption = Annotated[str | None, typer.Option(metavar="TIME", help=SINCE_HELP)]
UntilOption = Annotated[str | None, typer.Option(metavar="TIME", help=UNTIL_HELP)]
KindOption = Annotated[list[str] | None, typer.Option(metavar="KIND", help="Only this kind; repeatable.")]


def verify(
    context: typer.Context,
    anchor: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|ANCHOR", help="Compare with this file of anchors, or one typed from paper."
        ),
    ] = None,
    copy: Annotated[
        str | None, typer.Option(metavar="PATH|URL", help="Check this export or archive, not the journal.")
    ] = None,
    rebuild_log: Annotated[
        bool, typer.Option("--rebuild-log", help="Make trade_audit.log again if only that differs.")
    ] = False,
) -> None:
    """Prove the journal: chain, every table, audit log, anchors."""
    from cli.audit_view import verify_result
    from core.audit.anchor_files import anchors_named

    run: Invocation = context.obj
    if copy is not None and rebuild_log:
        raise UsageError("--rebuild-log is about the journal, --copy about something else")
    anchors = [each for text in anchor or () for each in anchors_named(text, run.cwd)]
    result = _checked(run, anchors, copy)
    verify_result(run.console, result, anchors)
    if rebuild_log and (result.only_log_differs or not result.findings):
        _rebuild_log(run)
    else:
        result.raise_if_found()


def _checked(run: Invocation, anchors: list[Anchor], copy: str | None) -> AuditResult:
    from cli.reading import say_empty, say_where
    from core.audit.places import Folder, place_of
    from core.clock import SystemClock
    from core.operations import audit

    if copy is not None:
        place = place_of(copy, run.cwd)
        is_file = isinstance(place, Folder) and (run.cwd / copy).is_file()
        return (
            audit.verify_export(run.cwd / copy, anchors) if is_file else audit.verify_archive(place, anchors)
        )
    home = run.settings.home
    say_where(run.console, home)
    result = audit.verify(
        home, SystemClock(), anchors, lambda events: run.console.progress(f"{events} events verified")
    )
    if not result.events and not result.findings:
        say_empty(run.console, home)
    return result


def _rebuild_log(run: Invocation) -> None:
    from core.clock import SystemClock
    from core.ids import system_random
    from core.journal import Journal
    from core.operations.audit import rebuild_log

    clock = SystemClock()
    with Journal.open(run.settings.home, clock=clock, random_bytes=system_random) as journal:
        kept = rebuild_log(journal, clock.now_ms())
        run.console.result(rebuilt_log=journal.audit_log_path, kept_log=kept)
        run.console.say(f"made {journal.audit_log_path} again; the old one is {kept or 'none'}")


def anchor(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Also add it to this file; keep that elsewhere.")
    ] = None,
) -> None:
    """Print the head of the chain, to be kept where this machine cannot change it."""
    from cli.audit_view import anchor_result
    from cli.reading import journal_for_reading, say_empty, say_where
    from core.clock import SystemClock
    from core.operations.audit import anchor as make

    run: Invocation = context.obj
    home, path = run.settings.home, None if file is None else run.cwd / file
    say_where(run.console, home)
    with journal_for_reading(run) as journal:
        made = make(journal, SystemClock(), path)
    if made is None:
        say_empty(run.console, home)
        return
    anchor_result(run.console, made, path)
    if path is None:
        run.console.say("keep it on paper or in a mail: `trader audit verify --anchor …` compares")
    elif path.resolve().is_relative_to(home.resolve()):
        run.console.warn(f"{path} is in the home itself: who can alter the journal can alter it too")


def show(
    context: typer.Context,
    order: Annotated[
        str | None, typer.Argument(metavar="ORDER", help="Its client_order_id, or the venue's order id.")
    ] = None,
    kind: KindOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = LIMIT,
) -> None:
    """Show events, or the whole life of one order."""
    from cli.audit_view import events_result
    from cli.reading import journal_for_reading, say_where
    from core.operations.audit import find

    run: Invocation = context.obj
    chosen = _selection(kind, since, until)
    say_where(run.console, run.settings.home)
    with journal_for_reading(run) as journal:
        found = find(journal, chosen, order, limit)
    events_result(run.console, found)
    if not found:
        run.console.say("no such event")
    elif len(found) == limit:
        run.console.say(f"the newest {limit}; --limit shows more")


def tail(
    context: typer.Context,
    count: Annotated[int, typer.Option("--lines", "-n", min=0, help="So many lines first.")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until interrupted.")] = False,
    kind: KindOption = None,
) -> None:
    """Show the newest events as trade_audit.log does, and with --follow those to come."""
    import asyncio

    from cli.audit_view import events_result
    from cli.follow import follow_journal, show_events
    from cli.reading import journal_for_reading, say_where

    run: Invocation = context.obj
    chosen = _selection(kind, None, None)
    say_where(run.console, run.settings.home)
    with journal_for_reading(run) as journal:
        head = journal.history.head()
        newest = journal.history.newest(chosen, count) if count else []
    if not follow and run.options.as_json:
        events_result(run.console, newest)
        return
    show_events(run, newest)
    if follow:
        asyncio.run(follow_journal(run, chosen, after=0 if head is None else head.sequence))


def export(
    context: typer.Context,
    form: Annotated[
        Literal["ndjson", "csv"], typer.Option("--format", help="One event a line, either way.")
    ] = "ndjson",
    kind: KindOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write this new file instead of stdout.")
    ] = None,
) -> None:
    """Copy events out, each with the hashes that prove it."""
    from cli.reading import journal_for_reading, say_where
    from cli.writing import write_lines
    from core.audit.records import Format, lines
    from core.operations.audit import Exported

    run: Invocation = context.obj
    if run.options.as_json and output is None:
        raise UsageError("--json needs stdout for its document: name a file with --output")
    chosen, counted = _selection(kind, since, until), Exported()
    path = None if output is None else run.cwd / output
    say_where(run.console, run.settings.home)
    with journal_for_reading(run) as journal:
        text = lines(counted.counting(journal.history.events(chosen)), Format(form))
        digest = write_lines(run.console, text, path)
    run.console.result(
        file=path, format=form, events=counted.events, first=counted.first, last=counted.last, sha256=digest
    )
    run.console.say(f"{counted.events} event(s), {counted.first} to {counted.last}, sha256 {digest}")
    counted.raise_if_damaged()


def archive(
    context: typer.Context,
    place: Annotated[str, typer.Argument(metavar="FOLDER|URL", help="Where the archive is or will be.")],
    keep: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Then remove older log lines and reports here, e.g. 90d."),
    ] = None,
) -> None:
    """Add the events since the last time to an archive, and read them back."""
    from cli.audit_view import archive_result
    from cli.reading import journal_for_reading, say_empty, say_where
    from core.audit.places import place_of
    from core.clock import SystemClock
    from core.operations.audit import archive as run_archive

    run: Invocation = context.obj
    where = place_of(place, run.cwd)
    keep_ms = None if keep is None else _duration("--keep", keep)
    say_where(run.console, run.settings.home)
    with journal_for_reading(run) as journal:
        if journal.history.head() is None:
            say_empty(run.console, run.settings.home)
            return
        piece = run_archive(
            journal, where, SystemClock(), lambda events: run.console.progress(f"{events} events archived")
        )
    archive_result(run.console, piece, where.name)
    if keep_ms is not None:
        _tidy(run, where, keep_ms)


def _tidy(run: Invocation, where: Place, keep_ms: int) -> None:
    from core.clock import SystemClock
    from core.ids import system_random
    from core.journal import Journal
    from core.operations.tidy import tidy
    from core.run_lock import only_run

    clock, home = SystemClock(), run.settings.home
    with (
        only_run(home, "audit archive", "ARCHIVE_RUNNING"),
        Journal.open(home, clock=clock, random_bytes=system_random) as journal,
    ):
        done = tidy(
            journal,
            where,
            clock.now_ms() - keep_ms,
            clock,
            lambda events: run.console.progress(f"{events} events verified"),
        )
    run.console.result(log_from=done.log_from, removed_files=done.files, packed=done.packed)
    if done.log_from is not None:
        run.console.say(f"trade_audit.log begins with event {done.log_from}; the archive has those before")
    if done.packed is not None:
        run.console.say(f"{done.files} file(s) of the home are now in {done.packed} of the archive")


def _duration(option: str, text: str) -> int:
    from core.setting_values import positive_duration_ms

    try:
        return positive_duration_ms(text)
    except ValueError as error:
        raise UsageError(f"{option} {error}", hint="give e.g. 90d") from None


def _selection(kinds: list[str] | None, since: str | None, until: str | None) -> Selection:
    from cli.moments import span_ms
    from core.clock import SystemClock
    from core.journal.history import Selection

    first, end = span_ms(since, until, SystemClock().now_ms())
    return Selection(first, end, tuple(kind.upper() for kind in kinds or ()))
