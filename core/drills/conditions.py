"""When an incident has ended: judged by journal and venue, never by what somebody says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.drills.incidents import Incident
from core.stages import TradingState
from core.values import decimal_text


@dataclass(frozen=True, slots=True)
class VenueSight:
    """What the venue itself holds. `open_orders`: client_order_ids; `total`: asset -> free and locked.

    `answers`: whether the venue is no longer hidden on purpose; `key_works`: whether the key that was in use
    at the beginning still opens the account.
    """

    open_orders: tuple[str, ...]
    total: Mapping[str, Decimal]
    free_quote: Decimal
    answers: bool
    key_works: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at both sides. `was_halted`, `compared`: since the incident began.

    `bare`: positions without a whole stop. `difference`: what the venue holds of the base asset beyond the
    opening balance and our own position.
    """

    state: TradingState
    was_halted: bool
    unsettled: tuple[str, ...]
    quarantined: tuple[str, ...]
    positions: tuple[str, ...]
    bare: tuple[str, ...]
    compared: bool
    open_breaks: int
    ours_open: tuple[str, ...]
    strangers_open: tuple[str, ...]
    difference: Decimal
    venue: VenueSight


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold when the incident is over."""

    name: str
    holds: bool
    detail: str


ENOUGH_QUOTE = Decimal(50)
"""In quote: more than any smallest order takes."""


def standing(incident: Incident, seen: Sight) -> tuple[Condition, ...]:
    """Return what the incident's end takes, each as it stands."""
    return tuple(Condition(name, *CONDITIONS[name](seen)) for name in incident.ended)


def _halted(seen: Sight) -> tuple[bool, str]:
    return seen.state is TradingState.HALTED, f"trading is {seen.state}"


def _was_halted(seen: Sight) -> tuple[bool, str]:
    return seen.was_halted, "trading was halted meanwhile" if seen.was_halted else "trading was never halted"


def _active(seen: Sight) -> tuple[bool, str]:
    return seen.state is TradingState.ACTIVE, f"trading is {seen.state}"


def _settled(seen: Sight) -> tuple[bool, str]:
    return _none(seen.unsettled, "every order's fate is known", "of unknown fate")


def _not_quarantined(seen: Sight) -> tuple[bool, str]:
    return _none(seen.quarantined, "nothing is quarantined", "quarantined")


def _protected(seen: Sight) -> tuple[bool, str]:
    return _none(seen.bare, "nothing is held without a stop", "held without a stop")


def _flat(seen: Sight) -> tuple[bool, str]:
    if not seen.positions and seen.difference:
        return False, f"the venue holds {decimal_text(seen.difference)} more than our fills say"
    return _none(seen.positions, "no position is held", "held")


def _holdings_agree(seen: Sight) -> tuple[bool, str]:
    if seen.difference:
        return False, "the venue does not hold what our fills say"  # how much more is for him to find out
    return True, "the venue holds what our fills say"


def _none_of_ours_open(seen: Sight) -> tuple[bool, str]:
    return _none(seen.ours_open, "no order of ours is open at the venue", "open at the venue")


def _no_stranger_open(seen: Sight) -> tuple[bool, str]:
    return _none(seen.strangers_open, "no stranger's order is open at the venue", "a stranger's, open")


def _books_compared(seen: Sight) -> tuple[bool, str]:
    if not seen.compared:
        return False, "the books were not compared since it began"
    return seen.open_breaks == 0, f"the books were compared, {seen.open_breaks} break(s) open"


def _venue_answers(seen: Sight) -> tuple[bool, str]:
    return seen.venue.answers, "the venue answers" if seen.venue.answers else "the venue does not answer yet"


def _key_deleted(seen: Sight) -> tuple[bool, str]:
    works = seen.venue.key_works
    return not works, "the lost key still works" if works else "the lost key is deleted"


def _funded(seen: Sight) -> tuple[bool, str]:
    free = seen.venue.free_quote
    return free >= ENOUGH_QUOTE, f"{decimal_text(free)} of the quote asset is free"


def _none(found: Sequence[str], well: str, wrong: str) -> tuple[bool, str]:
    return (False, f"{wrong}: {', '.join(found)}") if found else (True, well)


CONDITIONS: Mapping[str, Callable[[Sight], tuple[bool, str]]] = {
    "halted": _halted,
    "was-halted": _was_halted,
    "active": _active,
    "settled": _settled,
    "not-quarantined": _not_quarantined,
    "protected": _protected,
    "flat": _flat,
    "holdings-agree": _holdings_agree,
    "none-of-ours-open": _none_of_ours_open,
    "no-stranger-open": _no_stranger_open,
    "books-compared": _books_compared,
    "venue-answers": _venue_answers,
    "key-deleted": _key_deleted,
    "funded": _funded,
}
"""Name -> (whether it holds, as a sentence)."""
