"""Kill after kill of one account's stage, on a paper exchange that outlives every victim."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.cli.conversation import REPOSITORY
from tests.simulation.crash.ledgers import UNSETTLED, PaperVenue, differences, rows
from tests.simulation.crash.victim import STARTED, STEPS, Fate, live

SYMBOL = "BTCUSDT"
SPEED = 60
"""The clock runs so fast that the 35 s until "not found" is believed pass in half a second."""
KILLED = "killed"
TRADES = 4
ORDERS_MAX = 6
INSTANT_S_MAX = 0.12
BEFORE_THE_LOOK = ("approved", "intent half written", "intent on disk")
"""Who sleeps there looks at the age of the intent afterwards, and does not send it."""
OLD_INTENT_S = 1.2
STALE_S = 5.5
"""Beyond the recvWindow, which the exchange measures in real time."""
LIFE_S = 60
NONE = Fate(order=0)

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        "tests.simulation.crash.victim",
        "cli.wiring",
        "core.operations.stage",
        "core.strategies.coherence",
        "exchanges.binance.client",
    ]
)


@dataclass
class Tally:
    """What befell the victims. `window`: by step, the orders whose intent was on disk and outcome was not."""

    victims: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    window: Counter[str] = field(default_factory=Counter)

    @property
    def kills(self) -> int:
        return self.ended[KILLED]

    @property
    def in_window(self) -> int:
        return self.window.total()


@dataclass(frozen=True)
class Site:
    """One account: a served exchange, a home, and what the exchange held at the beginning."""

    folder: Path
    environ: Mapping[str, str]
    venue: PaperVenue
    before: Mapping[str, Decimal]

    @property
    def home(self) -> Path:
        return Path(self.environ["TRADER_HOME"])


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Serve an exchange on a fast clock, and pass stage 0 in a home; both go on where they were left."""
    is_new = not (folder / "work").exists()
    (folder / "work").mkdir(parents=True, exist_ok=True)
    environ = {
        "PATH": os.defpath,
        "HOME": str(folder / "user"),
        "TRADER_HOME": str(folder / "home"),
        "TRADER_RUNTIME_DIR": str(folder / "runtime"),
        "PYTHONPATH": str(REPOSITORY),
        "LANG": "C.UTF-8",
    }
    command = [sys.executable, "-m", "cli.main", "paper", "serve", "--json", "--speed", str(SPEED)]
    with subprocess.Popen(
        [*command, "--state", str(folder / "venue")],
        cwd=folder / "work",
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout
        served = json.loads(server.stdout.readline())
        venue = PaperVenue(served["rest"], served["api_key"], served["api_secret"])
        environ |= {
            "TRADER_VENUE": "paper",
            "TRADER_PAPER_SPEED": str(SPEED),
            "BINANCE_BASE_URL": venue.rest,
            "BINANCE_API_KEY": venue.api_key,
            "BINANCE_API_SECRET": venue.api_secret,
        }
        try:
            yield _begun(folder, environ, venue, is_new=is_new)
        finally:
            server.terminate()


def _begun(folder: Path, environ: dict[str, str], venue: PaperVenue, *, is_new: bool) -> Site:
    kept = folder / "before.json"
    if is_new:
        kept.write_text(json.dumps({asset: str(held) for asset, held in venue.balances().items()}))
    before = {asset: Decimal(held) for asset, held in json.loads(kept.read_text()).items()}
    begun = Site(folder / "work", environ, venue, before)
    if is_new:
        exit_code = _end_of(begun, ["stage", "0"], NONE)
        assert exit_code == 0, (begun.folder / "output.txt").read_text()
    return begun


def run_victims(place: Site, fates: Iterable[Fate], tally: Tally) -> None:
    """Let victims run `trader stage 1` one after the other, each meeting its fate; the next one settles."""
    for fate in fates:
        exit_code = _end_of(place, ["stage", "1", "--trades", str(TRADES)], fate)
        tally.victims += 1
        tally.ended[KILLED if exit_code == -signal.SIGKILL else f"exit {exit_code}"] += 1
        if exit_code == -signal.SIGKILL:
            tally.window[fate.step or "random instant"] += len(rows(place.home, UNSETTLED))


def kills(seed: int, first: int, count: int) -> Iterator[Fate]:
    """Give the fates of victims by number: the same seed gives the same ones.

    Every third comes at an instant of chance; the others take the steps in turn.
    """
    for victim in range(first, first + count):
        chance = random.Random(f"{seed}:{victim}")
        order = chance.randint(1, ORDERS_MAX)
        if victim % 3 == 2:
            yield Fate(None, order, after_s=chance.uniform(0, INSTANT_S_MAX))
        else:
            yield Fate(tuple(STEPS)[(victim - victim // 3) % len(STEPS)], order)


def suspension(step: str, order: int = 1) -> Fate:
    """Give the fate of sleeping at a step for longer than the request would be taken by the venue."""
    return Fate(step, order, signal.SIGSTOP, OLD_INTENT_S if step in BEFORE_THE_LOOK else STALE_S)


def settled(place: Site) -> list[str]:
    """Let a last stage settle and sell what is left, and say in what the ledgers still differ."""
    left = []
    for command in (["stage", "1"], ["resolve"], ["audit", "verify"], ["status"]):
        exit_code = _end_of(place, command, NONE)
        if exit_code:
            left.append(f"`trader {' '.join(command)}` ended with {exit_code}: {_last_words(place)}")
    return left + differences(place.venue, place.home, [SYMBOL], place.before)


def _end_of(place: Site, arguments: list[str], fate: Fate) -> int:
    """Run one command to its end and return its exit code, below 0 for a signal."""
    ours, theirs = _context.Pipe(duplex=False)
    dry_run = "true" if arguments == ["stage", "0"] else "false"
    environ = {**place.environ, "BINANCE_DRY_RUN": dry_run}
    victim = _context.Process(target=live, args=(arguments, environ, place.folder, fate, theirs))
    victim.start()
    theirs.close()
    try:
        with contextlib.suppress(EOFError):  # it ended before its fate met it
            if ours.poll(LIFE_S) and ours.recv_bytes() == STARTED:
                _befall(victim, fate)
        victim.join(LIFE_S)
        assert victim.exitcode is not None, f"{arguments} did not end: {_last_words(place)}"
        return victim.exitcode
    finally:
        victim.kill()
        victim.join()
        victim.close()
        ours.close()


def _befall(victim: BaseProcess, fate: Fate) -> None:
    """Kill at an instant of chance, or wake up who has put itself to sleep."""
    if fate.step is None:
        victim.join(fate.after_s)
        victim.kill()
    elif fate.number is signal.SIGSTOP and victim.pid is not None:
        victim.join(fate.after_s)
        os.kill(victim.pid, signal.SIGCONT)


def _last_words(place: Site) -> str:
    return (place.folder / "output.txt").read_text()[-2_000:]
