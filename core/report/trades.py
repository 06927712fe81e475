"""Won and lost trades. A trade is an order that made the position smaller, and earned what it realized."""

from __future__ import annotations

import decimal
from dataclasses import dataclass
from decimal import Decimal

from core.journal.inventory import ZERO
from core.values import EXACT

_RATIO = decimal.Context(prec=16)


@dataclass(frozen=True, slots=True)
class TradeFigures:
    """`trades` also counts those that neither won nor lost. Averages and ratios: None where there is nothing.

    `win_rate`: won / all. `profit_factor`: all that was won / all that was lost. `average_loss` is below 0.
    """

    trades: int
    won: int
    lost: int
    win_rate: Decimal | None
    profit_factor: Decimal | None
    average_win: Decimal | None
    average_loss: Decimal | None


class Trades:
    """Adds up what each closing order realized."""

    def __init__(self) -> None:
        self._realized: dict[str, Decimal] = {}

    def add(self, client_order_id: str, realized: Decimal) -> None:
        self._realized[client_order_id] = EXACT.add(self._realized.get(client_order_id, ZERO), realized)

    def figures(self) -> TradeFigures:
        wins = [each for each in self._realized.values() if each > 0]
        losses = [each for each in self._realized.values() if each < 0]
        won, lost = sum(wins, ZERO), sum(losses, ZERO)
        return TradeFigures(
            trades=len(self._realized),
            won=len(wins),
            lost=len(losses),
            win_rate=_ratio(Decimal(len(wins)), Decimal(len(self._realized))),
            profit_factor=_ratio(won, -lost),
            average_win=_ratio(won, Decimal(len(wins))),
            average_loss=_ratio(lost, Decimal(len(losses))),
        )


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    return None if whole == 0 else _RATIO.divide(part, whole)
