"""What a human must hear of because it lasts, or because nothing happens: no entry of the journal says it."""

from __future__ import annotations

from dataclasses import dataclass

from core.account import Environment
from core.alerts.alert import AGAIN_AFTER_MS, Alert, sentence
from core.alerts.meaning import ROTATION
from core.alerts.queue import KeyTerms
from core.clock import DAY_MS, HOUR_MS, iso_utc, utc_day

WARN_BEFORE_MS = 10 * DAY_MS
"""Before a key is too old or may no longer trade: from day 80 of 90 on."""
PROTECTED_AGAIN_MS = 6 * HOUR_MS
"""A stop at the venue looks after a position; nobody has to be woken twice a night for it."""
UNWATCHED_AFTER_MS = 120_000
"""Between a fill and the first look at its position, and between the last look and its sale."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings ask for. `venue`, `environment`: whose silence counts, `venue` None for nobody's.

    `silence_ms`, `no_trade_ms`: how long nothing may be compared or traded, None for ever. `key_age_ms`: when
    a key must be replaced.
    """

    venue: str | None
    environment: Environment
    silence_ms: int | None
    no_trade_ms: int | None
    key_age_ms: int

    def is_about(self, account: str) -> bool:
        return account.split(":")[:2] == [self.venue, self.environment]


def silent(account: str, heard_ms: int, wanted: Wanted, now_ms: int) -> list[Alert]:
    """Return the alert that nobody compared the books for too long."""
    return _quiet("SILENCE", "reconciled", "trader reconcile", account, heard_ms, wanted.silence_ms, now_ms)


def idle(account: str, traded_ms: int, wanted: Wanted, now_ms: int) -> list[Alert]:
    """Return the alert that nothing was traded for too long."""
    return _quiet("NO_TRADE", "traded", "trader status", account, traded_ms, wanted.no_trade_ms, now_ms)


def _quiet(
    code: str, what: str, command: str, account: str, at_ms: int, most_ms: int | None, now_ms: int
) -> list[Alert]:
    if most_ms is None or now_ms - at_ms < most_ms:
        return []
    title = f"Nothing was {what}"
    said = f"{title} for {(now_ms - at_ms) / HOUR_MS:.1f} h, since {iso_utc(at_ms)}"
    subject = f"{code} {account} {at_ms}"
    return [Alert(code, title, sentence(said, account, command), False, subject, now_ms, most_ms)]


def keys_ending(account: str, key: KeyTerms, wanted: Wanted, now_ms: int) -> list[Alert]:
    """Return the alerts, once a day, that a key must be replaced or renewed soon."""
    found: list[Alert] = []
    old_ms = now_ms - key.created_ms
    if old_ms >= wanted.key_age_ms - WARN_BEFORE_MS:
        limit = f"{wanted.key_age_ms / DAY_MS:g} days is the limit"
        what = f"API key {key.fingerprint} is {old_ms / DAY_MS:.0f} days old, {limit}"
        found.append(_of_key("KEY_AGE", "A key grows old", what, ROTATION, account, key, now_ms))
    if key.expires_ms is not None and key.expires_ms - now_ms <= WARN_BEFORE_MS:
        ends = "ended" if key.expires_ms <= now_ms else "ends"
        what = f"The right to trade of API key {key.fingerprint} {ends} on {iso_utc(key.expires_ms)}"
        renew = f"{what}: renew it on the venue's page"
        found.append(_of_key("KEY_EXPIRY", "A key expires", renew, "trader check", account, key, now_ms))
    return found


def _of_key(
    code: str, title: str, what: str, command: str, account: str, key: KeyTerms, now_ms: int
) -> Alert:
    subject = f"{code} {key.fingerprint} {utc_day(now_ms)}"
    return Alert(code, title, sentence(what, account, command), False, subject, now_ms, DAY_MS)


def unwatched(what: str, account: str, symbol: str, *, is_protected: bool, now_ms: int) -> Alert:
    """Return the alert of a position that no running command looks at. `what`: quantity and protection."""
    title = "A position is watched by nobody" if is_protected else "A position is unprotected"
    said = f"{what}, and no running command watches it"
    command = "trader status" if is_protected else "trader flatten --yes"
    subject = f"POSITION_OPEN {account} {symbol} {is_protected}"
    again_ms = PROTECTED_AGAIN_MS if is_protected else AGAIN_AFTER_MS
    return Alert("POSITION_OPEN", title, sentence(said, account, command), True, subject, now_ms, again_ms)


def queue_damaged(now_ms: int) -> Alert:
    what = "The queue of alerts was damaged, what waited in it is in alerts.damaged of the home"
    text = sentence(what, None, "trader audit show")
    return Alert("QUEUE_DAMAGED", "Alerts may be missing", text, True, "QUEUE_DAMAGED", now_ms)
