"""Events as other processes write them, until somebody ends it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from cli.audit_view import log_line
from cli.invocation import Invocation
from cli.reading import journal_for_reading
from cli.supervisor import Supervisor
from core.audit.records import shown
from core.journal import Journal
from core.journal.files import DATABASE
from core.journal.history import Link, Selection

POLL_S = 0.2


def show_events(run: Invocation, links: Sequence[Link]) -> None:
    """Print events as lines of the audit log; with --json each as one line, because there is no last one."""
    for link in links:
        if run.options.as_json:
            run.console.only_line(shown(link))
        else:
            run.console.line(log_line(link))


async def follow_journal(run: Invocation, chosen: Selection, after: int) -> None:
    """Show what comes after an event, until SIGINT, SIGTERM or SIGHUP, or nobody reads on.

    It reads the journal, not trade_audit.log, so that a log that is rotated or made again changes nothing; a
    journal that is made, or put in place of another, is opened anew.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    supervisor = Supervisor(run.environ)
    supervisor.ready()
    with ExitStack() as opened:
        journal: Journal | None = None
        identity: tuple[int, int] | None = None
        while not stopped.is_set() and run.console.has_reader:
            if journal is None or identity != _identity(run):
                opened.close()
                identity = _identity(run)
                journal = opened.enter_context(journal_for_reading(run))
            after = _show_new(run, journal, chosen, after)
            supervisor.alive()
            with suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), POLL_S)
    supervisor.stopping()


def _show_new(run: Invocation, journal: Journal, chosen: Selection, after: int) -> int:
    head = journal.history.head()
    newest = 0 if head is None else head.sequence
    if newest < after:
        run.console.warn(f"the journal ended at event {after} and now ends at {newest}")
    elif newest > after:
        show_events(run, list(journal.history.events(chosen, after=after, upto=newest)))
    return newest


def _identity(run: Invocation) -> tuple[int, int] | None:
    """Return what tells one journal file from another of the same name; None when there is none."""
    try:
        status = os.stat(run.settings.home / DATABASE)  # noqa: PTH116
    except OSError:
        return None
    return status.st_dev, status.st_ino
