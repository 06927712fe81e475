"""What flattening came to: flat, or what is left and why."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.account import AccountKey
from core.errors import OutcomeUnknown, PositionOpen, ReconciliationBreak
from core.operations.cancel_all import raise_if_elsewhere
from core.operations.canceling import Fate, Sweep
from core.operations.exposure import Exposure
from core.operations.halt import HaltResult
from core.operations.selling import Sale


@dataclass(slots=True)
class FlattenResult:
    """Filled while it runs.

    `everybody`: sell what was there before us, too. `rebuilt`: our position was read from the venue, since
    the journal is not whole. `no_market`: assets that cannot be sold for the quote asset. `unresolved`:
    client_order_ids of earlier orders of ours whose fate is not known. `displaced`: who held the lease.
    `unseen`: what kept us from seeing what is held, "" when it was seen. `is_over`: whether it came to its
    end, so that flat or not flat can be said.
    """

    everybody: bool
    halted: HaltResult
    place: str = ""
    account: AccountKey | None = None
    sweep: Sweep = field(default_factory=Sweep)
    rebuilt: bool = False
    sales: list[Sale] = field(default_factory=list)
    no_market: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    unseen: str = ""
    displaced: str = ""
    elsewhere: tuple[Exposure, ...] = ()
    troubles: list[str] = field(default_factory=list)
    journal_was_read: bool = True
    is_over: bool = False

    @property
    def left(self) -> list[str]:
        """What is still held or open beyond dust, in words."""
        left = [f"{sale.left} of {sale.symbol} ({sale.reason})" for sale in self.sales if not sale.is_flat]
        left += [f"open order {each.order.client_order_id}" for each in self.sweep.with_fate(Fate.OPEN)]
        return left + ([f"what is held was not seen: {self.unseen}"] if self.unseen else [])

    @property
    def unknown(self) -> list[str]:
        """The names of orders whose fate is not known."""
        names = [sale.unknown for sale in self.sales if sale.unknown]
        names += [each.order.client_order_id for each in self.sweep.with_fate(Fate.UNKNOWN)]
        return list(dict.fromkeys([*names, *self.unresolved]))

    @property
    def is_flat(self) -> bool:
        return not (self.left or self.unknown or self.sweep.unread)

    def raise_if_unsafe(self) -> None:
        """Raise the most dangerous of what is left: unknown fates, NOT FLAT, exposure elsewhere, no halt."""
        if self.unknown or self.sweep.unread:
            raise OutcomeUnknown(
                f"NOT KNOWN TO BE FLAT at {self.place}: the fate of {len(self.unknown)} order(s) is not known"
                + (f"; open orders were not read back: {self.sweep.unread}" if self.sweep.unread else ""),
                hint="run flatten again: it asks what became of them before it sells",
                details={"unknown": self.unknown, "left": self.left},
            )
        if self.left:
            raise PositionOpen(
                f"NOT FLAT at {self.place}: {'; '.join(self.left)}",
                hint="run flatten again, or sell it at the venue",
                details={"left": self.left},
            )
        raise_if_elsewhere(self.elsewhere)
        if not self.journal_was_read:
            raise ReconciliationBreak(
                f"flat at {self.place} by the venue's own records; the journal was not read: "
                "whatever is held or open elsewhere is not known",
                code="BOOKS_UNKNOWN",
                hint="keep the journal's files as they are, and look at the other accounts",
            )
        self.halted.raise_if_running()
