"""Ask the venue about one order, from a session that has proven whose account it sees."""

from __future__ import annotations

from typing import Final

from core.account import AccountKey
from core.desk import Asker
from core.errors import ConfigError
from core.orders import Fill, Intent, OrderReport
from core.ports import Venue
from core.resolver import Round, believable_from

BEFORE_MS: Final = 60_000
AFTER_MS: Final = 10 * 60_000
"""Around an intent's timestamp: what the venue took came within its recvWindow, as far as clocks agree."""


class Questions:
    """Rounds of questions about orders of a desk's account."""

    def __init__(self, desk: Asker) -> None:
        self._venue = desk.venue
        self._clock = desk.clock
        self._account = desk.account
        self._is_proven = False

    async def ask(self, intent: Intent, venue_order_id: int | None) -> Round:
        """Ask one round: by name; and by everything else, once "not found" could be believed.

        `venue_order_id`: as the venue has once confirmed it. Raises ConfigError WRONG_ACCOUNT, and what reads
        raise.
        """
        started_ms = self._clock.monotonic_ms()
        # The venue's own time: ours may have been set. It stamps the requests that follow, too.
        reading = await self._venue.market_data.clock_reading()
        await self._prove(intent.account)
        by_name = await self._venue.account.order(intent.request.symbol, intent.client_order_id)
        sightings = [] if by_name is None else [by_name]
        unexplained: tuple[Fill, ...] = ()
        is_complete = by_name is None and reading.venue_ms > believable_from(intent)
        if is_complete or (by_name is not None and venue_order_id is None):
            listed = await self._venue.account.all_orders(intent.request.symbol, *_span(intent))
            sightings += _under_our_name(intent, listed)
            if is_complete:
                opened = await self._venue.account.open_orders(intent.request.symbol)
                sightings += _under_our_name(intent, opened)
                unexplained = await self._unexplained(intent, listed, sightings)
        return Round(
            asked_ms=reading.venue_ms,
            answered_ms=reading.venue_ms + round(self._clock.monotonic_ms() - started_ms),
            sightings=tuple(sightings),
            unexplained=unexplained,
            complete=is_complete,
        )

    async def _prove(self, account: AccountKey) -> None:
        if account == self._account and self._is_proven:
            return
        uid = (await self._venue.account.snapshot()).uid
        refuse_wrong_account(account, self._account, self._venue, uid)
        self._is_proven = True

    async def _unexplained(
        self, intent: Intent, listed: tuple[OrderReport, ...], sightings: list[OrderReport]
    ) -> tuple[Fill, ...]:
        """Return trades of our side whose order the venue does not tell of; adds to the sightings."""
        account, symbol = self._venue.account, intent.request.symbol
        known = {report.venue_order_id for report in listed}
        strays: list[Fill] = []
        unlisted: dict[int, OrderReport | None] = {}
        for fill in await account.fills_between(symbol, *_span(intent)):
            number = fill.venue_order_id
            if number in known or fill.side is not intent.request.side:
                continue
            if number not in unlisted:
                # An older order that rested, or one that the list does not have yet.
                unlisted[number] = await account.order_by_id(symbol, number)
            if unlisted[number] is None:
                strays.append(fill)
        sightings += _under_our_name(intent, tuple(report for report in unlisted.values() if report))
        return tuple(strays)


def refuse_wrong_account(asked: AccountKey, opened: AccountKey, venue: Venue, uid: str) -> None:
    """Raise ConfigError WRONG_ACCOUNT unless this session sees the account that an order was sent on."""
    host = venue.host
    seen = (venue.name, host.environment, host.host, uid)
    if asked != opened or seen != (asked.venue, asked.environment, asked.host, asked.uid):
        raise ConfigError(
            f"the order was sent on {asked}; this session is on {':'.join(seen)}:{opened.epoch}",
            code="WRONG_ACCOUNT",
            hint="run it with the settings of that account: TRADER_VENUE, BINANCE_USE_TESTNET, the key",
            details={"account": str(asked)},
        )


def _span(intent: Intent) -> tuple[int, int]:
    return intent.timestamp_ms - BEFORE_MS, intent.timestamp_ms + intent.recv_window_ms + AFTER_MS


def _under_our_name(intent: Intent, reports: tuple[OrderReport, ...]) -> list[OrderReport]:
    return [report for report in reports if report.client_order_id == intent.client_order_id]
