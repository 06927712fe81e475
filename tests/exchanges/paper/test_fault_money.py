"""Money is conserved whatever goes wrong, and what went wrong once goes wrong again."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.paper import admin
from exchanges.paper.dialects import binance
from exchanges.paper.dialects.binance import Delivery, HttpRequest
from exchanges.paper.faults import (
    CancelRace,
    Drop,
    LateFill,
    Partial,
    Plan,
    ReorderEvents,
    Twice,
    When,
)
from exchanges.paper.limits import Limits
from tests.exchanges.paper.test_money import SYMBOL_NAMES, cancels, check_books, orders, perform, waits
from tests.exchanges.paper.venue import Answer, Venue, Wall, decoded, open_venue

POSTS: Literal["POST"] = "POST"
DELETES: Literal["DELETE"] = "DELETE"


class FaultyVenue(Venue):
    """A venue whose requests meet the plan at work; an answer that gets lost reads as an empty success."""

    def send(self, method: str, path: str, *, query: str = "", body: str = "", **headers: str) -> Answer:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = HttpRequest(method, path, query.encode(), body.encode(), names, self.ip)
        with self.exchange.transaction() as engine:
            reply = binance.serve(self.exchange, engine, request).reply
        return Answer(200, {}, {}) if isinstance(reply, Delivery) else decoded(reply)


probabilities = st.sampled_from([0.2, 0.6, 1.0])
percents = st.integers(0, 100)
rules = st.one_of(
    st.builds(lambda p: Twice(when=When(method=POSTS, probability=p)), probabilities),
    st.builds(lambda p: Drop(when=When(method=POSTS, probability=p)), probabilities),
    st.builds(
        lambda p, n: Partial(when=When(method=POSTS, probability=p), percent=n), probabilities, percents
    ),
    st.builds(
        lambda p, n: CancelRace(when=When(method=DELETES, probability=p), percent=n), probabilities, percents
    ),
    st.builds(
        lambda p, s: LateFill(when=When(probability=p), seconds=s), probabilities, st.integers(0, 3600)
    ),
    st.builds(lambda p: ReorderEvents(when=When(probability=p)), probabilities),
)
steps = st.lists(
    st.sampled_from((orders, orders, st.one_of(waits, cancels))).flatmap(lambda chosen: chosen), max_size=25
)
plans = st.builds(
    lambda rules, seed: Plan(rules=tuple(rules), seed=seed),
    st.lists(rules, min_size=1, max_size=4),
    st.integers(0, 99),
)


def run(plan: Plan, session: list[object]) -> tuple[object, ...]:
    """Return what is left of a session under a plan, its books checked."""
    with tempfile.TemporaryDirectory() as directory:
        wall = Wall()
        venue = FaultyVenue(open_venue(Path(directory), wall).exchange, wall)
        admin.set_limits(venue.exchange, Limits(10**9, 10**9, 10**9, 10**9))
        with admin.faulty(venue.exchange, plan):
            for step in session:
                perform(venue, wall, step)
        check_books(venue)
        check_fills(venue)
        trades = [venue.signed("GET", "/api/v3/myTrades", symbol=name).body for name in SYMBOL_NAMES]
        left = venue.balances(), trades
        venue.exchange.close()
        return left


def check_fills(venue: Venue) -> None:
    """Fills add up to their orders, also to those that were closed before."""
    for symbol in SYMBOL_NAMES:
        trades = venue.signed("GET", "/api/v3/myTrades", symbol=symbol, limit=1000).body
        executed: dict[int, Decimal] = defaultdict(Decimal)
        for trade in trades:
            executed[trade["orderId"]] += Decimal(trade["qty"])
        for order in venue.signed("GET", "/api/v3/allOrders", symbol=symbol, limit=1000).body:
            assert Decimal(order["executedQty"]) == executed[order["orderId"]] <= Decimal(order["origQty"])
        sides = [(trade["id"], trade["isBuyer"]) for trade in trades]
        assert sides == sorted(set(sides))


@settings(max_examples=12)
@given(plans, steps)
def test_money_is_conserved_and_a_replay_is_the_same(plan: Plan, session: list[object]) -> None:
    assert run(plan, session) == run(plan, session)
