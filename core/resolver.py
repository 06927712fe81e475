"""What became of an order whose fate nobody knows: decided from what the venue was asked and what it said.

Pure. Found is adopted only when it is the order that we signed. Not found is believed late and twice: the
venue refuses a request that comes more than its recvWindow after its timestamp, but may tell of an accepted
order some seconds late. Whatever is neither is a doubt, and waits for a human.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.orders import Fill, Intent, OrderReport

GRACE_MS: Final = 30_000
"""After the recvWindow: the venue's engine may take 10 s, and its records have lagged as long again."""
ROUNDS_APART_MS: Final = 10_000
BACKOFF_MS: Final = (500, 1_000, 2_000, 4_000, 8_000, 15_000)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of questions about one order brought. Times are the venue's own.

    `asked_ms`: not after the first question; `answered_ms`: not before the last answer. `sightings`: orders
    under our name, from whatever list. `unexplained`: trades that may be ours, of no order that the venue
    tells of. `complete`: order query, open orders, all orders and trades were all asked.
    """

    asked_ms: int
    answered_ms: int
    sightings: tuple[OrderReport, ...] = ()
    unexplained: tuple[Fill, ...] = ()
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """The venue has the order, as we signed it."""

    report: OrderReport


@dataclass(frozen=True, slots=True)
class NeverAccepted:
    """The venue never had the order, and can no longer accept it. `asked_ms`: the rounds that agree."""

    asked_ms: tuple[int, int]


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Nobody knows yet. `at_ms`: when to ask next, by the venue's time."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The answers contradict each other or the intent: a human must look."""

    reason: str


Verdict = Found | NeverAccepted | AskAgain | Quarantine


def believable_from(intent: Intent) -> int:
    """Return the venue time after which "not found" can be true for good."""
    return intent.timestamp_ms + intent.recv_window_ms + GRACE_MS


def decide(intent: Intent, venue_order_id: int | None, rounds: Sequence[Round]) -> Verdict:
    """Return what the rounds so far, oldest first, say of an order.

    `venue_order_id`: under which the venue has once confirmed it; None when it never did.
    """
    if not rounds:
        return AskAgain(0)
    ids = {report.venue_order_id for each in rounds for report in each.sightings}
    ids |= set() if venue_order_id is None else {venue_order_id}
    if len(ids) > 1:
        # A name is unique only among open orders: a request that a proxy sent twice was executed twice.
        return Quarantine(f"the venue has {len(ids)} orders under this name: {_listed(ids)}")
    newest = rounds[-1]
    if newest.sightings:
        report = max(newest.sightings, key=lambda each: (each.executed_quantity, each.ts_event_ms))
        difference = _difference(intent, report)
        return Quarantine(f"order {report.venue_order_id}: {difference}") if difference else Found(report)
    return _not_found(intent, rounds, existed=bool(ids))


def ask_again(rounds: Sequence[Round]) -> AskAgain:
    """Return when to ask next when the last round left something open: each time later."""
    pause_ms = BACKOFF_MS[min(len(rounds), len(BACKOFF_MS)) - 1]
    return AskAgain(rounds[-1].answered_ms + pause_ms)


def _not_found(intent: Intent, rounds: Sequence[Round], *, existed: bool) -> Verdict:
    believable_ms = believable_from(intent)
    soonest_ms = rounds[-1].answered_ms + BACKOFF_MS[0]
    counted = [each for each in rounds if each.complete and each.asked_ms > believable_ms]
    if not counted:
        return AskAgain(min(ask_again(rounds).at_ms, max(believable_ms + 1, soonest_ms)))
    agreeing = _agreeing(counted)
    first, last = agreeing[0], agreeing[-1]
    if last.asked_ms - first.answered_ms < ROUNDS_APART_MS:
        return AskAgain(max(first.answered_ms + ROUNDS_APART_MS, soonest_ms))
    if last.unexplained:
        trades = _listed({fill.trade_id for fill in last.unexplained})
        return Quarantine(f"the venue does not know the order, but trades of no known order: {trades}")
    if existed:
        return Quarantine("the venue no longer knows an order that it had accepted")
    return NeverAccepted((first.asked_ms, last.asked_ms))


def _agreeing(rounds: Sequence[Round]) -> list[Round]:
    """Return the newest rounds that say the same: all of them with unexplained trades, or all without."""
    agreeing: list[Round] = []
    for each in reversed(rounds):
        if bool(each.unexplained) is not bool(rounds[-1].unexplained):
            break
        agreeing.insert(0, each)
    return agreeing


def _difference(intent: Intent, report: OrderReport) -> str:
    """Say in what an order under our name is not the one that we signed; "" when it is."""
    wanted = intent.request
    pairs = [
        ("side", wanted.side, report.side),
        ("type", wanted.order_type, report.order_type),
        ("quantity", wanted.quantity, report.quantity),
    ]
    if wanted.price is not None:
        pairs.append(("price", wanted.price, report.price))
    return ", ".join(f"{name} {found}, not {ours}" for name, ours, found in pairs if ours != found)


def _listed(numbers: set[int]) -> str:
    return ", ".join(str(number) for number in sorted(numbers))
