"""Bad days: the incidents of `trader drill`, and what comes of them."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from cli.drill_scenes import staged
from cli.paper_wiring import paper_config, paper_exchange, set_paper_faults
from core.config import load_settings
from core.matching import UNIT
from exchanges.paper import Exchange
from exchanges.paper.filters import OrderRequest
from exchanges.paper.placing import place
from tests.executable.person import Person
from tests.executable.scenes.reading import journal_of


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
        trade_by_hand(exchange, is_buy=False)
    person.does("trader reconcile", exit_code=5)
    person.does('trader halt --reason "the venue does not answer"')


def end_outage(person: Person) -> None:
    settings = load_settings(person.environ, person.folder)
    with paper_exchange(paper_config(settings, "testnet")) as exchange:
        set_paper_faults(exchange, None)


def unsettled_order(person: Person) -> str:
    with journal_of(person) as journal:
        return journal.unsettled(journal.accounts()[-1])[0].order.client_order_id


def open_break(person: Person) -> str:
    """Return the name of an open break: of an order rather than of a trade, which goes with it."""
    with journal_of(person) as journal:
        known = journal.reconciliations(journal.accounts()[-1]).breaks()
        breaks = {each.found.explanation: each.break_id for each in known if each.is_open}
        return min(breaks.items())[1]


def trade_by_hand(exchange: Exchange, *, is_buy: bool) -> None:
    with exchange.transaction() as engine:
        place(engine, OrderRequest("BTCUSDT", is_buy, "MARKET", "web_7f3a01", quantity=UNIT // 10_000))
