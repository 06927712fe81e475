"""Venues that are served beside the person, so that they can be spoiled or looked at."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, ExitStack
from functools import partial

from core.clock import SystemClock
from exchanges.paper import Exchange, admin
from exchanges.paper.dialects.binance import HttpAnswer, HttpRequest
from tests.cli.loopback import Loopback, edited, serving, untouched, when
from tests.executable.person import Person
from tests.executable.scenes.homes import LIVE
from tests.executable.scenes.incidents import open_break, trade_by_hand, unsettled_order

WALLET = "/sapi/v1/capital/deposit/address"
ABOUT_ORDERS = ("order", "Orders", "myTrades")


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


def binance(person: Person, ends: ExitStack) -> None:
    """A testnet of Binance's answers on this machine, and an editor that writes its key into the settings."""
    venue = ends.enter_context(serving(person.folder / ".venue", machine_ms=person.time.now_ms))
    chosen = "".join(f"{name}={value}\n" for name, value in venue.environ().items())
    (person.folder / ".chosen").write_text(chosen)
    person.program("editor", 'cat "$HOME/.chosen" >> "$1"')
    person.environ["EDITOR"] = "editor"


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


def intruded(person: Person, ends: ExitStack) -> None:
    """As `rotating`; somebody traded with the old key, which was deleted."""
    venue = rotating(person, ends)
    person.does("trader check -q", exit_code=5)
    with page_of(venue) as exchange:
        trade_by_hand(exchange, is_buy=True)
    person.events["the old key is deleted"]()
    person.words["BREAK"] = partial(open_break, person)


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


def _contradicted(person: Person, ends: ExitStack) -> Loopback:
    venue = _lost(person, ends)
    venue.spoil = when("/api/v3/order", edited(b'"side":"BUY"', b'"side":"SELL"'), "GET")
    person.does("trader resolve", exit_code=8)
    return venue


def page_of(venue: Loopback) -> AbstractContextManager[Exchange]:
    """Open what the human sees on the venue's page."""
    return admin.opened(venue.config, wall_clock_ms=SystemClock().now_ms, random_bytes=os.urandom)
