"""What is checked again just before an entry: it may have changed since the stage's gates were passed."""

from __future__ import annotations

from collections.abc import Sequence

from core.desk import Desk
from core.errors import ConfigError, Refused
from core.gates import clock_answer
from core.ids import is_from_trader, is_ours
from core.orders import OrderReport
from core.stages import GateResult


async def check_before_entry(desk: Desk, symbol: str) -> None:
    """Raise ConfigError CLOCK_OFFSET or Refused FOREIGN_TRADER. Exits are never asked this."""
    await desk.venue_clock.refresh_if_stale()
    clock = clock_answer(desk.venue_clock.in_real_time, desk.settings.gate_max_clock_offset_ms)
    if desk.venue_clock.is_stale:
        raise ConfigError(
            "the venue's clock could not be measured again, so no entry is made",
            code="CLOCK_OFFSET",
            hint="try again when the venue answers",
        )
    if clock.result is not GateResult.PASS:
        raise ConfigError(f"no entry is made: {clock.detail}", code="CLOCK_OFFSET", hint=clock.way_out)
    if foreign := await foreign_orders(desk, symbol):
        raise Refused(
            f"no entry is made: another installation of trader has open orders on {symbol}: "
            f"{', '.join(foreign)}",
            code="FOREIGN_TRADER",
            hint="stop the other machine or home, or cancel its orders: `trader cancel-all --account`",
            details={"symbol": symbol, "client_order_ids": list(foreign)},
        )


async def foreign_orders(desk: Desk, symbol: str | None) -> tuple[str, ...]:
    """Return the ids of open orders that another installation of trader placed, on one or all symbols."""
    return foreign_among(desk, await desk.venue.account.open_orders(symbol))


def foreign_among(desk: Desk, open_orders: Sequence[OrderReport]) -> tuple[str, ...]:
    """Return the ids among open orders that another installation of trader gave."""
    ours = desk.journal.installation_id
    names = [order.client_order_id for order in open_orders]
    strange = (name for name in names if is_from_trader(name) and not is_ours(name, ours))
    # A restored journal knows orders that it gave under its earlier id.
    return tuple(name for name in strange if desk.journal.order(name) is None)
