"""Whether the ways out were rehearsed lately, before real money is at stake."""

from __future__ import annotations

from core.drills.incidents import REQUIRED
from core.drills.rehearsed import shortfall
from core.gates.facts import AccountFacts, Answer, GateFacts, failed, passed


def drills(facts: GateFacts, account: AccountFacts) -> Answer:
    """Halt, cancel-all and flatten were each dealt with the last time, and not too long ago."""
    from core.config import PAPER  # slow to load, and --help loads this module

    limit_ms = facts.settings.gate_max_drill_age_ms
    lacking = {
        name: why
        for name in REQUIRED
        if (why := shortfall(account.drills.get(name), account.now_ms, limit_ms))
    }
    if not lacking:
        return passed(f"{', '.join(REQUIRED)}: rehearsed")
    reasons = {why: [name for name in lacking if lacking[name] == why] for why in lacking.values()}
    said = "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())
    if account.account.venue == PAPER:
        return passed(f"not required for toy money; {said}")
    return failed(said, "; ".join(f"trader drill {name}" for name in lacking))
