"""What the rules look at: the world as it is now, and the limits the operator set."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.account import CommissionRates
from core.instrument import Instrument
from core.ports import BookTop
from core.risk.breakers import LatchedBreaker
from core.risk.portfolio import DEFAULT_LIMITS, Portfolio, PortfolioLimits
from core.stages import TradingState
from core.values import Base, Quote

ZERO = Decimal(0)
ONE = Decimal(1)
SMALLEST_WORTH_SENDING = Quote(Decimal(5))


@dataclass(frozen=True, slots=True)
class NewestBar:
    """The newest closed bar a decision was made on. `close_ms` is the end of its interval."""

    close_ms: int
    interval_ms: int


@dataclass(frozen=True, slots=True)
class RiskFacts:
    """One moment of one symbol on one account. Whoever collects it does so just before asking for approval.

    `book`, `average_price`: None when unknown, which stops entries and never `flatten`.
    `position`: our own net quantity: fills since OPENED, after fees paid in base.
    `in_flight`: client_order_ids of our orders on this symbol that are not settled.
    `newest_bar`: None for entries that use no bar (probe).
    `live`: real money. `live_entries_today` and the losses count across processes, per account and UTC day;
    a loss is above zero, a profit below.
    `measured`: real money, or its rehearsal: breakers and Value at Risk bind. `breakers`: those that are
    latched. `portfolio`: None when it was not looked at, which stops entries that are measured and never a
    sale.
    Raises ValueError for a price that is not finite or a commission rate outside [0, 1).
    """

    instrument: Instrument
    book: BookTop | None
    average_price: Decimal | None
    free_quote: Quote
    free_base: Base
    position: Base
    commission: CommissionRates
    trading_state: TradingState
    quarantined: bool
    in_flight: tuple[str, ...]
    newest_bar: NewestBar | None
    now_ms: int
    live: bool
    live_entries_today: int
    live_realized_loss_today: Quote
    live_unrealized_loss: Quote
    open_orders: int
    open_algo_orders: int
    measured: bool = False
    portfolio: Portfolio | None = None
    breakers: tuple[LatchedBreaker, ...] = ()

    def __post_init__(self) -> None:
        book_prices = (self.book.bid_price, self.book.ask_price) if self.book else ()
        for price in (*book_prices, self.average_price):
            if price is not None and not price.is_finite():
                raise ValueError(f"{self.instrument.symbol} has the price {price}")
        taker_rate = self.commission.taker_rate
        if not (taker_rate.is_finite() and ZERO <= taker_rate < ONE):
            raise ValueError(f"taker_rate was {taker_rate}, not a fraction from 0 to below 1")

    @property
    def best_bid(self) -> Decimal:
        """Quote per base; 0 when the book has no bid."""
        return self.book.bid_price if self.book else ZERO

    @property
    def best_ask(self) -> Decimal:
        """Quote per base; 0 when the book has no ask."""
        return self.book.ask_price if self.book else ZERO


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """The operator's limits (docs/risk.md names the setting of each). Rates are fractions.

    `risk_fraction`: of the free quote balance, per entry. `max_order`: the cap per entry.
    `slippage_rate`: how far past the best price a limit price may reach. `price_band_rate`: how far the limit
    price may lie from the average price. `stop_rate`: the strategy's stop, below its entry.
    `bar_grace_ms`: how long after one more interval the newest closed bar still counts as fresh.
    Raises ValueError, naming every value that cannot be used.
    """

    risk_fraction: Decimal
    max_order: Quote
    allowed_symbols: frozenset[str]
    slippage_rate: Decimal
    price_band_rate: Decimal
    stop_rate: Decimal
    quote_age_ms_max: int
    bar_grace_ms: int
    live_trades_per_day: int
    live_loss_per_day: Quote
    min_notional: Quote = SMALLEST_WORTH_SENDING
    portfolio: PortfolioLimits = DEFAULT_LIMITS

    def __post_init__(self) -> None:
        wrong: list[str] = []
        if not (self.risk_fraction.is_finite() and ZERO < self.risk_fraction <= ONE):
            wrong.append(f"risk_fraction was {self.risk_fraction}, not above 0 and at most 1")
        for name in ("slippage_rate", "price_band_rate", "stop_rate"):
            rate: Decimal = getattr(self, name)
            if not (rate.is_finite() and ZERO <= rate < ONE):
                wrong.append(f"{name} was {rate}, not from 0 to below 1")
        for name in ("max_order", "min_notional", "live_loss_per_day"):
            amount: Quote = getattr(self, name)
            if amount.value < ZERO:
                wrong.append(f"{name} was {amount}, below 0")
        for name in ("quote_age_ms_max", "bar_grace_ms", "live_trades_per_day"):
            count: int = getattr(self, name)
            if count < 0:
                wrong.append(f"{name} was {count}, below 0")
        if wrong:
            raise ValueError("; ".join(wrong))
