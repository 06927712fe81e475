"""A home on another machine."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from core.clock import HOUR_MS
from tests.executable.person import Person
from tests.executable.scenes.homes import CRONTAB, STAGE_1, backed_up, told
from tests.executable.scenes.incidents import open_break


def moved(person: Person, ends: ExitStack) -> None:
    """Another machine: the backup and the anchors of the old one lie in the folder, its home is gone."""
    backed_up(person, ends)
    told(person, ends)
    person.program("crontab", CRONTAB)
    _take_home_away(person)


def restored(person: Person, ends: ExitStack) -> None:
    """As `moved` and restored, and the books agree."""
    moved(person, ends)
    person.does('trader restore trader-backup.zip --reason "moved" --yes', "trader reconcile --full")


def sent_after(person: Person, ends: ExitStack) -> None:
    """As `moved` and restored, and the old machine traded after the backup was made."""
    backed_up(person, ends)
    person.does(STAGE_1)
    _take_home_away(person)
    person.does('trader restore trader-backup.zip --reason "moved" --yes')
    told(person, ends)
    person.program("crontab", CRONTAB)
    person.time.ahead_ms += HOUR_MS
    person.does("trader reconcile --full", exit_code=5)
    person.words["BREAK"] = partial(open_break, person)


def _take_home_away(person: Person) -> None:
    """Leave nothing in the home but the paper exchange, which stands for the venue."""
    person.home.rename(person.folder / ".old")
    person.home.mkdir(parents=True)
    (person.folder / ".old/paper").rename(person.home / "paper")
