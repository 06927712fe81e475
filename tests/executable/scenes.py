"""The situations in which pages begin, and what happens meanwhile that is typed nowhere.

A page names them in comments: `<!-- scene: outage -->`, and later `<!-- meanwhile: the venue is back -->`.
"""

from __future__ import annotations

import json
import os
import sys
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial

import numpy as np

from cli.drill_scenes import staged
from cli.paper_wiring import paper_config, paper_exchange, set_paper_faults
from core.clock import DAY_MS, HOUR_MS, SystemClock
from core.config import load_settings
from core.ids import system_random
from core.journal import Journal
from core.journal.history import Selection
from core.matching import UNIT
from core.risk.breakers import Breaker
from exchanges.paper import Exchange, admin
from exchanges.paper.dialects.binance import HttpAnswer, HttpRequest
from exchanges.paper.filters import OrderRequest
from exchanges.paper.placing import place
from tests.cli.loopback import Loopback, edited, serving, untouched, when
from tests.cli.test_alerts import receiving
from tests.core.data.recordings import write_feather
from tests.core.strategies.installed import documented_strategy, install
from tests.executable.person import Person

Scene = Callable[[Person, ExitStack], object]
"""Brings a person into a situation; what it starts is ended by the stack."""

CRONTAB = """\
case "$1" in
  -l) cat "$HOME/crontab" 2>/dev/null || { echo "no crontab for you" >&2; exit 1; } ;;
  -) cat > "$HOME/crontab" ;;
esac"""
MINUTE_MS, DAY_MINUTES = 60_000, 1_440
MONTHS = {"2024-01": (1_704_067_200_000, 31), "2024-02": (1_706_745_600_000, 29)}
LIVE = {"BINANCE_USE_TESTNET": "false", "BINANCE_DRY_RUN": "false"}
STAGE_1 = "BINANCE_DRY_RUN=false trader stage 1"


def empty(person: Person, ends: ExitStack) -> None:
    """A newcomer: an empty home and folder, and the paper exchange that comes with the program."""


def traded(person: Person, ends: ExitStack) -> None:
    """Stages 0 and 1 were passed, with a trade each."""
    person.does("trader init -q", "trader stage 0", STAGE_1)
    person.words["ev2a5acff7"] = partial(newest_evidence, person)
    person.words["tr9f86d081884c7d65-42"] = lambda: f"{_installation(person)}-1"


def newest_evidence(person: Person) -> str:
    with journal_of(person) as journal:
        events = journal.history.events(Selection(kinds=("EVIDENCE",)))
        return str([each.stored.event().payload["evidence_id"] for each in events][-1])


def _installation(person: Person) -> str:
    with journal_of(person) as journal:
        return f"tr{journal.installation_id}"


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


def told(person: Person, ends: ExitStack) -> None:
    """Somebody takes alerts; the settings file says so."""
    person.settings(ALERT_URLS=f"json://{ends.enter_context(receiving()).address}")


def live(person: Person, ends: ExitStack) -> None:
    """The way to the live venue is gone as far as its books; the settings are the live venue's."""
    begun(person, ends)
    person.does(f"{STAGE_1} --trades 3 --soak 1h")
    person.environ |= LIVE


def recorded(person: Person, ends: ExitStack) -> None:
    """Zips of recorded bars lie in the folder."""
    for month, (start_ms, days) in MONTHS.items():
        name = f"BTCUSDT-1m-{month}"
        with zipfile.ZipFile(person.folder / f"{name}.zip", "w") as file:
            file.writestr(f"{name}.csv", _bars(start_ms, days * DAY_MINUTES))


def freqtrade(person: Person, ends: ExitStack) -> None:
    """As `recorded`, and a folder of freqtrade's."""
    recorded(person, ends)
    folder = person.folder / "user_data/data/binance"
    folder.mkdir(parents=True)
    for coin in ("BTC", "ETH"):
        write_feather(folder / f"{coin}_USDT-15m.feather", 1000, minutes=15)


def _bars(start_ms: int, count: int) -> str:
    """Return minute bars as Binance publishes them: a walk on which nobody has an edge."""
    steps = np.random.default_rng(start_ms).normal(0, 25, count)
    closes = (42_000 + np.cumsum(steps)).round(2).tolist()
    opens = [42_000.0, *closes[:-1]]
    return "\n".join(
        f"{start_ms + n * MINUTE_MS},{o:.2f},{max(o, c) + 9:.2f},{min(o, c) - 9:.2f},{c:.2f},12.5,"
        f"{start_ms + (n + 1) * MINUTE_MS - 1},{12.5 * c:.2f},90,6.25,{6.25 * c:.2f},0"
        for n, (o, c) in enumerate(zip(opens, closes, strict=True))
    )


def imported(person: Person, ends: ExitStack) -> None:
    """Recorded bars are in the home."""
    recorded(person, ends)
    person.words["trader sweep"] = "trader sweep --jobs 1"
    person.does("trader data import BTCUSDT-1m-2024-01.zip BTCUSDT-1m-2024-02.zip")


def own_strategy(person: Person, ends: ExitStack) -> None:
    """The package of docs/writing-a-strategy.md is installed, and bars are in the home."""
    imported(person, ends)
    folder = install(person.folder / "packages", "breakout", documented_strategy(), "Breakout")
    sys.path.insert(0, str(folder))
    ends.callback(sys.path.remove, str(folder))
    ends.callback(sys.modules.pop, "breakout", None)


def incident(name: str, person: Person, ends: ExitStack) -> None:
    """An incident of `trader drill`, as the operator finds it."""
    found = staged(name, person.home, environ=person.environ)
    person.environ |= {"TRADER_ENV_FILE": str(found.settings_file)}
    person.words |= {
        "ORDER": partial(unsettled_order, person),
        "BREAK": partial(open_break, person),
        "0d5bdb9e": partial(open_break, person),
    }
    person.events["the venue is back"] = partial(end_outage, person)


def open_orders(person: Person, ends: ExitStack) -> None:
    """Orders of ours rest at the venue."""
    incident("cancel-all", person, ends)
    end_outage(person)


def sold_by_hand(person: Person, ends: ExitStack) -> None:
    """During an outage a position was sold on the venue's page; the break is seen."""
    incident("outage", person, ends)
    end_outage(person)
    settings = load_settings(person.environ, person.folder)
    with paper_exchange(paper_config(settings, "testnet")) as exchange:
        _trade_by_hand(exchange, is_buy=False)
    person.does("trader reconcile", exit_code=5)
    person.does('trader halt --reason "the venue does not answer"')


def moved(person: Person, ends: ExitStack) -> None:
    """Another machine: the backup and the anchors of the old one lie in the folder, its home is gone."""
    backed_up(person, ends)
    told(person, ends)
    person.program("crontab", CRONTAB)
    _take_home_away(person)


def _take_home_away(person: Person) -> None:
    """Leave nothing in the home but the paper exchange, which stands for the venue."""
    person.home.rename(person.folder / ".old")
    person.home.mkdir(parents=True)
    (person.folder / ".old/paper").rename(person.home / "paper")


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


def fish(person: Person, ends: ExitStack) -> None:
    """A user of fish."""
    (person.folder / ".config/fish/completions").mkdir(parents=True)


def journal_of(person: Person) -> Journal:
    return Journal.open(person.home, clock=SystemClock(), random_bytes=system_random, read_only=True)


def unsettled_order(person: Person) -> str:
    with journal_of(person) as journal:
        return journal.unsettled(journal.accounts()[-1])[0].order.client_order_id


def open_break(person: Person) -> str:
    """Return the name of an open break: of an order rather than of a trade, which goes with it."""
    with journal_of(person) as journal:
        known = journal.reconciliations(journal.accounts()[-1]).breaks()
        breaks = {each.found.explanation: each.break_id for each in known if each.is_open}
        return min(breaks.items())[1]


def end_outage(person: Person) -> None:
    settings = load_settings(person.environ, person.folder)
    with paper_exchange(paper_config(settings, "testnet")) as exchange:
        set_paper_faults(exchange, None)


def _lost(person: Person, ends: ExitStack) -> Loopback:
    """Buy without learning of it, at a venue that is served beside; return the venue."""
    venue = ends.enter_context(serving(person.folder / ".venue", machine_ms=person.time.now_ms))
    person.environ |= venue.environ() | {"TRADER_VENUE": "paper", "BINANCE_DRY_RUN": "false"}
    person.does("BINANCE_DRY_RUN=true trader stage 0")
    bought: list[str] = []

    def break_off(request: HttpRequest, answer: HttpAnswer) -> HttpAnswer | None:
        if request.method == "POST" and b"side=BUY" in request.body:
            bought.append(request.path)
        return None if bought and request.path.endswith(ABOUT_ORDERS) else answer

    venue.spoil = break_off
    person.does("trader stage 1", exit_code=8)
    venue.spoil = untouched
    person.words |= {"ORDER": partial(unsettled_order, person), "tr…-17": partial(unsettled_order, person)}
    return venue


def lost(person: Person, ends: ExitStack) -> None:
    """An order's answer was lost; the venue can be asked again."""
    _lost(person, ends)


def contradicted(person: Person, ends: ExitStack) -> None:
    """What the venue tells of a lost order contradicts the journal, and goes on to."""
    _contradicted(person, ends)


def quarantined(person: Person, ends: ExitStack) -> None:
    """As `contradicted`, but now the venue tells the truth."""
    venue = _contradicted(person, ends)
    venue.spoil = untouched
    person.words["28457,28458"] = lambda: ",".join(map(str, sorted(venue.trade_ids())))


def _contradicted(person: Person, ends: ExitStack) -> Loopback:
    venue = _lost(person, ends)
    venue.spoil = when("/api/v3/order", edited(b'"side":"BUY"', b'"side":"SELL"'), "GET")
    person.does("trader resolve", exit_code=8)
    return venue


def binance(person: Person, ends: ExitStack) -> None:
    """A testnet of Binance's answers on this machine, and an editor that writes its key into the settings."""
    venue = ends.enter_context(serving(person.folder / ".venue", machine_ms=person.time.now_ms))
    chosen = "".join(f"{name}={value}\n" for name, value in venue.environ().items())
    (person.folder / ".chosen").write_text(chosen)
    person.program("editor", 'cat "$HOME/.chosen" >> "$1"')
    person.environ["EDITOR"] = "editor"


def intruded(person: Person, ends: ExitStack) -> None:
    """As `rotating`; somebody traded with the old key, which was deleted."""
    venue = rotating(person, ends)
    person.does("trader check -q", exit_code=5)
    with page_of(venue) as exchange:
        _trade_by_hand(exchange, is_buy=True)
    person.events["the old key is deleted"]()
    person.words["BREAK"] = partial(open_break, person)


def address(person: Person, ends: ExitStack) -> None:
    """A live venue on this machine, which can be made to tell another deposit address."""
    venue = ends.enter_context(
        serving(person.folder / ".venue", persona="mainnet", machine_ms=person.time.now_ms)
    )
    person.environ |= venue.environ() | LIVE | {"TRADER_VENUE": "paper"}

    def another() -> None:
        told = venue.ask(WALLET, coin="USDT", network="TRX")["address"].encode()
        venue.spoil = when(WALLET, edited(told, told[:-6] + b"ZZ9ZZ9"))

    person.events["the venue tells another address"] = another


def rotating(person: Person, ends: ExitStack) -> Loopback:
    """A live venue on this machine, its key in the settings, and a new key made on its page."""
    venue = ends.enter_context(
        serving(person.folder / ".venue", persona="mainnet", machine_ms=person.time.now_ms)
    )
    person.settings(**venue.environ() | LIVE | {"TRADER_VENUE": "paper"})
    old = venue.api_key

    def delete_old() -> str:
        with page_of(venue) as page:
            admin.delete_key(page, old)
        return ""

    person.events["the old key is deleted"] = delete_old

    with page_of(venue) as page:
        new = admin.create_key(page, "second", ip_list=("127.0.0.1",))
    uid = venue.ask("/api/v3/account")["uid"]
    phrase = f"rotate paper mainnet {uid} …{old[-4:]} to …{new.api_key[-4:]}"
    person.environ |= {"KEY": new.api_key, "SECRET": new.secret}
    person.words |= {
        "NEW-KEY": new.api_key,
        "ITS-SECRET": new.secret,
        "DELETED": delete_old,
        "rotate binance mainnet 123456789 …a1b2 to …c3d4": phrase,
    }
    return venue


def page_of(venue: Loopback) -> AbstractContextManager[Exchange]:
    """Open what the human sees on the venue's page."""
    return admin.opened(venue.config, wall_clock_ms=SystemClock().now_ms, random_bytes=os.urandom)


def _trade_by_hand(exchange: Exchange, *, is_buy: bool) -> None:
    with exchange.transaction() as engine:
        place(engine, OrderRequest("BTCUSDT", is_buy, "MARKET", "web_7f3a01", quantity=UNIT // 10_000))


WALLET = "/sapi/v1/capital/deposit/address"
ABOUT_ORDERS = ("order", "Orders", "myTrades")

SCENES: dict[str, Scene] = {
    "": empty,
    "newcomer": empty,
    "traded": traded,
    "equipped": equipped,
    "begun": begun,
    "told": told,
    "anchored": anchored,
    "backed up": backed_up,
    "halted": halted,
    "losing": losing,
    "headlines": headlines,
    "address": address,
    "live": live,
    "recorded": recorded,
    "imported": imported,
    "own strategy": own_strategy,
    "lost": lost,
    "quarantined": quarantined,
    "contradicted": contradicted,
    "binance": binance,
    "rotating": rotating,
    "intruded": intruded,
    "recordings of freqtrade": freqtrade,
    "sold by hand": sold_by_hand,
    "moved": moved,
    "restored": restored,
    "fish": fish,
    "sent after the backup": sent_after,
    "stuck-order": partial(incident, "stuck-order"),
    "outage": partial(incident, "outage"),
    "balance-depleted": partial(incident, "balance-depleted"),
    "suspicious-activity": partial(incident, "suspicious-activity"),
    "open orders": open_orders,
    "held": partial(incident, "flatten"),
}
