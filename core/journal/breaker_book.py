"""What the journal knows of the breakers of one account."""

from __future__ import annotations

from decimal import Decimal

from core.account import AccountKey
from core.journal import breaker_rows as sql
from core.journal.store import Append, Store
from core.risk.breakers import Breaker, DayOpening, LatchedBreaker
from core.values import EXACT, Quote

FILLS_USED = 1_000
"""How far back losses in a row are counted: more fills than any limit of them takes."""


class BreakerBook:
    """Latches and resets, and what the breakers measure by. Several processes may latch: the first counts."""

    def __init__(self, store: Store, account: AccountKey) -> None:
        self._store = store
        self._account = str(account)

    def latched(self, now_ms: int) -> tuple[LatchedBreaker, ...]:
        """Return what binds at a moment of venue time; what has lapsed does not."""
        return tuple(each for each in self.all_latched() if each.until_ms > now_ms)

    def all_latched(self) -> tuple[LatchedBreaker, ...]:
        """Return what was latched and not reset, lapsed or not."""
        if not self._store.has_table("breakers"):
            return ()
        rows = self._store.rows(sql.LATCHED, (self._account,))
        return tuple(
            LatchedBreaker(Breaker(row["breaker"]), row["reason"], row["since_ms"], row["until_ms"])
            for row in rows
        )

    def latch(self, breaker: Breaker, reason: str, *, cause_ms: int, until_ms: int) -> bool:
        """Write down that a breaker tripped; tell whether that is new.

        `cause_ms`: venue time. A cause no newer than one that was reset changes nothing; what is latched
        stays as it is.
        """

        def body(append: Append) -> bool:
            row = self._store.row(sql.BREAKER, (self._account, breaker))
            if row is not None and (row["latched"] or row["cause_ms"] >= cause_ms):
                return False
            told = {"breaker": breaker, "reason": reason, "cause_ms": cause_ms, "until_ms": until_ms}
            append("BREAKER_LATCHED", self._account, told)
            return True

        return self._store.write(body)

    def reset(self, breaker: Breaker, reason: str) -> bool:
        """Write down that a breaker may go on; tell whether it was latched."""

        def body(append: Append) -> bool:
            row = self._store.row(sql.BREAKER, (self._account, breaker))
            if row is None or not row["latched"]:
                return False
            append("BREAKER_RESET", self._account, {"breaker": breaker, "reason": reason})
            return True

        return self._store.write(body)

    def cause_ms(self, breaker: Breaker) -> int:
        """Return the venue time of what latched it last, 0 when nothing ever did."""
        row = self._store.row(sql.BREAKER, (self._account, breaker))
        return 0 if row is None else int(row["cause_ms"])

    def day_opening(self, quote_asset: str) -> DayOpening | None:
        """Return how the account stood when its newest day began, None when none ever did."""
        row = self._store.row(sql.DAY_OPENING, (self._account, quote_asset))
        if row is None:
            return None
        return DayOpening(
            row["day"], Quote(Decimal(row["equity"])), Quote(Decimal(row["profit"])), row["at_ms"]
        )

    def open_day(self, quote_asset: str, seen: DayOpening) -> DayOpening:
        """Return the opening that counts now: the day's first, or the first since the drawdown was reset.

        A clock that is behind never brings yesterday back.
        """

        def body(append: Append) -> DayOpening:
            if known := self._opening_of(quote_asset, seen.day):
                return known
            told = {
                "quote_asset": quote_asset,
                "day": seen.day,
                "equity": seen.equity.value,
                "profit": seen.profit.value,
                "at_ms": seen.at_ms,
            }
            append("DAY_OPENED", self._account, told)
            return seen

        return self._opening_of(quote_asset, seen.day) or self._store.write(body)

    def _opening_of(self, quote_asset: str, day: int) -> DayOpening | None:
        known = self.day_opening(quote_asset)
        if known is None or known.day < day or known.at_ms <= self._reset_cause_ms(Breaker.DAILY_DRAWDOWN):
            return None
        return known

    def raise_peak(self, quote_asset: str, profit: Quote, at_ms: int) -> Quote:
        """Return the highest profit that counts, this one included; a reset of that drawdown begins anew."""

        def body(append: Append) -> Quote:
            known = self._peak_of(quote_asset)
            if known is not None and known >= profit:
                return known
            told = {"quote_asset": quote_asset, "profit": profit.value, "at_ms": at_ms}
            append("EQUITY_PEAK", self._account, told)
            return profit

        known = self._peak_of(quote_asset)
        return known if known is not None and known >= profit else self._store.write(body)

    def _peak_of(self, quote_asset: str) -> Quote | None:
        row = self._store.row(sql.PEAK, (self._account, quote_asset))
        if row is None or row["at_ms"] <= self._reset_cause_ms(Breaker.PEAK_DRAWDOWN):
            return None
        return Quote(Decimal(row["profit"]))

    def _reset_cause_ms(self, breaker: Breaker) -> int:
        """Return the cause of a breaker that is no longer latched, -1 when there is none."""
        row = self._store.row(sql.BREAKER, (self._account, breaker))
        return -1 if row is None or row["latched"] else int(row["cause_ms"])

    def realized(self, quote_asset: str) -> Quote:
        """Return what real fills earned in a quote asset since ever, after fees in base and quote."""
        total = Decimal(0)
        for row in self._store.rows(sql.REALIZED, (self._account, quote_asset)):
            total = EXACT.add(total, Decimal(row["realized"]))
        return Quote(total)

    def trades_since(self, time_ms: int) -> tuple[tuple[int, Decimal], ...]:
        """Return (venue time of its last sale, what it earned) of recent trades, newest first.

        A trade is a run of purchases on a symbol and the sales after it, whoever recorded them.
        """
        found: dict[tuple[str, int], tuple[int, Decimal]] = {}
        for row in self._store.rows(sql.RECENT_SALES, (self._account, time_ms, FILLS_USED)):
            key = (row["symbol"], row["purchases"])
            earned = EXACT.add(found.get(key, (0, Decimal(0)))[1], Decimal(row["realized"]))
            found[key] = (row["ts_event_ms"], earned)
        return tuple(sorted(found.values(), key=lambda trade: trade[0]))[::-1]
