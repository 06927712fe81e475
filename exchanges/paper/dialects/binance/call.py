"""What a handler is given: one request that passed every general check, inside its transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from exchanges.paper.dialects.binance.params import Params
from exchanges.paper.engine import Engine
from exchanges.paper.faults.tampering import NOTHING, Tampering
from exchanges.paper.keys import ApiKey
from exchanges.paper.listen_keys import ListenKeys


@dataclass(frozen=True, slots=True)
class Call:
    """`key` is None at public endpoints. `random_bytes` makes ids that the client left to the venue.

    `tampering`: what is wrong on purpose while this request is served. `over_socket`: it came as a frame.
    """

    engine: Engine
    params: Params
    key: ApiKey | None
    random_bytes: Callable[[int], bytes]
    tampering: Tampering = NOTHING
    listen_keys: ListenKeys = field(default_factory=ListenKeys)
    over_socket: bool = False


Handler = Callable[[Call], Any]
"""Returns what is printed as JSON; raises ApiError or Refused."""
