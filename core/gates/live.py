"""What only real money asks for."""

from __future__ import annotations

from core.gates.facts import AccountFacts, Answer, GateFacts, failed, passed

CONFIRM_LIVE_IN_FILE = "CONFIRM_LIVE_IN_FILE"


def daily_limits(facts: GateFacts, account: AccountFacts) -> Answer:
    settings = facts.settings
    entries = f"{account.live_entries_today} of {settings.live_max_trades_per_day} entries"
    loss = f"loss {account.live_loss_today} of {settings.live_max_loss_per_day} {account.quote_asset}"
    too_many = account.live_entries_today >= settings.live_max_trades_per_day
    if too_many or account.live_loss_today >= settings.live_max_loss_per_day:
        return failed(f"{entries}, {loss} today", "wait for the next UTC day")
    return passed(f"{entries}, {loss} today")


def confirm_live(facts: GateFacts) -> Answer:
    if facts.settings.confirm_live:
        return passed("CONFIRM_LIVE=yes in the process environment")
    detail = "CONFIRM_LIVE is not `yes` in the process environment"
    if any(each.code == CONFIRM_LIVE_IN_FILE for each in facts.settings.findings):
        detail += "; in a settings file it does not count, because it would stay there for ever"
    return failed(detail, "export CONFIRM_LIVE=yes for this one run")
