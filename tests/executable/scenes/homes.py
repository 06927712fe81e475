"""Homes in which something was done before the page begins."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from core.clock import DAY_MS, HOUR_MS, SystemClock
from core.ids import system_random
from core.journal import Journal
from core.journal.history import Selection
from core.risk.breakers import Breaker
from tests.cli.test_alerts import receiving
from tests.executable.person import Person
from tests.executable.scenes.reading import journal_of

CRONTAB = """\
case "$1" in
  -l) cat "$HOME/crontab" 2>/dev/null || { echo "no crontab for you" >&2; exit 1; } ;;
  -) cat > "$HOME/crontab" ;;
esac"""
LIVE = {"BINANCE_USE_TESTNET": "false", "BINANCE_DRY_RUN": "false"}
STAGE_1 = "BINANCE_DRY_RUN=false trader stage 1"

_FOLDERS: dict[tuple[str, ...], tuple[Path, int]] = {}
"""Lines -> the folder of whoever typed them, and when that was done."""


def empty(person: Person, ends: ExitStack) -> None:
    """A newcomer: an empty home and folder, and the paper exchange that comes with the program."""


def traded(person: Person, ends: ExitStack) -> None:
    """Stages 0 and 1 were passed, with a trade each."""
    _once(person, "trader init -q", "trader stage 0", STAGE_1)
    person.words["ev2a5acff7"] = partial(newest_evidence, person)
    person.words["tr9f86d081884c7d65-42"] = lambda: f"{_installation(person)}-1"


def anchored(person: Person, ends: ExitStack) -> None:
    """As `traded`, and the head of the journal's chain was kept."""
    traded(person, ends)
    for folder in ("/mnt/other-machine", "/mnt/usb"):
        (person.folder / folder[1:]).mkdir(parents=True)
        person.words[folder] = str(person.folder / folder[1:])
    person.does("trader audit anchor anchors.ndjson")


def backed_up(person: Person, ends: ExitStack) -> None:
    """As `anchored`, and a backup lies in the folder."""
    anchored(person, ends)
    person.does("trader backup trader-backup.zip")


def halted(person: Person, ends: ExitStack) -> None:
    """Somebody halted."""
    traded(person, ends)
    person.does('trader halt --reason "the spread looks wrong"')


def losing(person: Person, ends: ExitStack) -> None:
    """The live account lost three times in a row."""
    live(person, ends)
    person.does("trader check -q", exit_code=5)
    with Journal.open(person.home, clock=SystemClock(), random_bytes=system_random) as journal:
        cause = "3 losing trades in a row reach the limit 3"
        at_ms = SystemClock().now_ms()
        journal.breakers(journal.accounts()[-1]).latch(
            Breaker.CONSECUTIVE_LOSSES, cause, cause_ms=at_ms, until_ms=at_ms + DAY_MS
        )


def headlines(person: Person, ends: ExitStack) -> None:
    """News lie in the folder."""
    news = {"published_ms": SystemClock().now_ms() - HOUR_MS, "title": "Ether rallies to a record high"}
    (person.folder / "headlines.ndjson").write_text(f"{json.dumps(news)}\n")


def fish(person: Person, ends: ExitStack) -> None:
    """A user of fish."""
    (person.folder / ".config/fish/completions").mkdir(parents=True)


def told(person: Person, ends: ExitStack) -> None:
    """Somebody takes alerts; the settings file says so."""
    person.settings(ALERT_URLS=f"json://{ends.enter_context(receiving()).address}")


def equipped(person: Person, ends: ExitStack) -> None:
    """There are a crontab and somebody who could be told by alerts."""
    address = ends.enter_context(receiving()).address
    person.program("crontab", CRONTAB)
    person.events |= {
        "ALERT_URLS is set": lambda: person.settings(ALERT_URLS=f"json://{address}"),
        "the settings are those of the live account": lambda: person.environ.update(LIVE),
    }


def begun(person: Person, ends: ExitStack) -> None:
    """As `equipped`, and stage 0 was passed."""
    equipped(person, ends)
    person.does("trader init -q", "trader stage 0")


def live(person: Person, ends: ExitStack) -> None:
    """The way to the live venue is gone as far as its books; the settings are the live venue's."""
    equipped(person, ends)
    _once(person, "trader init -q", "trader stage 0", f"{STAGE_1} --trades 3 --soak 1h")
    person.environ |= LIVE


def _once(person: Person, *lines: str) -> None:
    """Do what many scenes begin with, or take over the folder and the time of the one who did it first."""
    if lines in _FOLDERS:
        folder, at_ms = _FOLDERS[lines]
        shutil.copytree(folder, person.folder, dirs_exist_ok=True)
        person.time.go_on_at(at_ms)
    else:
        person.does(*lines)
        folder = person.folder.with_name("kept")
        shutil.copytree(person.folder, folder)
        _FOLDERS[lines] = folder, person.time.now_ms()


def newest_evidence(person: Person) -> str:
    with journal_of(person) as journal:
        events = journal.history.events(Selection(kinds=("EVIDENCE",)))
        return str([each.stored.event().payload["evidence_id"] for each in events][-1])


def _installation(person: Person) -> str:
    with journal_of(person) as journal:
        return f"tr{journal.installation_id}"
