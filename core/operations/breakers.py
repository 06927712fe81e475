"""Look at what the breakers measure, and latch what trips.

With real money always, and in its rehearsal: a run by signal at stage 1. A probe off the live venue is meant
to be made, and to lose its fees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from core.account import AccountKey
from core.clock import DAY_MS, utc_day
from core.desk import Desk
from core.risk.breakers import (
    MINUTES_USED,
    UNTIL_RESET_MS,
    Breaker,
    DayOpening,
    LatchedBreaker,
    drawdown,
    extreme_move,
    fall_from_peak,
    losses_in_a_row,
    lost_rate,
)
from core.risk.facts import RiskFacts

if TYPE_CHECKING:
    from core.bars import Bars
    from core.journal import Journal

LAPSED = "its time is over"


async def minutes_before(desk: Desk, symbol: str) -> Bars:
    """Return the closed minute bars that an extreme move is looked for in. Raises what reads raise."""
    return await desk.venue.market_data.bars(symbol, "1m", MINUTES_USED)


def look_at_breakers(desk: Desk, facts: RiskFacts, minutes: Bars) -> None:
    """Lapse what is over, then latch what trips. `minutes`: closed minute bars of the traded symbol.

    Raises Refused JOURNAL_UNWRITABLE.
    """
    look_at_losses(desk)
    look_at_equity(desk, facts)
    book, now_ms, settings = desk.journal.breakers(desk.account), desk.venue_now_ms(), desk.settings
    move = extreme_move(
        minutes,
        sigmas=float(settings.live_max_minute_sigmas),
        move_rate=float(settings.live_max_five_minute_move),
    )
    if move is not None and move.until_ms > now_ms:
        book.latch(Breaker.EXTREME_MARKET, move.reason, cause_ms=move.close_ms, until_ms=move.until_ms)


def look_at_equity(desk: Desk, facts: RiskFacts) -> Decimal | None:
    """As `look_at_breakers`, for both drawdowns; return what was lost of the day's opening equity.

    `facts`: with the portfolio. Below 0: a gain; None: the day began with nothing.
    """
    assert facts.portfolio is not None  # noqa: S101 - drawdown is judged by all that is held
    book, now_ms, settings = desk.journal.breakers(desk.account), desk.venue_now_ms(), desk.settings
    today, equity = utc_day(now_ms), facts.portfolio.equity
    quote_asset = facts.instrument.quote_asset
    profit = book.realized(quote_asset) - facts.live_unrealized_loss
    opening = book.open_day(quote_asset, DayOpening(today, equity, profit, now_ms))
    if said := drawdown(opening, profit, settings.live_max_drawdown):
        reason = f"{said} {quote_asset}"
        book.latch(Breaker.DAILY_DRAWDOWN, reason, cause_ms=now_ms, until_ms=(today + 1) * DAY_MS)
    peak = book.raise_peak(quote_asset, profit, now_ms)
    if said := fall_from_peak(peak, profit, equity, settings.live_max_drawdown_from_peak):
        reason = f"{said} {quote_asset}"
        book.latch(Breaker.PEAK_DRAWDOWN, reason, cause_ms=now_ms, until_ms=UNTIL_RESET_MS)
    return lost_rate(opening, profit)


def look_at_losses(desk: Desk) -> None:
    """As `look_at_breakers`, as far as the journal alone tells: after each trade.

    In a rehearsal its own trades count, not the probes before it.
    """
    book, now_ms = desk.journal.breakers(desk.account), desk.venue_now_ms()
    for each in book.all_latched():
        if each.until_ms <= now_ms:
            book.reset(each.breaker, LAPSED)
    since_ms = max(book.cause_ms(Breaker.CONSECUTIVE_LOSSES), desk.rehearsal_since_ms or 0)
    trades = book.trades_since(since_ms)
    losses, limit = losses_in_a_row(earned for _, earned in trades), desk.settings.live_max_losses_in_a_row
    if losses >= limit:
        until_ms = (utc_day(now_ms) + 1) * DAY_MS
        reason = f"{losses} losing trades in a row reach the limit {limit}"
        book.latch(Breaker.CONSECUTIVE_LOSSES, reason, cause_ms=trades[0][0], until_ms=until_ms)


def latched_on(
    journal: Journal, accounts: Sequence[AccountKey], breaker: Breaker
) -> dict[AccountKey, LatchedBreaker]:
    """Return on which of these accounts a breaker is latched, lapsed or not."""
    return {
        account: each
        for account in accounts
        for each in journal.breakers(account).all_latched()
        if each.breaker is breaker
    }


def reset_breaker(journal: Journal, accounts: Iterable[AccountKey], breaker: Breaker, reason: str) -> None:
    """Reset one breaker on these accounts, because a human said why. Raises Refused JOURNAL_UNWRITABLE."""
    for account in accounts:
        journal.breakers(account).reset(breaker, reason)
