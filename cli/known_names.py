"""Names that can be typed, as far as this machine knows them without asking anybody.

What answers while somebody types must be quick and silent: the settings file is read without checking it, the
journal with one statement, and whatever cannot be read has no names.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

_WAIT_S = 0.05
_MOST = 200
_SYMBOLS = "SELECT DISTINCT symbol FROM symbols ORDER BY symbol"
_UNSETTLED = (
    "SELECT client_order_id FROM orders WHERE unsettled AND dry_run = 0 ORDER BY sequence DESC LIMIT ?"
)
_ORDERS = "SELECT client_order_id FROM orders WHERE dry_run = 0 ORDER BY sequence DESC LIMIT ?"
_BREAKS = "SELECT break_id FROM breaks WHERE accepted_ms IS NULL ORDER BY first_seen_ms LIMIT ?"


@dataclass(frozen=True)
class Machine:
    """What a command line is about: `typed` holds the values of --home and --env-file where they were."""

    environ: Mapping[str, str]
    cwd: Path
    typed: Mapping[str, str]

    def settings(self) -> dict[str, str]:
        """Return the settings as text, unchecked: the environment over the file."""
        from core.settings_file import find_settings_file, read_settings_file

        named = self.typed.get("env_file") or self.environ.get("TRADER_ENV_FILE")
        path = self.cwd / named if named else find_settings_file(self.cwd, self._home({}))
        values = {} if path is None else dict(read_settings_file(path).values)
        return {**values, **{name: text for name, text in self.environ.items() if text}}

    def home(self) -> Path:
        return self._home(self.settings())

    def _home(self, settings: Mapping[str, str]) -> Path:
        named = self.typed.get("home") or self.environ.get("TRADER_HOME") or settings.get("TRADER_HOME")
        if named:
            return self.cwd / named
        state = self.environ.get("XDG_STATE_HOME", "")
        base = Path(state) if os.path.isabs(state) else Path(self.environ["HOME"]) / ".local" / "state"  # noqa: PTH117
        return base / "trader"

    def rows(self, statement: str, *key: object) -> list[str]:
        path = f"file:{quote(bytes(self.home() / 'journal.sqlite3'))}?mode=ro"
        with closing(sqlite3.connect(path, uri=True, timeout=_WAIT_S)) as db:
            return [str(row[0]) for row in db.execute(statement, key)]


def symbols(machine: Machine) -> Iterable[str]:
    """The symbols of the settings, and those that the journal has seen."""
    settings = machine.settings()
    yield settings.get("BINANCE_SYMBOL", "BTCUSDT")
    yield from (text.strip() for text in settings.get("BINANCE_SYMBOLS_ALLOWED", "").split(","))
    yield from machine.rows(_SYMBOLS)


def _strategies(_: Machine) -> Iterable[str]:
    from core.strategies.registry import known_strategies

    return known_strategies()


def _runbooks(_: Machine) -> Iterable[str]:
    from cli.runbook_pages import folder

    return sorted(file.stem for file in folder().glob("*.md"))


def _drills(_: Machine) -> Iterable[str]:
    from core.drills.incidents import INCIDENTS

    return INCIDENTS


def _kinds(_: Machine) -> Iterable[str]:
    from core.journal.projections import KINDS

    return sorted(KINDS)


_OF: Mapping[str, Callable[[Machine], Iterable[str]]] = {
    "symbol": symbols,
    "paper symbol name": symbols,
    "strategy": _strategies,
    "strategies name": _strategies,
    "runbook name": _runbooks,
    "drill name": _drills,
    "stage number": lambda _: ("0", "1", "2"),
    "kind": _kinds,
    "resolve order": lambda machine: machine.rows(_UNSETTLED, _MOST),
    "audit show order": lambda machine: machine.rows(_ORDERS, _MOST),
    "accept": lambda machine: machine.rows(_BREAKS, _MOST),
}
"""Parameter -> its names, by its own name or by that of its command and its own."""


def names_of(command: str, parameter: str, machine: Machine) -> list[str]:
    """Return what a parameter of a command may be, as far as it is known; each once, in a useful order."""
    ask = _OF.get(f"{command} {parameter}") or _OF.get(parameter)
    found: list[str] = []
    if ask is not None:
        with suppress(Exception):  # what was found before it failed is still right
            found.extend(name for name in ask(machine) if name)
    return list(dict.fromkeys(found))
