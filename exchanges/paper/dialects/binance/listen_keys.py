"""The endpoints of the listen keys, gone from the venue since 2026-02-20: served only on request."""

from __future__ import annotations

from exchanges.paper import keys
from exchanges.paper.dialects.binance.call import Call
from exchanges.paper.dialects.binance.errors import ApiError
from exchanges.paper.dialects.binance.wire import Json

_UNKNOWN = ApiError(-1125, "This listenKey does not exist.")


def start(call: Call) -> Json:
    listen_key = keys.generate(call.random_bytes)
    call.listen_keys.renew(listen_key, _account(call), call.engine.now_ms)
    return {"listenKey": listen_key}


def keep_alive(call: Call) -> Json:
    call.listen_keys.renew(_alive(call), _account(call), call.engine.now_ms)
    return {}


def end(call: Call) -> Json:
    call.listen_keys.end(_alive(call))
    return {}


def _account(call: Call) -> int:
    return call.engine.world.account.account


def _alive(call: Call) -> str:
    """Return the key that is named, if it lives and is of the account that asks."""
    listen_key = call.params.text("listenKey") or ""
    if call.listen_keys.account_of(listen_key, call.engine.now_ms) != _account(call):
        raise _UNKNOWN
    return listen_key
