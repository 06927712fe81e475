"""How long entries wait after the last one."""

from __future__ import annotations

from core.positions.rules import PositionRules


def entry_allowed_ms(rules: PositionRules, last_entry_ms: int | None, last_exit_ms: int | None) -> int:
    """Return the time from which a symbol may be entered again: a cooldown after the later of the two.

    Times in ms UTC, None: there was none. 0: at once.
    """
    known = [each for each in (last_entry_ms, last_exit_ms) if each is not None]
    return max(known) + rules.cooldown_ms if known and rules.cooldown_ms else 0
