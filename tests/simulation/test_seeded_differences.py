"""Exactly one thing altered, in a real journal or at a real exchange: its class is found, and no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from core.orders import Side
from core.reconciliation import BreakClass
from exchanges.paper import admin
from exchanges.paper.records import Persona
from tests.core.journal.books import record_intent
from tests.core.operations.places import Place
from tests.simulation.two_ledgers import agreeing, at_ours, at_venue, foreign, operator, reconciled

D = Decimal
C = BreakClass
_FIRST = "symbol = 'BTCUSDT' AND {0} = (SELECT min({0}) FROM {1} WHERE symbol = 'BTCUSDT')"
FIRST_FILL = _FIRST.format("trade_id", "fills")
FILLED = f"symbol = 'BTCUSDT' AND venue_order_id = (SELECT venue_order_id FROM fills WHERE {FIRST_FILL})"
FILLED_THERE = f"symbol = 'BTCUSDT' AND order_id = (SELECT order_id FROM fills WHERE {FIRST_FILL})"
RESTING_THERE = "status = 'NEW'"
RESTING_HERE = "status = 'ACCEPTED'"


def ours(*statements: str) -> Callable[[Place], Awaitable[None]]:
    async def alter(place: Place) -> None:
        at_ours(place, *statements)

    return alter


def theirs(*statements: str) -> Callable[[Place], Awaitable[None]]:
    async def alter(place: Place) -> None:
        at_venue(place, *statements)

    return alter


def moved(asset: str, amount: str) -> Callable[[Place], Awaitable[None]]:
    async def alter(place: Place) -> None:
        with operator(place) as exchange:
            admin.deposit(exchange, asset, D(amount))

    return alter


async def distributed(place: Place) -> None:
    with operator(place) as exchange:
        admin.distribute(exchange, "BNB", D("0.01"))


async def dust_converted(place: Place) -> None:
    with operator(place) as exchange:
        admin.convert_dust(exchange, "ETH", D("0.02"))


async def foreign_order_rests(place: Place) -> None:
    await place.strangers_order("web_1")


async def foreign_order_fills(place: Place) -> None:
    await foreign(place.desk, "web_1", "BTCUSDT", Side.BUY)


async def foreign_order_elsewhere(place: Place) -> None:
    await place.strangers_order("web_1", "SOLUSDT")


async def other_trader(place: Place) -> None:
    await place.strangers_order("tr00000000000000bb-1")


async def round_trip_elsewhere(place: Place) -> None:
    bought = await foreign(place.desk, "web_1", "LTCUSDT", Side.BUY)
    fees = sum(fill.fee.amount for fill in bought.fills)
    instrument = await place.desk.venue.market_data.instrument("LTCUSDT")
    rest = instrument.quantity_down(bought.quantity.value - fees)
    await foreign(place.desk, "web_2", "LTCUSDT", Side.SELL, rest)


async def canceled_in_the_ui(place: Place) -> None:
    [name] = await place.open_names()
    await place.desk.venue.trading.cancel("BTCUSDT", name)


async def outcome_lost(place: Place) -> None:
    await place.buy(lost=True)


async def never_arrived(place: Place) -> None:
    request = await place.buying("BTCUSDT", "0.7")
    with place.journal() as journal:
        record_intent(journal, place.account, request, timestamp_ms=place.clock.now_ms())


async def execution_booked_twice(place: Place) -> None:
    names = "account, symbol, dry_run, client_order_id, venue_order_id, side, price, quantity, fee, "
    names += "fee_asset, liquidity, ts_event_ms, realized"
    last = "(SELECT max(trade_id) + 1 FROM fills)"
    rest = _other_columns(place, names)
    at_ours(
        place,
        f"INSERT INTO fills (trade_id, {names}{rest}) SELECT {last}, {names}{rest} FROM fills "
        f"WHERE {FIRST_FILL}",
    )


def _other_columns(place: Place, named: str) -> str:
    with place.journal() as journal:
        columns = [
            row["name"] for row in journal._store.rows("SELECT name FROM pragma_table_info('fills')", ())
        ]
    return "".join(f", {name}" for name in columns if name not in ("trade_id", *named.split(", ")))


async def late_fill(place: Place) -> None:
    at_venue(place, f"UPDATE orders SET status = 'CANCELED' WHERE {FILLED_THERE}")
    at_ours(
        place,
        f"UPDATE orders SET status = 'CANCELED', executed_quantity = '0' WHERE {FILLED}",
        f"DELETE FROM fills WHERE {FIRST_FILL}",
    )


@dataclass(frozen=True)
class Seed:
    """`breaks`: how many; one thing is one break, but an order with its trades is several."""

    expected: BreakClass
    alter: Callable[[Place], Awaitable[None]]
    persona: Persona = "testnet"
    breaks: int | None = 1


SEEDED: dict[str, Seed] = {
    "our fill deleted": Seed(C.MISSING_LOCAL, ours(f"DELETE FROM fills WHERE {FIRST_FILL}")),
    "their fill deleted": Seed(C.MISSING_VENUE, theirs(f"DELETE FROM fills WHERE {FIRST_FILL}")),
    "a price by a tick, here": Seed(
        C.PRICE, ours(f"UPDATE fills SET price = price + 0.01 WHERE {FIRST_FILL}")
    ),
    "a price by a tick, there": Seed(
        C.PRICE, theirs(f"UPDATE fills SET price = price + 1 WHERE {FIRST_FILL}")
    ),
    "a quantity by a step, here": Seed(
        C.QUANTITY, ours(f"UPDATE fills SET quantity = round(quantity + 0.00001, 5) WHERE {FIRST_FILL}")
    ),
    "a quantity by a step, there": Seed(
        C.QUANTITY, theirs(f"UPDATE fills SET quantity = quantity + 1 WHERE {FIRST_FILL}")
    ),
    "a fee by its last digit, here": Seed(
        C.FEE, ours(f"UPDATE fills SET fee = printf('%.8f', fee + 0.00000001) WHERE {FIRST_FILL}")
    ),
    "a fee by its last digit, there": Seed(
        C.FEE, theirs(f"UPDATE fills SET commission = commission + 1 WHERE {FIRST_FILL}")
    ),
    "a fee moved to BNB": Seed(
        C.FEE,
        theirs(f"UPDATE fills SET commission = 700, commission_asset = 'BNB' WHERE {FIRST_FILL}"),
    ),
    "a side": Seed(
        C.QUANTITY, ours("UPDATE orders SET side = 'BUY' WHERE side = 'SELL' AND symbol = 'BTCUSDT'")
    ),
    "an execution booked twice": Seed(C.DUPLICATE, execution_booked_twice),
    "our order deleted": Seed(C.MISSING_LOCAL, ours(f"DELETE FROM orders WHERE {RESTING_HERE}")),
    "their order deleted": Seed(C.MISSING_VENUE, theirs(f"DELETE FROM orders WHERE {RESTING_THERE}")),
    "the size of an order": Seed(
        C.QUANTITY, theirs(f"UPDATE orders SET quantity = quantity + 1 WHERE {RESTING_THERE}")
    ),
    "the price of an order": Seed(
        C.PRICE, theirs(f"UPDATE orders SET price = price + 1 WHERE {RESTING_THERE}")
    ),
    "another order under our name": Seed(
        C.DUPLICATE, ours(f"UPDATE orders SET venue_order_id = 9999 WHERE {RESTING_HERE}")
    ),
    "what an order executed": Seed(
        C.QUANTITY, theirs(f"UPDATE orders SET executed = executed - 1 WHERE {FILLED_THERE}")
    ),
    "canceled in the UI": Seed(C.STATE, canceled_in_the_ui),
    "ended here, open there": Seed(
        C.STATE, ours(f"UPDATE orders SET status = 'CANCELED' WHERE {RESTING_HERE}")
    ),
    "called never accepted, but there": Seed(
        C.STATE,
        ours("UPDATE orders SET status = 'NEVER_ACCEPTED', venue_order_id = NULL WHERE status = 'CANCELED'"),
    ),
    "a late fill of a canceled order": Seed(
        C.MISSING_LOCAL,
        late_fill,
    ),
    "a foreign order that rests": Seed(C.UNAUTHORIZED, foreign_order_rests),
    "a foreign order in an untouched pair": Seed(C.UNAUTHORIZED, foreign_order_elsewhere),
    "a foreign order that filled": Seed(C.UNAUTHORIZED, foreign_order_fills, breaks=None),
    "another installation of trader": Seed(C.UNAUTHORIZED, other_trader),
    "a round trip in an untouched pair": Seed(C.UNAUTHORIZED, round_trip_elsewhere, breaks=None),
    "an outcome that was lost": Seed(C.STALE_UNKNOWN, outcome_lost, breaks=None),
    "an intent that never arrived": Seed(C.STALE_UNKNOWN, never_arrived),
    "a withdrawal": Seed(C.TRANSFER, moved("USDT", "-50"), "mainnet"),
    "a deposit": Seed(C.TRANSFER, moved("BTC", "0.5"), "mainnet"),
    "a distribution": Seed(C.TRANSFER, distributed, "mainnet"),
    "dust made BNB": Seed(C.TRANSFER, dust_converted, "mainnet"),
    "money gone, where no history is told": Seed(C.BALANCE, moved("USDT", "-50")),
    "a unit too many": Seed(C.BALANCE, moved("BNB", "0.00000001")),
    "an asset from nowhere": Seed(C.BALANCE, moved("SOL", "7")),
}


@pytest.mark.parametrize("name", SEEDED)
async def test_one_alteration_is_its_class_and_no_other(name: str, tmp_path: Path) -> None:
    seed = SEEDED[name]
    async with agreeing(tmp_path, seed.persona) as place:
        await seed.alter(place)
        await place.clock.sleep(3_600)
        first = await reconciled(place)
        told = Counter(each.found.break_class for each in first.breaks)
        assert set(told) == {seed.expected}, [each.found.explanation for each in first.breaks]
        assert seed.breaks in (None, told.total()), [each.found.explanation for each in first.breaks]
        for each in first.breaks:
            assert each.found.ours or each.found.theirs
        again = await reconciled(place)
        assert again.breaks == first.breaks
