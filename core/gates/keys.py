"""Whether the key can hurt: what it may do, from where, how old it is, and who may know it."""

from __future__ import annotations

from core.account import Environment
from core.clock import DAY_MS
from core.gates.facts import AccountFacts, Answer, GateFacts, failed, passed, unavailable
from core.ports import KeyFacts

NOT_TOLD = "this venue does not tell"
LIVE_ONLY = "asked of a live key only"
WARNING_SHARE = 8 / 9
"""Of the largest age: with 90 days, a warning from day 80 on."""
CHANGE = "change the key's rights on the venue's page"
ROTATE = "trader rotate-key"


def key_rights(facts: GateFacts, account: AccountFacts) -> Answer:
    """A key that trades may do nothing else: what it cannot do, a thief cannot do with it."""
    key = account.key.facts
    if key is None:
        return unavailable(NOT_TOLD)
    wrong = wrong_rights(key)
    if wrong:
        return failed(f"the key {', '.join(wrong)}", CHANGE)
    return passed("reading and spot trading only")


def wrong_rights(key: KeyFacts) -> list[str]:
    """Say what a key may do that no key of ours should, and what it may not that it must."""
    dangerous = {
        "withdraw": key.withdrawals,
        "transfer internally": key.internal_transfer,
        "transfer between accounts": key.universal_transfer,
        "use margin": key.margin,
        "trade futures": key.futures,
        "trade options": key.options,
    }
    needed = {"read": key.reading, "trade spot": key.spot_trading}
    return [f"may {what}" for what, may in dangerous.items() if may] + [
        f"may not {what}" for what, may in needed.items() if not may
    ]


def key_address(facts: GateFacts, account: AccountFacts) -> Answer:
    key = account.key.facts
    if key is None:
        return unavailable(NOT_TOLD)
    if not key.ip_restricted:
        return failed("the key works from any address", "restrict it to this machine's address at the venue")
    return passed("restricted to listed addresses")


def key_age(facts: GateFacts, account: AccountFacts) -> Answer:
    key, most_ms = account.key.facts, facts.settings.gate_max_key_age_ms
    if key is None:
        return unavailable(NOT_TOLD)
    age_ms = account.now_ms - key.created_ms
    told = f"{age_ms / DAY_MS:.0f} days old; {most_ms / DAY_MS:g} is the limit"
    if age_ms < 0:
        return failed(f"made in the future: {told}", "set this machine's clock (NTP)")
    if age_ms >= most_ms:
        return failed(told, ROTATE)
    soon = ": replace it soon" if age_ms >= most_ms * WARNING_SHARE else ""
    return passed(f"{told}{soon}")


def key_expiry(facts: GateFacts, account: AccountFacts) -> Answer:
    """An unrestricted key loses its right to trade, a position with it its way out."""
    key = account.key.facts
    if key is None:
        return unavailable(NOT_TOLD)
    until_ms = key.trading_authority_expires_ms
    if until_ms is None:
        return passed("the right to trade does not end")
    left_ms = until_ms - account.now_ms
    if left_ms < DAY_MS:
        return failed(f"the right to trade ends in {left_ms / DAY_MS:.1f} days", "renew it at the venue")
    return passed(f"the right to trade ends in {left_ms / DAY_MS:.0f} days")


def account_status(facts: GateFacts, account: AccountFacts) -> Answer:
    status = account.key.status
    if status is None:
        return unavailable(NOT_TOLD)
    if status != "Normal":
        return failed(f"the venue calls the account {status!r}", "ask the venue why")
    return passed("the account is normal")


def key_exposure(facts: GateFacts, account: AccountFacts) -> Answer:
    key = account.key
    if account.account.environment is Environment.TESTNET:
        return unavailable(LIVE_ONLY)
    if key.exposed:
        return failed(f"this key is exposed: {key.exposed}", f"`{ROTATE}` replaces it")
    if key.used_on_testnet:
        return failed("this key was used on a testnet host", f"`{ROTATE}`: a live key is for live hosts only")
    if key.traces:
        return failed(f"found in {'; '.join(key.traces)}", f"remove it there, and `{ROTATE} --exposed`")
    return passed("not known to be exposed, and not found on this machine")


def key_is_ours_alone(facts: GateFacts, account: AccountFacts) -> Answer:
    """One key a system: with a shared one nobody can tell whose order it was."""
    if account.account.environment is Environment.TESTNET:
        return unavailable(LIVE_ONLY)
    others = account.key.other_homes
    if others is None:
        return failed("the list of homes that use this key cannot be kept", "mend the runtime folder")
    if others:
        return failed(f"this key is used from {', '.join(others)} as well", "make a key for each home")
    return passed("no other home on this machine uses it")
