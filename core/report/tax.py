"""One row a fill, for tools that work out taxes. The columns are documented in docs/report.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from core.account import AccountKey
from core.clock import iso_utc
from core.journal.history import BookedFill
from core.values import EXACT, decimal_text

TAX_COLUMNS = (
    "date",
    "type",
    "base_asset",
    "base_amount",
    "quote_asset",
    "quote_amount",
    "fee",
    "fee_asset",
    "symbol",
    "price",
    "client_order_id",
    "venue_order_id",
    "trade_id",
    "account",
    "book",
)


def tax_rows(account: AccountKey, dry_run: bool, fills: Iterable[BookedFill]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each fill; amounts are positive, before the fee, and `type` says what was received."""
    for fill in fills:
        yield (
            iso_utc(fill.time_ms),
            fill.side,
            fill.base_asset,
            _text(fill.quantity),
            fill.quote_asset,
            _text(EXACT.multiply(fill.quantity, fill.price)),
            _text(fill.fee),
            fill.fee_asset,
            fill.symbol,
            _text(fill.price),
            fill.client_order_id,
            str(fill.venue_order_id),
            str(fill.trade_id),
            str(account),
            book_name(dry_run),
        )


def book_name(dry_run: bool) -> str:
    return "dry-run" if dry_run else "real"


def _text(amount: Decimal) -> str:
    return decimal_text(amount)
