"""First contact: with an account, with a symbol on it, with its dry-run book. Each is written down once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from core.account import AccountKey, Environment
from core.journal import statements as sql
from core.journal.records import Opening
from core.journal.store import Append, Store

_PART = re.compile(r"[\x21-\x7e]{1,200}\Z")


def account_key(
    store: Store, venue: str, environment: Environment, host: str, uid: str, epoch: int | None
) -> AccountKey:
    """Return the key of an account, of its newest known epoch unless one is given.

    Raises ValueError for a name with spaces or control characters, or a colon where it would be ambiguous.
    """
    identity = (venue, environment, host, uid)
    if ":" in venue + uid or not all(_PART.match(part) for part in identity):
        raise ValueError(f"{identity} cannot name an account")
    if epoch is None:
        row = store.row(sql.NEWEST_EPOCH, identity)
        epoch = (row["epoch"] if row else None) or 0
    return AccountKey(venue, environment, host, uid, epoch)


def open_account(store: Store, account: AccountKey, opening: Opening) -> None:
    def is_open() -> bool:
        return store.row(sql.ACCOUNT, (str(account),)) is not None

    _once(store, is_open, "OPENED", account, _opened(account, opening))


def note_symbol(
    store: Store,
    account: AccountKey,
    symbol: str,
    base_asset: str,
    quote_asset: str,
    last_trade_id: int | None,
) -> None:
    payload = {
        "symbol": symbol,
        "base_asset": base_asset,
        "quote_asset": quote_asset,
        "last_trade_id": last_trade_id,
    }
    _once(store, lambda: is_noted(store, account, symbol), "SYMBOL_NOTED", account, payload)


def is_noted(store: Store, account: AccountKey, symbol: str) -> bool:
    return store.row(sql.SYMBOL, (str(account), symbol)) is not None


def open_dry_run(store: Store, account: AccountKey, balances: Mapping[str, Decimal]) -> None:
    def is_open() -> bool:
        return store.row(sql.DRY_RUN_BOOK, (str(account),)) is not None

    _once(store, is_open, "DRY_RUN_OPENED", account, {"balances": balances})


def _once(
    store: Store,
    is_done: Callable[[], bool],
    kind: str,
    account: AccountKey,
    payload: Mapping[str, object],
) -> None:
    def body(append: Append) -> None:
        if not is_done():  # another process may have been quicker
            append(kind, str(account), payload)

    if not is_done():
        store.write(body)


def _opened(account: AccountKey, opening: Opening) -> dict[str, object]:
    return {
        "venue": account.venue,
        "environment": account.environment,
        "host": account.host,
        "uid": account.uid,
        "epoch": account.epoch,
        "server_time_ms": opening.server_time_ms,
        "key_fingerprint": opening.key_fingerprint,
        "last_trade_ids": opening.last_trade_ids,
        "balances": {
            asset: {"free": held.free, "locked": held.locked} for asset, held in opening.balances.items()
        },
        "open_orders": [
            {
                "symbol": order.symbol,
                "client_order_id": order.client_order_id,
                "venue_order_id": order.venue_order_id,
                "side": order.side,
                "order_type": order.order_type,
                "status": order.status,
                "quantity": order.quantity.value,
                "price": order.price,
                "executed_quantity": order.executed_quantity.value,
            }
            for order in opening.open_orders
        ],
    }
