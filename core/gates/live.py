"""What only real money asks for."""

from __future__ import annotations

from collections.abc import Mapping

from core.clock import DAY_MS, HOUR_MS
from core.gates.facts import AccountFacts, Answer, GateFacts, failed, passed, unavailable
from core.gates.reports import LiveHistory
from core.phrases import as_meant
from core.stages import EntryMode
from core.values import decimal_text

FIRST_RUNG, SECOND_RUNG = 1, 10
"""The ladder: so many trades a run, before and after a day of live trading with a profit."""
AT_THE_START = "asked once every other gate is open"


CONFIRM_LIVE_IN_FILE = "CONFIRM_LIVE_IN_FILE"


def daily_limits(facts: GateFacts, account: AccountFacts) -> Answer:
    settings = facts.settings
    entries = f"{account.live_entries_today} of {settings.live_max_trades_per_day} entries"
    loss = f"loss {account.live_loss_today} of {settings.live_max_loss_per_day} {account.quote_asset}"
    too_many = account.live_entries_today >= settings.live_max_trades_per_day
    if too_many or account.live_loss_today >= settings.live_max_loss_per_day:
        return failed(f"{entries}, {loss} today", "wait for the next UTC day")
    return passed(f"{entries}, {loss} today")


def breakers(facts: GateFacts, account: AccountFacts) -> Answer:
    if account.breakers:
        return failed(
            "; ".join(map(str, account.breakers)), f"`{account.breakers[0].way_out}`, once you know why"
        )
    return passed("none is latched")


def confirm_live(facts: GateFacts) -> Answer:
    if facts.settings.confirm_live:
        return passed("CONFIRM_LIVE=yes in the process environment")
    detail = "CONFIRM_LIVE is not `yes` in the process environment"
    if any(each.code == CONFIRM_LIVE_IN_FILE for each in facts.settings.findings):
        detail += "; in a settings file it does not count, because it would stay there for ever"
    return failed(detail, facts.plan.command())


def ladder(facts: GateFacts, account: AccountFacts) -> Answer:
    """One trade first; ten after a day of live trading that earned something; other symbols after that."""
    plan, histories = facts.plan, account.live_history
    own = histories.get(plan.symbol)
    if own is None:
        return _first_rung(facts, histories)
    age_ms = account.now_ms - own.first_fill_ms
    earned = (
        f"{own.trades} live trade(s) in {age_ms / HOUR_MS:.0f} h earned {decimal_text(round(own.pnl, 8))}"
    )
    may = SECOND_RUNG if age_ms >= DAY_MS and own.pnl > 0 else FIRST_RUNG
    if plan.trades > may:
        more = "more takes 24 h of live trading with a profit"
        needed = more if may == FIRST_RUNG else f"the top rung is {SECOND_RUNG}"
        return failed(f"{plan.trades} trades asked for; {earned}: {needed}", f"--trades {may}")
    return passed(f"{earned}; up to {may} trade(s) a run")


def _first_rung(facts: GateFacts, histories: Mapping[str, LiveHistory]) -> Answer:
    plan = facts.plan
    if plan.entry is EntryMode.SIGNAL or plan.trades > FIRST_RUNG:
        return failed(
            f"the first live run on {plan.symbol} is one probe of the smallest size",
            "--entry probe --trades 1",
        )
    unproven = [name for name, each in histories.items() if each.trades < SECOND_RUNG or each.pnl <= 0]
    if unproven:
        return failed(
            f"another symbol comes after {SECOND_RUNG} live trades with a profit on {unproven[0]}",
            f"--symbol {unproven[0]}",
        )
    return passed("the first live run: one probe of the smallest size")


def pre_flight(facts: GateFacts, account: AccountFacts) -> Answer:
    """The venue checks the exact order, and says what it would cost."""
    live = account.live
    if live is None:
        return unavailable(AT_THE_START)
    if live.refused:
        return failed(live.refused, "`trader check` shows what else is wrong")
    return passed(live.rehearsed)


def phrase(facts: GateFacts, account: AccountFacts) -> Answer:
    """A human names what will be spent. The last word changes with every live run."""
    live = account.live
    if live is None:
        return unavailable(AT_THE_START)
    way_out = f'--confirm "{live.phrase}"'
    if live.typed is None:
        return failed("not typed", way_out)
    if as_meant(live.typed) != live.phrase:
        return failed("another phrase was typed", way_out)
    return passed(live.phrase)
