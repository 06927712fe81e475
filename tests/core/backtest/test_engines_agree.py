"""The quick engines give what the plain one gives: every trade, every unit of equity, every count."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from core.account import CommissionRates
from core.backtest.arrays import OnlyPlain, prepare, wanted
from core.backtest.compiled import NoCompiler, run_compiled
from core.backtest.costs import Costs
from core.backtest.jumping import run_jumping
from core.backtest.kernel import mul_div, mul_div_64, mul_div_up, mul_div_up_64
from core.backtest.market import Market, Rules, market
from core.backtest.outcome import Outcome
from core.backtest.plain import run_plain
from core.backtest.setup import Course, Setup
from core.bars import aggregate
from core.strategies import Strategy, strategy
from core.strategies.protocol import Signals
from core.values import Quote
from tests.core.backtest.scripted import MINUTE_MS, RULES, START_MS, Script, recorded, run_on, setup

pytest.importorskip("numba")


def all_three(course: Course, chosen: Strategy, how: Setup) -> tuple[Outcome, Outcome, Outcome]:
    """The compiled engine's is that of the jumping one where it asks for confirmation, which it cannot."""
    prepared = prepare(course, how)
    wants = wanted(prepared, chosen)
    plain, jumping = run_plain(course, chosen, how), run_jumping(prepared, wants)
    try:
        return plain, run_compiled(prepared, wants), jumping
    except NoCompiler:
        return plain, jumping, jumping


def random_market(seed: int, count: int, symbol: str, price: float, rules: Rules, late: int) -> Market:
    """Return a random walk that jumps, gaps, and now and then stands still."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.004, count) * (rng.random(count) < 0.9) + rng.normal(0, 0.03, count) * (
        rng.random(count) < 0.03
    )
    close = price * np.exp(np.cumsum(steps))
    opened = np.roll(close, 1) * np.exp(rng.normal(0, 0.01, count) * (rng.random(count) < 0.1))
    opened[0] = price
    body_high, body_low = np.maximum(opened, close), np.minimum(opened, close)
    high = body_high * (1 + rng.exponential(0.003, count))
    low = body_low * (1 - np.minimum(rng.exponential(0.003, count), 0.5))
    tick = float(rules.tick_size)
    rows = np.maximum(np.rint(np.stack((opened, high, low, close), axis=1) / tick), 1) * tick
    return market(recorded([tuple(row) for row in rows], symbol, START_MS + late * MINUTE_MS), rules)


def random_signals(seed: int, count: int, kind: int) -> Signals:
    """Return signals of every sort that `Signals` knows; `kind` says which of the optional ones."""
    rng = np.random.default_rng(seed)
    targets = rng.choice([0.005, 0.0123456789, 0.04, np.nan], count)
    return Signals(
        entry=rng.choice(np.array([0, 0, 0, 1, 1, -1], dtype=np.int8), count),
        exit_long=rng.random(count) < 0.1,
        exit_short=rng.random(count) < 0.1,
        stop_loss_rate=rng.choice([0.003, 0.01, 0.0123456789, 0.2], count),
        take_profit_rate=targets if kind & 1 else np.full(count, np.nan),
        exit_held=rng.random(count) < 0.3 if kind & 2 else None,
        min_hold_bars=3 if kind & 2 else 0,
        stops_on_close=bool(kind & 4),
        rearm=rng.random(count) < 0.2 if kind & 8 else None,
        fraction=rng.choice([0.05, 0.123456, np.nan], count) if kind & 16 else None,
        confirm=bool(kind & 32),
    )


costs = st.builds(
    Costs,
    st.sampled_from(["0", "0.001", "0.00075", "0.02"]).map(
        lambda rate: CommissionRates(Decimal(rate) / 2, Decimal(rate))
    ),
    st.sampled_from([Decimal(0), Decimal(1), Decimal("33.3")]),
    st.sampled_from([Decimal(0), Decimal("2.5"), Decimal(150)]),
    st.sampled_from([0, 500, 59_999, 60_000, 150_000]),
)
rules = st.sampled_from(
    [
        RULES,
        Rules(Decimal("0.00001"), Decimal("0.1"), Decimal("0.0001")),
        Rules(Decimal(1), Decimal("0.001"), Decimal(10)),
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.integers(0, 63),
    symbols=st.integers(1, 3),
    minutes=st.sampled_from([1, 3, 5]),
    how=st.builds(
        Setup,
        st.sampled_from(["6", "20", "1000", "123456789.12345678"]).map(lambda text: Quote(Decimal(text))),
        st.sampled_from(["0.02", "0.3", "1"]).map(Decimal),
        st.sampled_from(["25", "10.00000001", "100000000"]).map(lambda text: Quote(Decimal(text))),
        st.sampled_from(["0", "0.001", "0.02"]).map(Decimal),
        st.sampled_from(["0.0001", "5"]).map(lambda text: Quote(Decimal(text))),
        costs,
    ),
    venue=rules,
)
@example(
    seed=1, kind=63, symbols=3, minutes=5, how=setup(Costs(latency_ms=59_999)), venue=RULES
)  # everything at once
def test_on_random_markets(
    seed: int, kind: int, symbols: int, minutes: int, how: Setup, venue: Rules
) -> None:
    if how.costs.latency_ms >= minutes * MINUTE_MS:
        how = replace(how, costs=replace(how.costs, latency_ms=59_999))
    price = {"0.01": 40_000.0, "0.00001": 0.5, "1": 20_000.0}[str(venue.tick_size)]
    markets = [
        random_market(seed + number, 240, f"{name}USDT", price, venue, late=15 * number)
        for number, name in enumerate(("BTC", "ETH", "SOL")[:symbols])
    ]
    script = Script(
        {
            each.symbol: random_signals(
                seed + 7 + number,
                len(each.bars if minutes == 1 else aggregate(each.bars, minutes * MINUTE_MS)),
                kind,
            )
            for number, each in enumerate(markets)
        }
    )
    plain, compiled, jumping = all_three(run_on(markets, minutes, how), script, how)
    assert plain.agrees_with(compiled)
    assert plain.agrees_with(jumping)


@pytest.mark.parametrize(
    ("name", "minutes"), [("ema-cross", 1), ("ema-cross", 15), ("coherence", 5), ("mean-reversion", 15)]
)
def test_on_recorded_bars(recorded_markets: list[Market], name: str, minutes: int) -> None:
    chosen, how = strategy(name), setup(Costs())
    for each in recorded_markets:
        bars = minutes * (each.interval_ms // MINUTE_MS)
        part = each.bars.open_time_ms[min(12_000, len(each) - 1)]
        plain, compiled, jumping = all_three(run_on([each], bars, how, end_ms=int(part)), chosen, how)
        assert plain.agrees_with(compiled)
        assert plain.agrees_with(jumping)
        assert len(plain.trades) >= 3


whole = st.integers(0, 2**61 - 1)


@given(whole, whole, st.integers(1, 2**61 - 1))
@example(2**61 - 1, 2**61 - 1, 2**61 - 1)
def test_products_beyond_64_bits_are_divided_exactly(a: int, b: int, c: int) -> None:
    assume(a * b // c < 2**62)
    assert mul_div_64(a, b, c) == mul_div(a, b, c)
    assert mul_div_up_64(a, b, c) == mul_div_up(a, b, c)


def test_a_difference_is_seen() -> None:
    """`agrees_with` is what the tests above stand on."""
    markets = [random_market(3, 200, "BTCUSDT", 40_000.0, RULES, 0)]
    script = Script({"BTCUSDT": random_signals(4, 200, 1)})
    plain, compiled, jumping = all_three(run_on(markets, 1, setup()), script, setup())
    other = compiled.trades.copy()
    other[0, 11] += 1
    assert plain.agrees_with(compiled)
    assert plain.agrees_with(jumping)
    assert not plain.agrees_with(replace(compiled, trades=other))
    assert not plain.agrees_with(replace(compiled, equity=compiled.equity + 1))


def test_the_quick_engines_refuse_what_might_not_fit() -> None:
    dear = market(
        recorded([(9e9, 9e9, 9e9, 9e9)] * 5), Rules(Decimal("0.00000001"), Decimal("0.001"), Decimal(5))
    )
    script = Script({"BTCUSDT": random_signals(1, 5, 0)})
    with pytest.raises(OnlyPlain, match="64 bits"):
        wanted(prepare(run_on([dear], 1, setup()), setup()), script)
