"""Incidents staged on the paper exchange, each in a scratch home of its own.

    scene = staged("stuck-order", folder)
    ...                     # commands run with scene.environ, which holds no setting of the operator's
    scene.resolved()        # whether journal and venue show that the incident has ended

Commands of a scene cannot reach a real venue: their settings file names the paper exchange without an
address, their environment has no other setting in it, and `Scene.guard` refuses settings that say otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from cli.drill_staging import BASE, PLAYS, SYMBOL, Stage, venue_key, venue_sight
from core.account import AccountKey
from core.alerts.meaning import alert_of
from core.clock import SystemClock
from core.config import PAPER, load_settings
from core.drills.conditions import Condition, standing
from core.drills.incidents import INCIDENTS, Incident
from core.errors import Refused
from core.ids import system_random
from core.journal import Journal
from core.journal.history import Selection
from core.operations.drill import sight
from core.settings import Settings
from core.settings_edit import edited
from core.settings_file import FILE_NAME

PASSED_ON = ("HOME", "PATH", "TERM", "LANG", "LC_ALL", "COLUMNS", "NO_COLOR", "PYTHONPATH")
"""What commands of a scene see of the operator's environment: nothing that is a setting."""


@dataclass(frozen=True)
class Scene:
    """A staged incident. `environ`: the whole environment of every command in it.

    `settings`: as they were at the beginning, whatever becomes of their file. `began`: the last event of its
    journal that the operator did not cause; `key`: the API key in use until then; `alerts`: what would have
    been told of it.
    """

    incident: Incident
    home: Path
    environ: Mapping[str, str]
    settings: Settings
    account: AccountKey
    began: int
    key: str
    alerts: tuple[str, ...]

    @property
    def settings_file(self) -> Path:
        return self.home / FILE_NAME

    def guard(self, settings: Settings) -> None:
        """Raise Refused for settings that are not this scene's: what is rehearsed stays in it."""
        refuse_elsewhere(settings, self.home)

    def standing(self) -> tuple[Condition, ...]:
        """Look at journal and venue, and say what the incident's end takes, each as it stands."""
        venue = venue_sight(self.settings, self.key)
        with _journal_of(self.home) as journal:
            seen = sight(journal, self.account, venue, symbol=SYMBOL, base_asset=BASE, after=self.began)
        return standing(self.incident, seen)

    def resolved(self) -> bool:
        """Tell whether journal and venue show that the incident has ended."""
        return all(each.holds for each in self.standing())


def staged(name: str, folder: Path, *, environ: Mapping[str, str] | None = None, pace: float = 1.0) -> Scene:
    """Stage an incident in a new home at `folder`, and return it as the operator finds it.

    `environ`: the operator's, of which `PASSED_ON` is kept. `pace`: 1 as it is rehearsed; below, what only
    takes time (an outage, a venue that does not know an order yet) is as much shorter. Not to be called while
    an event loop runs. Raises KeyError for an unknown incident, FileExistsError where something is already,
    and what the commands raise that it is made of; then nothing is left of it.
    """
    incident = INCIDENTS[name]
    folder.mkdir(mode=0o700, parents=True)
    try:
        return _staged(incident, folder, environ or {}, pace)
    except BaseException:
        rmtree(folder, ignore_errors=True)
        raise


def _staged(incident: Incident, folder: Path, environ: Mapping[str, str], pace: float) -> Scene:
    around = {each: value for each, value in environ.items() if each in PASSED_ON}
    around["TRADER_ENV_FILE"] = str(_write_settings(folder))
    settings = load_settings(around, folder)
    refuse_elsewhere(settings, folder)
    asyncio.run(PLAYS[incident.name](Stage(settings, around, pace)))
    with _journal_of(folder) as journal:
        (account,) = journal.accounts()
        events = [link.stored.event() for link in journal.history.events(Selection())]
        alerts = [alert_of(event, journal.order) for event in events]
    return Scene(
        incident=incident,
        home=folder,
        environ=around,
        settings=settings,
        account=account,
        began=events[-1].sequence,
        key=venue_key(settings),
        alerts=tuple(alert.text for alert in alerts if alert is not None),
    )


def _write_settings(home: Path) -> Path:
    """Write the settings that make every command of a scene one of the paper exchange in its home."""
    chosen = {
        "TRADER_VENUE": PAPER,
        "TRADER_HOME": str(home),
        "TRADER_RUNTIME_DIR": str(home / "runtime"),
        "TRADER_SECRETS": "file",
        "BINANCE_USE_TESTNET": "true",
        "BINANCE_DRY_RUN": "false",
        "BINANCE_SYMBOL": SYMBOL,
    }
    file = home / FILE_NAME
    file.touch(mode=0o600)
    file.write_text(edited("", chosen), encoding="utf-8")
    return file


def refuse_elsewhere(settings: Settings, home: Path) -> None:
    """Raise Refused unless these settings mean the paper exchange inside `home`, and tell nobody of it."""
    is_paper = settings.venue == PAPER and settings.base_url is None
    is_apart = settings.home == home and settings.runtime_dir == home / "runtime"
    is_silent = settings.alert_urls is None and settings.heartbeat_url is None
    if not (is_paper and is_apart and is_silent):
        raise Refused(
            f"a drill acts on the paper exchange in {home} and nowhere else",
            code="DRILL_LEFT",
            hint="leave its settings as they are; `exit` gives the drill up",
        )


@contextmanager
def _journal_of(home: Path) -> Iterator[Journal]:
    with Journal.open(home, clock=SystemClock(), random_bytes=system_random, read_only=True) as journal:
        yield journal
