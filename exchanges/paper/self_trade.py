"""Trades that must not be, since both sides are one owner's: who loses what, and the record of it."""

from __future__ import annotations

from msgspec.structs import replace

from core.matching import Prevention
from exchanges.paper import settlement
from exchanges.paper.engine import Engine
from exchanges.paper.records import Order, PreventedMatch

_TAKER_LOSES = ("EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")
_MAKER_ENDS = ("EXPIRE_MAKER", "EXPIRE_BOTH")
_BOTH_LOSE = ("DECREMENT", "TRANSFER")


def prevent(engine: Engine, taker: Order, prevention: Prevention) -> tuple[Order, PreventedMatch]:
    """Keep a taker from trading with an order of its owner, as the taker's mode says."""
    world, mode = engine.world, taker.self_trade
    maker = world.orders[taker.symbol][prevention.offer.order_id or 0]
    state = engine.books.symbols[taker.symbol]
    engine.books.put_symbol(replace(state, prevented=state.prevented + 1))
    lost_by_maker = (
        maker.remaining if mode in _MAKER_ENDS else prevention.quantity if mode in _BOTH_LOSE else 0
    )
    match = PreventedMatch(
        symbol=taker.symbol,
        prevented_match_id=state.prevented,
        taker_order_id=taker.order_id,
        maker_order_id=maker.order_id,
        self_trade=mode,
        price=prevention.offer.price,
        maker_quantity=lost_by_maker,
        taker_quantity=prevention.quantity if mode in _TAKER_LOSES else 0,
        time_ms=engine.now_ms,
    )
    engine.state.lists.save_match(world.account.account, match)
    if match.maker_quantity:
        settlement.take_off(engine, maker, match.maker_quantity, match)
    if match.taker_quantity:
        taker = settlement.take_off(engine, taker, match.taker_quantity, match)
    return taker, match
