"""The lead-lag strategy's parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from core.strategies.parameters import check, parameter


@dataclass(frozen=True, slots=True)
class LeadLagParameters:
    """Windows in bars, times in the unit of their name, rates as fractions.

    Raises ValueError naming every bad value.
    """

    lead_symbol: str = parameter("BTCUSDT", "what is expected to move first")
    window: int = parameter(90, "prices that lead and target are compared over", low=12, high=2_000)
    lag_min: int = parameter(1, "shortest lag in bars; 0 would be no lead", low=1, high=50)
    lag_max: int = parameter(3, "longest lag in bars", low=1, high=50)
    correlation_min: float = parameter(0.25, "smallest |correlation| that confirms", low=0, high=1)
    alpha: float = parameter(0.05, "chance of confirming noise, over all lags", above=0, below=1)
    impulse_min: float = parameter(0.5, "smallest move of the lead, in deviations", low=0, high=10)
    half_life_minutes: float = parameter(30.0, "age at which a headline counts half", above=0)
    headlines_max: int = parameter(5, "newest headlines that count", low=1, high=100)
    prior_weight: float = parameter(0.5, "weight of no news among the news", low=0)
    long_min: float = parameter(0.28, "sentiment from which it is for buying", low=0, high=1)
    short_max: float = parameter(-0.18, "sentiment down to which it is for selling", low=-1, high=0)
    contrarian: bool = parameter(False, "whether a price at the edge of its day turns the side")
    overbought: float = parameter(0.85, "upper edge of the day's range", low=0.5, high=1)
    oversold: float = parameter(0.15, "lower edge of the day's range", low=0, high=0.5)
    momentum_override: bool = parameter(False, "whether a move of an hour gives a side without news")
    momentum_min: float = parameter(0.015, "smallest such move", above=0, below=1)
    momentum_sentiment: float = parameter(0.34, "sentiment that such a side counts as", low=0, high=1)
    trend_max: float = parameter(0.05, "move of a day against which it does not enter", above=0, below=1)
    volume_min: float = parameter(0.35, "day's volume, in that of an average day of the week", low=0)
    confidence_min: float = parameter(0.35, "smallest confidence that may enter", low=0, high=1)
    learn_after: int = parameter(20, "closed trades before P(win) counts", low=0)
    learning_rate: float = parameter(0.25, "step of P(win) a trade", above=0, high=1)
    regularization: float = parameter(0.001, "pull of its weights to zero", low=0, high=1)
    crowded_funding: float = parameter(
        0.0, "funding rate of a crowded side, 0: not looked at", low=0, high=0.1
    )
    entry_interval_s: int = parameter(300, "seconds between entries", low=0)
    atr_min: float = parameter(0.00035, "smallest ATR, as a fraction of the price", low=0, below=1)
    atr_floor: float = parameter(0.0035, "ATR that stop and target assume at least", above=0, below=0.2)
    stop_atrs: float = parameter(2.0, "distance of the stop in ATR", above=0, high=20)
    target_atrs: float = parameter(4.0, "distance of the target in ATR", above=0, high=40)
    risk_per_trade: float = parameter(0.004, "equity lost at the stop", above=0, high=0.05)
    margin_max: float = parameter(0.04, "most margin of a position, as a fraction of equity", above=0, high=1)
    leverage: int = parameter(10, "leverage asked for", low=1, high=20)
    allow_short: bool = parameter(False, "whether it may sell what it does not have")

    def __post_init__(self) -> None:
        check(self, "lead-lag", *self._findings())

    @property
    def stop_loss_rate(self) -> Decimal:
        """The stop of a market at the floor of the ATR."""
        return round(Decimal(self.stop_atrs) * Decimal(self.atr_floor), 8)

    @property
    def take_profit_rate(self) -> Decimal:
        return round(Decimal(self.target_atrs) * Decimal(self.atr_floor), 8)

    def _findings(self) -> Iterator[str]:
        if not (self.lead_symbol.isalnum() and self.lead_symbol.isupper()):
            yield f"lead_symbol must be a symbol, as BTCUSDT, was {self.lead_symbol!r}"
        if self.lag_max < self.lag_min:
            yield f"lag_max must not be below lag_min, were {self.lag_max} and {self.lag_min}"
        if self.window < self.lag_max + 7:
            yield f"window must be lag_max + 7 or more, were {self.window} and {self.lag_max}"
        if self.stop_atrs * self.atr_floor >= 1:
            yield f"stop_atrs · atr_floor must be below 1, were {self.stop_atrs} and {self.atr_floor}"
