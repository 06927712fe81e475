"""Request limits: used weight per IP, orders per account, in fixed windows aligned to the clock. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

SECOND_MS = 1_000
TEN_SECONDS_MS = 10 * SECOND_MS
MINUTE_MS = 60 * SECOND_MS
FIVE_MINUTES_MS = 5 * MINUTE_MS
DAY_MS = 1440 * MINUTE_MS

IGNORED_REFUSALS_BEFORE_BAN = 10
FIRST_BAN_MS = 2 * MINUTE_MS
LONGEST_BAN_MS = 3 * DAY_MS


class Limits(msgspec.Struct, frozen=True):
    """What the exchange allows; the values of a live sample of 2026."""

    weight_per_minute: int = 6_000
    requests_per_five_minutes: int = 300_000
    orders_per_ten_seconds: int = 100
    orders_per_day: int = 200_000


class IpUsage(msgspec.Struct, frozen=True):
    """What one IP used in the current windows, and how it took being refused.

    Weight, refusals and bans are shared by all processes; raw requests each counts for itself, since no
    honest client comes near that limit and every order would have to write it.
    """

    ip: str
    minute: int = 0
    weight: int = 0
    refusals: int = 0
    bans: int = 0
    banned_until_ms: int = 0
    five_minutes: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class TooManyRequests:
    """Why a request is not served. `banned`: HTTP 418 instead of 429."""

    retry_after_s: int
    banned_until_ms: int
    banned: bool
    raw: bool = False


def charge(
    usage: IpUsage, weight: int, now_ms: int, limits: Limits
) -> tuple[IpUsage, TooManyRequests | None]:
    """Charge a request to its IP, or refuse it.

    Being refused again and again within a minute leads to a ban that grows each time, up to three days.
    """
    usage = _rolled(usage, now_ms)
    if now_ms < usage.banned_until_ms:
        return usage, _banned(usage, now_ms)
    raw = usage.requests >= limits.requests_per_five_minutes
    if raw or usage.weight + weight > limits.weight_per_minute:
        usage = replace(usage, refusals=usage.refusals + 1)
        if usage.refusals > IGNORED_REFUSALS_BEFORE_BAN:
            length_ms = min(FIRST_BAN_MS * 4**usage.bans, LONGEST_BAN_MS)
            usage = replace(
                usage, refusals=0, bans=min(usage.bans + 1, 10), banned_until_ms=now_ms + length_ms
            )
            return usage, _banned(usage, now_ms)
        window_ms = FIVE_MINUTES_MS if raw else MINUTE_MS
        return usage, TooManyRequests(_seconds_left(window_ms - now_ms % window_ms), 0, banned=False, raw=raw)
    return replace(usage, weight=usage.weight + weight, requests=usage.requests + 1), None


def refund(usage: IpUsage, weight: int) -> IpUsage:
    """Give back the weight of a request that turned out to be free."""
    return replace(usage, weight=max(0, usage.weight - weight))


def _rolled(usage: IpUsage, now_ms: int) -> IpUsage:
    minute, five_minutes = now_ms // MINUTE_MS, now_ms // FIVE_MINUTES_MS
    if usage.minute != minute:
        usage = replace(usage, minute=minute, weight=0, refusals=0)
    if usage.five_minutes != five_minutes:
        usage = replace(usage, five_minutes=five_minutes, requests=0)
    return usage


def _banned(usage: IpUsage, now_ms: int) -> TooManyRequests:
    return TooManyRequests(_seconds_left(usage.banned_until_ms - now_ms), usage.banned_until_ms, banned=True)


def _seconds_left(duration_ms: int) -> int:
    return -(-duration_ms // SECOND_MS)


class OrderCount(msgspec.Struct, frozen=True):
    """Unfilled orders of one account in the current windows: more when accepted, less when filled."""

    ten_seconds: int = 0
    in_ten_seconds: int = 0
    day: int = 0
    in_day: int = 0

    def at(self, now_ms: int) -> OrderCount:
        ten_seconds, day = now_ms // TEN_SECONDS_MS, now_ms // DAY_MS
        if (ten_seconds, day) == (self.ten_seconds, self.day):
            return self
        return OrderCount(
            ten_seconds,
            self.in_ten_seconds if ten_seconds == self.ten_seconds else 0,
            day,
            self.in_day if day == self.day else 0,
        )

    def plus(self, orders: int) -> OrderCount:
        return replace(
            self,
            in_ten_seconds=max(0, self.in_ten_seconds + orders),
            in_day=max(0, self.in_day + orders),
        )

    def exceeded(self, limits: Limits, orders: int = 1) -> str | None:
        """Return the limit that has no room for so many more orders, as the venue words it."""
        if self.in_ten_seconds + orders > limits.orders_per_ten_seconds:
            return f"{limits.orders_per_ten_seconds} orders per 10 SECOND"
        if self.in_day + orders > limits.orders_per_day:
            return f"{limits.orders_per_day} orders per 1 DAY"
        return None

    def retry_after_s(self, limits: Limits, now_ms: int, orders: int = 1) -> int:
        soon = self.in_ten_seconds + orders > limits.orders_per_ten_seconds
        window_ms = TEN_SECONDS_MS if soon else DAY_MS
        return _seconds_left(window_ms - now_ms % window_ms)
