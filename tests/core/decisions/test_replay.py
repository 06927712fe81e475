"""Decisions made again from what was written down."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.bars import Bars
from core.decisions.book import DECISION, RUN, Asked, DecisionBook
from core.decisions.replay import Recorded, Replay, replay, run_of, strategy_of
from core.decisions.texts import bars_of, parameters_of, rows_of, standing_of, standing_record
from core.journal.chain import canonical_json
from core.strategies import FLAT, Headline, LiveMarket, MarketView, strategy
from core.strategies.parameters import as_dict
from core.strategies.registry import BUILT_IN
from tests.core.decisions.conftest import (
    ACCOUNT,
    HELD,
    TRADED,
    Written,
    decide_and_record,
    plan_of,
    waves,
)

Change = Callable[[list[Any]], None]


def replayed(written: Written, change: Change | None = None) -> Replay:
    """Replay events as they would be read from disk, after a change of their payloads."""
    payloads = json.loads(canonical_json([payload for _, payload in written.events]))
    if change is not None:
        change(payloads)
    run = run_of(payloads[0])
    decisions = [Recorded(100 + index, 5, payload) for index, payload in enumerate(payloads[1:])]
    return replay(run, strategy_of(run), decisions)


@pytest.mark.parametrize("name", ["coherence", "ema-cross", "mean-reversion"])
def test_every_decision_comes_out_the_same(name: str) -> None:
    found = replayed(decide_and_record(name, waves(320), 12))
    assert (found.decisions, found.identical, found.first) == (12, 12, None)


def test_each_bar_is_written_once(ema_run: Written) -> None:
    kinds = [kind for kind, _ in ema_run.events]
    assert kinds == [RUN, *[DECISION] * 20]
    new = [len(each.payload["bars"]["BTCUSDT 1m"]["new"]) for each in ema_run.decisions]
    assert new == [260, *[1] * 19]
    assert {each.payload["bars"]["BTCUSDT 1m"]["count"] for each in ema_run.decisions} == {260}


def test_what_an_hour_of_waiting_adds_to_the_journal_is_bounded(ema_run: Written) -> None:
    first, *later = (len(canonical_json(each.payload)) for each in ema_run.decisions)
    assert first < 260 * 70 + 1_200
    assert max(later) < 1_200  # 72 kB an hour at bars of one minute, 5 kB at bars of fifteen


def close_of(row: str, ticks: int) -> str:
    parts = row.split(",")
    parts[4] = str(Decimal(parts[4]) + ticks * Decimal("0.01"))
    return ",".join(parts)


def test_a_close_changed_by_a_tick_is_named_with_the_first_decision_on_it(ema_run: Written) -> None:
    def change(payloads: list[Any]) -> None:
        new = payloads[7]["bars"]["BTCUSDT 1m"]["new"]
        new[0] = close_of(new[0], 1)

    found = replayed(ema_run, change)
    assert found.first is not None
    assert (found.first.number, found.first.sequence) == (7, 106)
    assert found.identical == 6
    (named,) = found.first.inputs
    opened = ema_run.decisions[6].payload["decision"]["bar_open_time_ms"]
    assert found.first.bar_open_time_ms == opened
    assert "the BTCUSDT 1m bar that opened 1970-01-01T" in named
    assert {each.name for each in found.first.fields} == {"readings.fast", "readings.slow"}


def test_a_bar_of_the_first_window_is_named_too(ema_run: Written) -> None:
    def change(payloads: list[Any]) -> None:
        new = payloads[1]["bars"]["BTCUSDT 1m"]["new"]
        new[200] = close_of(new[200], 1)

    first = replayed(ema_run, change).first
    assert first is not None
    assert first.number == 1
    assert "opened 1970-01-01T03:41:00.000Z" in first.inputs[0]


@pytest.mark.parametrize(
    ("change", "number", "named"),
    [
        (lambda payloads: payloads[0]["parameters"].update(fast=13), 1, "the parameters of the strategy"),
        (lambda payloads: payloads[4]["standing"].update(equity="1.5"), 4, "where we stood"),
        (lambda payloads: payloads.pop(3), 4, "decision 3 is missing"),
        (lambda payloads: payloads[9]["bars"]["BTCUSDT 1m"]["new"].pop(), 9, "bars are not those"),
        (lambda payloads: payloads[9]["bars"]["BTCUSDT 1m"].update(first_ms=0), 9, "bars are not those"),
    ],
)
def test_any_changed_input_is_named(ema_run: Written, change: Change, number: int, named: str) -> None:
    first = replayed(ema_run, change).first
    assert first is not None
    assert first.number == number
    assert any(named in each for each in first.inputs), first


def test_a_changed_decision_has_no_changed_input(ema_run: Written) -> None:
    first = replayed(ema_run, lambda payloads: payloads[5]["decision"].update(action="ENTER_LONG")).first
    assert first is not None
    assert (first.number, first.inputs) == (5, ())
    (changed,) = first.fields
    assert (changed.name, changed.recorded) == ("action", "ENTER_LONG")


SEEN = LiveMarket(
    ts_ms=60_000_123,
    book_ts_ms=60_000_100,
    bid=100.01,
    ask=100.02,
    bid_quantities=(0.1, 0.2),
    ask_quantities=(0.3, 1e-8),
    tape_ts_ms=60_000_120,
    taker_buys=720_000.1,
    taker_sells=480_000.3,
    trades=60,
)


@pytest.fixture(scope="module")
def observed_run() -> Written:
    """Two decisions of confluence, the second of which saw book, tape and a headline."""
    bars, chosen, written = waves(1_500), strategy("confluence"), Written()
    book = DecisionBook(written, ACCOUNT, "ev00000001", plan_of("confluence"), chosen)
    view = MarketView(TRADED, {TRADED: bars}).last(chosen.needs(TRADED))
    told = (Headline(3, "Record ø inflows", score=0.1), Headline(2, "Collapse", "wire", "https://x"))
    for each in (view, replace(view, live=SEEN, headlines=told)):
        book.record(Asked.ENTRY, each, FLAT, chosen.decide(each))
    return written


def test_what_was_seen_beside_bars_is_decided_on_again(observed_run: Written) -> None:
    without, with_it = (each.payload["decision"] for each in observed_run.decisions)
    assert without["readings"]["score"] != with_it["readings"]["score"]
    assert float(with_it["breakdown"]["flow"]) == pytest.approx(5, rel=1e-4)
    assert replayed(observed_run).identical == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda observed: observed["live"].update(taker_buys="720000.2"),
        lambda observed: observed["live"]["bid_quantities"].reverse(),
        lambda observed: observed["headlines"][1].update(title="Growth"),
        lambda observed: observed["headlines"].pop(),
        lambda observed: observed.update(live=None),
    ],
)
def test_a_change_of_what_was_seen_beside_bars_is_named(observed_run: Written, change: Any) -> None:
    first = replayed(observed_run, lambda payloads: change(payloads[2]["observed"])).first
    assert first is not None
    assert first.number == 2
    assert "what was observed beside bars (order book, tape, news)" in first.inputs[0]


@pytest.mark.parametrize("name", ["mean-reversion", "ema-cross"])
def test_a_run_of_the_first_journals_is_replayed(name: str) -> None:
    """They know nothing beside bars, and strategies by their former names."""

    def as_before(payloads: list[Any]) -> None:
        payloads[0]["strategy"] = {"mean-reversion": "mean_reversion"}.get(name, name)
        for each in payloads[1:]:
            del each["observed"], each["digests"]["observed"]

    found = replayed(decide_and_record(name, waves(270), 2), as_before)
    assert (found.run.strategy, found.identical) == (name, 2)


def test_what_was_seen_is_missed_where_it_was_decided_on(observed_run: Written) -> None:
    first = replayed(observed_run, lambda payloads: payloads[2].pop("observed")).first
    assert first is not None
    assert "what was observed beside bars (order book, tape, news)" in first.inputs[0]


def test_an_event_that_is_not_its_hash_s_is_a_difference(ema_run: Written) -> None:
    run = run_of(ema_run.events[0][1])
    decisions = [Recorded(each.sequence, 5, each.payload, each.sequence != 3) for each in ema_run.decisions]
    first = replay(run, strategy_of(run), decisions).first
    assert first is not None
    assert (first.sequence, first.fields) == (3, ())


def test_other_parameters_show_what_would_have_been(ema_run: Written) -> None:
    run = run_of(ema_run.events[0][1])
    found = replay(run, strategy("ema-cross", {"fast": "11"}), ema_run.decisions)
    assert found.identical == 0
    assert found.first is not None
    assert found.first.number == 1


def test_a_bar_the_venue_tells_otherwise_is_written_again() -> None:
    bars, chosen, written = waves(270), strategy("ema-cross"), Written()
    close = bars.close.copy()
    close[262] += 0.01
    restated = Bars(bars.open_time_ms, bars.open, bars.high, bars.low, close, bars.volume, 60_000)
    book = DecisionBook(written, ACCOUNT, "ev00000001", plan_of("ema-cross"), chosen)
    for told in (bars, restated, bars):
        view = MarketView(TRADED, {TRADED: told}).last(chosen.needs(TRADED))
        book.record(Asked.ENTRY, view, FLAT, chosen.decide(view))
    assert [len(each.payload["bars"]["BTCUSDT 1m"]["new"]) for each in written.decisions] == [260, 1, 1]
    assert replayed(written).identical == 3


prices = st.floats(min_value=1e-8, max_value=1e9)


@given(st.lists(prices, min_size=1, max_size=5))
def test_bars_read_back_as_the_same_floats(values: list[float]) -> None:
    n = len(values)
    price = np.array(values)
    bars = Bars(np.arange(n) * 60_000, price, price, price, price, price / 3, 60_000)
    again = bars_of(rows_of(bars), "1m")
    for name in ("open_time_ms", "open", "high", "low", "close", "volume"):
        assert getattr(again, name).tobytes() == getattr(bars, name).tobytes()


@pytest.mark.parametrize("name", BUILT_IN)
def test_parameters_read_back(name: str) -> None:
    parameters = strategy(name).parameters
    record = json.loads(json.dumps(as_dict(parameters)))
    assert parameters_of(parameters, record) == parameters
    with pytest.raises(ValueError, match="not those of this version: more"):
        parameters_of(parameters, {**record, "more": 1})


@pytest.mark.parametrize("standing", [FLAT, HELD])
def test_where_we_stood_reads_back(standing: Any) -> None:
    record = json.loads(canonical_json(standing_record(standing)))
    assert standing_of(record) == standing
    assert standing_record(standing_of(copy.deepcopy(record))) == record


def test_series_are_those_traded() -> None:
    assert run_of(decide_and_record("ema-cross", waves(270), 1).events[0][1]).traded == TRADED
