"""What only the WebSocket API has: a session, and subscriptions to what happens to the account.

Here they are authenticated and weighed as every request is; what they change of a connection, the connection
does itself (`ws_api.py`).
"""

from __future__ import annotations

from exchanges.paper.dialects.binance.call import Call
from exchanges.paper.dialects.binance.route import Route, Security
from exchanges.paper.dialects.binance.wire import Json

SESSION = "SESSION"
"""Stands where an HTTP method does."""
CONNECT = "connect"


def _nothing(_: Call) -> Json:
    return {}


def _who(call: Call) -> Json:
    """Return which key asks, of which kind it is, and whose account it opens."""
    if call.key is None:
        raise RuntimeError("a signed request has a key")
    account = call.engine.world.account.account
    return {"apiKey": call.key.api_key, "kind": call.key.kind, "account": account}


_SIGNED = Route(_who, 2, Security.USER_DATA)
_OPEN = Route(_nothing, 2)

SESSION_ROUTES: dict[tuple[str, str], Route] = {
    (SESSION, CONNECT): _OPEN,
    (SESSION, "session.logon"): _SIGNED,
    (SESSION, "session.status"): _OPEN,
    (SESSION, "session.logout"): _OPEN,
    (SESSION, "session.subscriptions"): _OPEN,
    (SESSION, "userDataStream.subscribe"): _OPEN,
    (SESSION, "userDataStream.subscribe.signature"): _SIGNED,
    (SESSION, "userDataStream.unsubscribe"): Route(_nothing, 2, optional=("subscriptionId",)),
}
