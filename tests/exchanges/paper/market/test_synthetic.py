"""The synthetic price: in any order, at the same cost in any year, with the statistics of a market."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from exchanges.paper.market import MINUTE_MS, Market, SymbolSpec, hashing, synthetic
from exchanges.paper.market.model import Hashes, Ints
from exchanges.paper.market.synthetic import START_MS, SyntheticBars

FIRST_MINUTE = START_MS // MINUTE_MS
YEAR_MINUTES = 365 * 1440
HUNDRED_DAYS = 100 * 1440
SEEDS = (1, 2, 3, 4)
MINUTES = st.integers(FIRST_MINUTE, FIRST_MINUTE + 50 * YEAR_MINUTES)


@pytest.fixture(scope="module", params=SEEDS)
def returns(request: pytest.FixtureRequest, bitcoin: SymbolSpec) -> NDArray[np.float64]:
    """Log returns of 100 days of minute bars, shape (144000,)."""
    first = FIRST_MINUTE + request.param * YEAR_MINUTES
    bars = synthetic(bitcoin, request.param).minutes(first, HUNDRED_DAYS)
    values: NDArray[np.float64] = np.log(bars.close / bars.open)
    values -= values.mean()
    return values


def autocorrelation(values: NDArray[np.float64], lag: int) -> float:
    return float((values[lag:] * values[:-lag]).sum() / (values * values).sum())


def test_returns_have_fat_tails(returns: NDArray[np.float64]) -> None:
    assert (returns**4).mean() / (returns**2).mean() ** 2 > 5


@pytest.mark.parametrize("lag", [1, 60])
def test_absolute_returns_cluster(returns: NDArray[np.float64], lag: int) -> None:
    """Independent returns would stay below 4 / √144000 = 0.011."""
    size = np.abs(returns)
    assert autocorrelation(size - size.mean(), lag) > 0.08


@pytest.mark.parametrize("lag", [1, 2, 3, 5, 15, 60, 240])
def test_returns_are_uncorrelated(returns: NDArray[np.float64], lag: int) -> None:
    """Within 4 standard errors, those of White (1980), which hold for returns whose variance clusters."""
    products = returns[lag:] * returns[:-lag]
    error = np.sqrt((products**2).sum()) / (returns**2).sum()
    assert abs(autocorrelation(returns, lag)) < 4 * error


def test_high_and_low_fit_the_volatility(bitcoin: SymbolSpec) -> None:
    """The range estimator of Parkinson (1980) and that of closes agree, as they do for a Brownian motion."""
    bars = synthetic(bitcoin, 1).minutes(FIRST_MINUTE, HUNDRED_DAYS)
    by_range = np.sqrt((np.log(bars.high / bars.low) ** 2).mean() / (4 * np.log(2)))
    assert by_range / np.log(bars.close / bars.open).std() == pytest.approx(1, abs=0.05)


def test_volatility_is_the_one_asked_for(bitcoin: SymbolSpec) -> None:
    days = range(FIRST_MINUTE, FIRST_MINUTE + 60 * YEAR_MINUTES, 40 * 1440 + 13)
    bars = SyntheticBars.of(bitcoin, 5)
    variance = np.mean([np.diff(np.log(bars(day, 61).open[::60]))[0] ** 2 for day in days])
    assert np.sqrt(variance * YEAR_MINUTES / 60) == pytest.approx(bitcoin.volatility, rel=0.2)


@pytest.mark.parametrize("seed", SEEDS)
def test_price_stays_near_its_base_for_fifty_years(bitcoin: SymbolSpec, seed: int) -> None:
    bars = SyntheticBars.of(bitcoin, seed)
    ratios = [
        bars(minute, 1).open[0] / bitcoin.base_ticks
        for minute in range(FIRST_MINUTE, FIRST_MINUTE + 50 * YEAR_MINUTES, 60 * 1440)
    ]
    assert 0.2 < min(ratios) < 0.8
    assert 1.25 < max(ratios) < 5
    assert 0.8 < float(np.median(ratios)) < 1.25


def test_each_minute_opens_where_the_last_one_closed(market: Market) -> None:
    bars = market.minutes(FIRST_MINUTE + (1 << 18) - 500, 1000)
    assert bars.open[1:].tolist() == bars.close[:-1].tolist()


@given(first=MINUTES, count=st.integers(1, 200), data=st.data())
def test_outlines_in_bulk_and_one_by_one_agree(
    bitcoin: SymbolSpec, first: int, count: int, data: st.DataObject
) -> None:
    bars = SyntheticBars.of(bitcoin, 3)
    bulk = bars(first, count)
    index = data.draw(st.integers(0, count - 1))
    single = bars(first + index, 1)
    for name in ("open", "high", "low", "close", "volume"):
        assert getattr(bulk, name)[index] == getattr(single, name)[0]


def test_ten_years_ahead_costs_the_same(bitcoin: SymbolSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    draw = hashing.hashes

    def counted(stream: np.uint64, counters: Ints) -> Hashes:
        drawn.append(counters.size)
        return draw(stream, counters)

    monkeypatch.setattr(hashing, "hashes", counted)
    costs = []
    for years in (0, 1, 10, 100):
        drawn.clear()
        synthetic(bitcoin, 1).price(START_MS + (years * YEAR_MINUTES + 100) * MINUTE_MS)
        costs.append((len(drawn), sum(drawn)))
    assert len({calls for calls, _ in costs}) == 1
    assert max(numbers for _, numbers in costs) < 1.05 * min(numbers for _, numbers in costs)


def test_seed_and_symbol_choose_the_market(bitcoin: SymbolSpec, coarse: SymbolSpec) -> None:
    renamed = SymbolSpec("ETHUSDT", bitcoin.tick, bitcoin.step, bitcoin.base_price, bitcoin.typical_quantity)
    paths = [
        synthetic(spec, seed).minutes(FIRST_MINUTE, 10).close.tolist()
        for spec, seed in ((bitcoin, 1), (bitcoin, 2), (renamed, 1), (bitcoin, 1))
    ]
    assert paths[0] == paths[3]
    assert paths[0] != paths[1]
    assert paths[0] != paths[2]


def test_a_coarse_tick_still_gives_a_sane_market(coarse: SymbolSpec) -> None:
    bars = synthetic(coarse, 1).minutes(FIRST_MINUTE + 9 * YEAR_MINUTES, 1440)
    assert bars.low.min() >= 1
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()


def test_a_market_too_big_for_64_bits_is_refused(bitcoin: SymbolSpec) -> None:
    huge = SymbolSpec("BTCUSDT", bitcoin.tick, bitcoin.step, bitcoin.base_price, bitcoin.base_price)
    with pytest.raises(ValueError, match="64 bits"):
        synthetic(huge, 1)


def test_the_market_of_a_seed_never_changes(bitcoin: SymbolSpec) -> None:
    """A state folder keeps trades made at these prices; a release that moves them must say so."""
    trades = synthetic(bitcoin, 1).path((START_MS + 8 * YEAR_MINUTES * MINUTE_MS) // MINUTE_MS)
    assert [(trade.price, trade.quantity, trade.buyer_is_maker) for trade in trades[:4]] == [
        (6728863, 2602, False),
        (6729037, 23549, False),
        (6728829, 26488, True),
        (6729246, 20371, False),
    ]
