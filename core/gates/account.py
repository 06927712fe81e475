"""Whether account, clock and books are in a state to trade at all."""

from __future__ import annotations

from core.clock import HOUR_MS
from core.gates.facts import AccountFacts, Answer, GateFacts, failed, passed
from core.ports import ClockReading
from core.stages import TradingState
from core.values import decimal_text


def clock_agrees(facts: GateFacts, account: AccountFacts) -> Answer:
    return clock_answer(account.reading, facts.settings.gate_max_clock_offset_ms)


def clock_answer(reading: ClockReading, most_ms: int) -> Answer:
    """Say whether the clocks agree; `most_ms` bounds offset and uncertainty together."""
    offset_ms, bound_ms = reading.offset_ms, reading.bound_ms
    detail = f"offset {offset_ms:+.0f} ms, known to ±{bound_ms:.0f} ms"
    if abs(offset_ms) + bound_ms < most_ms:
        return passed(detail)
    by_the_clock = abs(offset_ms) >= most_ms
    way_out = "set this machine's clock (NTP)" if by_the_clock else "the answers are slow: try again"
    return failed(f"{detail}; the limit is {most_ms} ms", way_out)


def no_second_machine(facts: GateFacts, account: AccountFacts) -> Answer:
    """One installation trades on an account: an open order that another one placed stops new entries."""
    if account.foreign_orders:
        return failed(
            f"another installation of trader has open orders: {', '.join(account.foreign_orders)}",
            "stop the other machine or home; `trader cancel-all --account` cancels everybody's orders",
        )
    return passed("no other installation has open orders")


def stop_can_rest(facts: GateFacts, account: AccountFacts) -> Answer:
    """A position is protected by a stop at the venue, which must take one and have room for it."""
    if account.stop_type is None:
        return failed(f"{facts.plan.symbol} takes no stop order at this venue", "choose another symbol")
    if account.stops_max is not None and account.open_stops >= account.stops_max:
        return failed(
            f"{account.open_stops} of {account.stops_max} stops are open on {facts.plan.symbol}",
            "cancel one: `trader cancel-all` cancels ours, `--account` everybody's",
        )
    most = "" if account.stops_max is None else f" of {account.stops_max}"
    return passed(f"{account.stop_type}, {account.open_stops}{most} open")


def home_stays(facts: GateFacts, account: AccountFacts) -> Answer:
    """A journal that goes with its container leaves a position that nobody knows."""
    from core.config import PAPER  # slow to load, and --help loads this module

    home = facts.settings.home
    if account.account.venue == PAPER:
        return passed("need not stay for toy money")
    if account.home_lost:
        return failed(
            f"{home} will not stay: {account.home_lost}",
            "put TRADER_HOME on a disk or a named volume, and begin at stage 0 there",
        )
    return passed(f"{home} stays")


def balance_suffices(facts: GateFacts, account: AccountFacts) -> Answer:
    free = f"{decimal_text(account.free_quote)} {account.quote_asset} free"
    if account.free_quote < account.smallest_order.value:
        needed = f"the smallest sellable order is {account.smallest_order} {account.quote_asset}"
        return failed(f"{free}; {needed}", "move funds to the account")
    return passed(free)


def nothing_unsettled(facts: GateFacts, account: AccountFacts) -> Answer:
    if account.unsettled:
        return failed(
            f"{len(account.unsettled)} order(s) of unknown fate: {'; '.join(account.unsettled[:3])}",
            "`trader resolve` asks what became of them, `trader status` names them",
        )
    if account.quarantined:
        return failed(f"quarantined: {', '.join(account.quarantined)}", "`trader status` says why")
    return passed("every order's fate is known")


def books_reconciled(facts: GateFacts, account: AccountFacts) -> Answer:
    """The newest whole comparison with the venue is fresh, covers every symbol and left no break open."""
    newest, limit_ms = account.reconciled, facts.settings.gate_max_reconcile_age_ms
    mend = facts.plan.there("trader reconcile")
    if account.open_breaks:
        return failed(f"{account.open_breaks} open break(s)", f"`{mend}` names them")
    if newest is None:
        return failed("the books of this account were never compared with the venue's", mend)
    left_out = account.symbols - newest.coverage.keys()
    if left_out:
        return failed(f"not compared: {', '.join(sorted(left_out))}", mend)
    age_ms = account.now_ms - newest.until_ms
    if not 0 <= age_ms <= limit_ms:
        return failed(
            f"the books were compared {age_ms / HOUR_MS:.1f} h ago; {limit_ms / HOUR_MS:g} h is the limit",
            mend,
        )
    return passed(f"the books agreed {age_ms / HOUR_MS:.1f} h ago")


def journal_verifies(facts: GateFacts, account: AccountFacts) -> Answer:
    if account.journal_findings:
        return failed(
            f"{account.journal_findings} finding(s): the journal was altered",
            "`trader check` names the first",
        )
    return passed("the chain verifies")


def trading_active(facts: GateFacts, account: AccountFacts) -> Answer:
    if account.trading_state is not TradingState.ACTIVE:
        return failed(
            f"{account.trading_state}", "`trader resume --reason …`, once you know who set it, and why"
        )
    return passed("ACTIVE")
