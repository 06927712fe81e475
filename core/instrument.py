"""What can be traded, in which steps, and what the venue will refuse."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from core.orders import OrderType, Side
from core.values import Base, Quote, ceil_to, floor_to, notional

ZERO = Decimal(0)


class SymbolStatus(StrEnum):
    TRADING = "TRADING"
    END_OF_DAY = "END_OF_DAY"
    HALT = "HALT"
    BREAK = "BREAK"
    CANCEL_ONLY = "CANCEL_ONLY"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class PriceFilter:
    """PRICE_FILTER; a zero disables that part."""

    min_price: Decimal
    max_price: Decimal
    tick_size: Decimal


@dataclass(frozen=True, slots=True)
class LotSize:
    """LOT_SIZE, and MARKET_LOT_SIZE for market orders; a zero disables that part."""

    min_quantity: Decimal
    max_quantity: Decimal
    step_size: Decimal


@dataclass(frozen=True, slots=True)
class NotionalFilter:
    """NOTIONAL; the older MIN_NOTIONAL is the same with `max_notional` None."""

    min_notional: Decimal
    max_notional: Decimal | None
    apply_min_to_market: bool
    apply_max_to_market: bool
    average_price_minutes: int


@dataclass(frozen=True, slots=True)
class PercentPrice:
    """PERCENT_PRICE and PERCENT_PRICE_BY_SIDE: price between average x down and average x up."""

    bid_up: Decimal
    bid_down: Decimal
    ask_up: Decimal
    ask_down: Decimal
    average_price_minutes: int


@dataclass(frozen=True, slots=True)
class TrailingDelta:
    """TRAILING_DELTA, in basis points."""

    min_above_bps: int
    max_above_bps: int
    min_below_bps: int
    max_below_bps: int


@dataclass(frozen=True, slots=True)
class Filters:
    """Every current filter of a Binance symbol. None: the venue does not set it."""

    price: PriceFilter | None = None
    lot: LotSize | None = None
    market_lot: LotSize | None = None
    notional: NotionalFilter | None = None
    min_notional: NotionalFilter | None = None
    percent_price: PercentPrice | None = None
    iceberg_parts_max: int | None = None
    orders_max: int | None = None
    algo_orders_max: int | None = None
    iceberg_orders_max: int | None = None
    order_lists_max: int | None = None
    order_amends_max: int | None = None
    position_max: Decimal | None = None
    trailing_delta: TrailingDelta | None = None
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Instrument:
    """A symbol with its filters. All rounding of prices and quantities goes through here."""

    symbol: str
    base_asset: str
    quote_asset: str
    status: SymbolStatus
    order_types: frozenset[str]
    base_precision: int
    quote_precision: int
    filters: Filters
    quote_order_quantity_allowed: bool = True
    spot_allowed: bool = True
    order_pairs_allowed: bool = False
    """Whether the venue takes a stop and a target as one order list."""

    def quantity_down(self, quantity: Decimal, order_type: OrderType = OrderType.LIMIT) -> Base:
        """Round a quantity down to what the venue takes: rounding never enlarges an order."""
        rounded = quantity
        for lot in self._lots(order_type):
            rounded = floor_to(rounded, lot.step_size)
        return Base(floor_to(rounded, Decimal(1).scaleb(-self.base_precision)))

    def price_passive(self, side: Side, price: Decimal) -> Decimal:
        """Round a price toward the passive side: a buyer never pays more, a seller never gets less."""
        tick = self.filters.price.tick_size if self.filters.price else ZERO
        tick = tick or Decimal(1).scaleb(-self.quote_precision)
        return floor_to(price, tick) if side is Side.BUY else ceil_to(price, tick)

    def smallest_quantity(self, price: Decimal, minimum: Quote, order_type: OrderType) -> Base:
        """Return the smallest quantity the venue takes whose notional at `price` is at least `minimum`."""
        wanted_notional = max(minimum, self.minimum_notional(order_type))
        lots = self._lots(order_type)
        step = max((lot.step_size for lot in lots), default=ZERO)
        step = step or Decimal(1).scaleb(-self.base_precision)
        smallest = max((lot.min_quantity for lot in lots), default=ZERO)
        quantity = Base(ceil_to(max(smallest, wanted_notional.value / price), step))
        if notional(quantity, price) < wanted_notional:  # the division was rounded down
            quantity += Base(step)
        return quantity

    def minimum_notional(self, order_type: OrderType) -> Quote:
        """Return the smallest notional the venue's filters allow for this order type."""
        applied = [
            found.min_notional
            for found in (self.filters.notional, self.filters.min_notional)
            if found and (order_type is not OrderType.MARKET or found.apply_min_to_market)
        ]
        return Quote(max(applied, default=ZERO))

    def largest_quantity(self, order_type: OrderType) -> Decimal | None:
        """Return the largest quantity of one order, None when the venue sets no limit."""
        limits = [lot.max_quantity for lot in self._lots(order_type) if lot.max_quantity > 0]
        return min(limits, default=None)

    def violations(
        self, order_type: OrderType, side: Side, quantity: Base, price: Decimal, reference_price: Decimal
    ) -> list[str]:
        """Name every filter this order would fail, with the numbers.

        `price` is the limit price, or the expected price of a market order; `reference_price` the venue's
        average price that the notional and percent filters are measured against.
        """
        found: list[str] = []
        amount = quantity.value
        for lot in self._lots(order_type):
            if amount < lot.min_quantity or (lot.max_quantity > 0 and amount > lot.max_quantity):
                found.append(f"LOT_SIZE: quantity {amount} is outside {lot.min_quantity}…{lot.max_quantity}")
            if floor_to(amount, lot.step_size) != amount:
                found.append(f"LOT_SIZE: quantity {amount} is not a multiple of {lot.step_size}")
        if amount <= 0:
            found.append(f"LOT_SIZE: quantity {amount} is not above 0")
        if order_type is not OrderType.MARKET:
            found += self._price_violations(side, price, reference_price)
        found += self._notional_violations(order_type, quantity, price, reference_price)
        return found

    def _lots(self, order_type: OrderType) -> list[LotSize]:
        found = [self.filters.lot] if self.filters.lot else []
        # A stop without a limit becomes a market order.
        if order_type in (OrderType.MARKET, OrderType.STOP_LOSS) and self.filters.market_lot:
            found.append(self.filters.market_lot)
        return found

    def _price_violations(self, side: Side, price: Decimal, reference_price: Decimal) -> list[str]:
        found: list[str] = []
        bounds = self.filters.price
        if bounds:
            if price < bounds.min_price or (bounds.max_price > 0 and price > bounds.max_price):
                found.append(f"PRICE_FILTER: price {price} is outside {bounds.min_price}…{bounds.max_price}")
            if floor_to(price, bounds.tick_size) != price:
                found.append(f"PRICE_FILTER: price {price} is not a multiple of {bounds.tick_size}")
        band = self.filters.percent_price
        if band:
            up, down = (band.bid_up, band.bid_down) if side is Side.BUY else (band.ask_up, band.ask_down)
            low, high = reference_price * down, reference_price * up
            if not low <= price <= high:
                found.append(f"PERCENT_PRICE: price {price} is outside {low}…{high}")
        return found

    def _notional_violations(
        self, order_type: OrderType, quantity: Base, price: Decimal, reference_price: Decimal
    ) -> list[str]:
        is_market = order_type is OrderType.MARKET
        value = notional(quantity, reference_price if is_market else price).value
        found: list[str] = []
        for name, rule in (("NOTIONAL", self.filters.notional), ("MIN_NOTIONAL", self.filters.min_notional)):
            if rule is None:
                continue
            if (not is_market or rule.apply_min_to_market) and value < rule.min_notional:
                found.append(f"{name}: notional {value} is below {rule.min_notional}")
            too_large = rule.max_notional is not None and value > rule.max_notional
            if too_large and (not is_market or rule.apply_max_to_market):
                found.append(f"{name}: notional {value} is above {rule.max_notional}")
        return found
