"""Whether deposits go where a human has seen that they should."""

from __future__ import annotations

from core.account import Environment
from core.gates.facts import AccountFacts, Answer, GateFacts, failed, passed, unavailable


def deposit_address(facts: GateFacts, account: AccountFacts) -> Answer:
    if account.account.environment is Environment.TESTNET:
        return unavailable("a testnet has no deposit addresses")
    mend = facts.plan.there(f"trader address {account.quote_asset}")
    if account.addresses.changed:
        return failed(f"changed at the venue: {', '.join(account.addresses.changed)}", f"`{mend}` shows both")
    if not account.addresses.pinned:
        return failed(f"no deposit address of {account.quote_asset} was confirmed", mend)
    return passed(f"{', '.join(account.addresses.pinned)}: as confirmed")
