"""What happens to orders, stops and targets, bar by bar, with numbers worked by hand; all engines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from core.account import CommissionRates
from core.backtest.arrays import OnlyPlain, prepare, wanted
from core.backtest.compiled import run_compiled
from core.backtest.costs import Costs
from core.backtest.jumping import run_jumping
from core.backtest.levels import Bar, Held, Levels
from core.backtest.outcome import STILL_OPEN, Column, Exit, Outcome
from core.backtest.plain import run_plain
from core.backtest.setup import Course, Setup, course
from core.positions import PositionRules
from core.strategies.decision import Decision
from tests.core.backtest.scripted import FREE, MINUTE_MS, Prices, Script, plain_market, run_on, setup, signals

pytest.importorskip("numba")

Run = Callable[[Course, Script, Setup], Outcome]
FLAT = (100, 100, 100, 100)


def _compiled(way: Course, script: Script, how: Setup) -> Outcome:
    prepared = prepare(way, how)
    return run_compiled(prepared, wanted(prepared, script))


def _jumping(way: Course, script: Script, how: Setup) -> Outcome:
    prepared = prepare(way, how)
    return run_jumping(prepared, wanted(prepared, script))


@pytest.fixture(params=[run_plain, _compiled, _jumping], ids=["plain", "compiled", "jumping"])
def run(request: pytest.FixtureRequest) -> Run:
    return request.param


def outcome(run: Run, prices: Prices, how: Setup | None = None, **given: object) -> Outcome:
    """Enter at the close of the first bar; leave at `leave`."""
    made = signals(len(prices), enter=[0], **given)  # type: ignore[arg-type]  # what a test names
    how = how or setup()
    return run(run_on([plain_market(prices)], 1, how), Script({"BTCUSDT": made}), how)


def end(result: Outcome) -> tuple[int, int, Exit]:
    """Return bar, price in ticks and kind of the only trade's end."""
    (row,) = result.trades.tolist()
    return row[Column.EXIT_BAR], row[Column.EXIT_PRICE], Exit(row[Column.EXIT])


def test_an_order_fills_at_the_open_after_the_decision(run: Run) -> None:
    result = outcome(run, [FLAT, (101, 102, 101, 102), (103, 103, 103, 103), FLAT], leave=[1])
    (row,) = result.trades.tolist()
    assert (row[Column.ENTRY_BAR], row[Column.ENTRY_PRICE]) == (1, 10_100)
    assert end(result) == (2, 10_300, Exit.SIGNAL)


STOPS = [
    # stop 1 % below an entry at 100, target 2 % above; the bar after the entry
    ("touched at its price", (100, 100, 99, 99.5), 9_900, Exit.STOP),
    ("not touched", (100, 100, 99.01, 99.5), None, Exit.OPEN),
    ("a gap below fills at the open", (98, 98.5, 97, 98), 9_800, Exit.STOP),
    ("a target that is passed gets its own price", (100, 102.01, 100, 101), 10_200, Exit.TARGET),
    ("so does one that the market opens above", (104, 105, 103, 104), 10_200, Exit.TARGET),
    ("of both in one bar the stop comes first", (100, 103, 98, 102), 9_900, Exit.STOP),
    ("unless the bar opened above the target", (103, 104, 98, 99), 10_200, Exit.TARGET),
]


@pytest.mark.parametrize(
    ("bar", "price", "how"), [case[1:] for case in STOPS], ids=[case[0] for case in STOPS]
)
def test_stop_and_target(run: Run, bar: tuple[float, ...], price: int | None, how: Exit) -> None:
    result = outcome(run, [FLAT, FLAT, bar], take_profit_rate=np.full(3, 0.02))
    (row,) = result.trades.tolist()
    assert Exit(row[Column.EXIT]) is how
    assert row[Column.EXIT_BAR] == (STILL_OPEN if price is None else 2)
    assert price is None or row[Column.EXIT_PRICE] == price


def test_a_target_only_touched_is_left_at_the_next_open(run: Run) -> None:
    """The resting order is not reached, but the strategy sees its target touched."""
    result = outcome(
        run, [FLAT, (100, 102, 100, 101), (101, 101, 101, 101), FLAT], take_profit_rate=np.full(4, 0.02)
    )
    assert end(result) == (2, 10_100, Exit.SIGNAL)


def test_a_target_not_quite_touched_is_held(run: Run) -> None:
    result = outcome(
        run, [FLAT, (100, 101.99, 100, 101), (101, 101, 101, 101), FLAT], take_profit_rate=np.full(4, 0.02)
    )
    assert end(result)[2] is Exit.OPEN


def test_the_bar_of_the_entry_can_stop_it(run: Run) -> None:
    assert end(outcome(run, [FLAT, (100, 100, 98, 99), FLAT])) == (1, 9_900, Exit.STOP)


def test_a_bar_that_exits_never_enters(run: Run) -> None:
    made = signals(6, enter=[0, 1, 2])
    prices = [FLAT, (100, 100, 98, 99), FLAT, FLAT, FLAT, FLAT]
    result = run(run_on([plain_market(prices)], 1, setup()), Script({"BTCUSDT": made}), setup())
    assert result.column(Column.ENTRY_BAR).tolist() == [1, 3]


def test_fees_come_off_what_is_received(run: Run) -> None:
    fees = Costs(CommissionRates(Decimal("0.002"), Decimal("0.001")), Decimal(0), Decimal(0), 0)
    result = outcome(run, [FLAT, FLAT, FLAT, FLAT], setup(fees, fraction="1", max_order="101"), leave=[1])
    (row,) = result.trades.tolist()
    # 101 USDT at a limit of 101 buys 1 BTC at 100; 0.1 % of it is the fee, 0.999 is sold.
    assert (row[Column.BOUGHT], row[Column.ENTRY_FEE]) == (100_000, 100_000)
    assert (row[Column.SPENT], row[Column.SOLD]) == (100 * 10**8, 99_900)
    assert row[Column.EXIT_FEE] == 9_990_000  # 0.1 % of 99.9
    assert row[Column.REALIZED] == -19_990_000  # 100 − 99.9 + 0.0999
    assert result.equity[-1] == 1000 * 10**8 - 19_990_000


def test_a_target_pays_the_maker_s_fee(run: Run) -> None:
    fees = Costs(
        CommissionRates(maker_rate=Decimal("0.002"), taker_rate=Decimal(0)), Decimal(0), Decimal(0), 0
    )
    how = setup(fees, fraction="1", max_order="101")
    result = outcome(run, [FLAT, FLAT, (100, 103, 100, 101)], how, take_profit_rate=np.full(3, 0.02))
    assert result.trades[0, Column.EXIT_FEE] == 102 * 200_000


def test_dust_is_kept_at_its_cost_and_sold_with_the_next_trade(run: Run) -> None:
    fees = Costs(CommissionRates(Decimal("0.001"), Decimal("0.001")), Decimal(0), Decimal(0), 0)
    how = setup(fees, fraction="1", max_order="10")
    made = signals(9, enter=[0, 4], leave=[2, 6])
    result = run(run_on([plain_market([FLAT] * 9)], 1, how), Script({"BTCUSDT": made}), how)
    # 10 USDT at a limit of 101 buys 0.099 BTC; 0.000099 is the fee; 0.0989 is sold, 0.000001 is dust.
    assert result.column(Column.BOUGHT).tolist() == [9_900, 9_900]
    assert result.column(Column.SOLD).tolist() == [9_890, 9_890]
    # 9.89 received, 0.00989 of it the fee, for 9.9 spent less 0.0001001 that the dust cost.
    assert result.trades[0, Column.REALIZED] == 989_000_000 - 989_000 - (990_000_000 - 10_010)
    dust, cost_of_dust = 200 * 100, 20_020
    assert result.equity[-1] == 1000 * 10**8 + result.column(Column.REALIZED).sum() + dust - cost_of_dust


def test_an_order_beyond_its_limit_fills_nothing(run: Run) -> None:
    slow = Costs(FREE.fees, Decimal(0), Decimal(150), 0)  # 1.5 %, the limit is 1 %
    result = outcome(run, [FLAT, FLAT, FLAT], setup(slow))
    assert (len(result.trades), result.counts.missed_entries) == (0, 1)


def test_latency_moves_the_fill_toward_the_worse_end(run: Run) -> None:
    late = Costs(FREE.fees, Decimal(0), Decimal(0), 15_000)  # a quarter of the bar: half the way
    result = outcome(run, [FLAT, (100, 101, 100, 100), (100, 100, 99.5, 100), FLAT], setup(late), leave=[1])
    assert result.trades[0, Column.ENTRY_PRICE] == 10_050
    assert result.trades[0, Column.EXIT_PRICE] == 9_975


def test_whole_bars_of_latency_are_waited(run: Run) -> None:
    late = Costs(FREE.fees, Decimal(0), Decimal(0), 120_000)
    how = setup(late)
    prices = [FLAT] * 5 + [(105, 105, 105, 105)] + [FLAT] * 9
    made = signals(3, enter=[0])
    result = run(run_on([plain_market(prices)], 5, how), Script({"BTCUSDT": made}), how)
    assert result.trades[0, Column.ENTRY_BAR] == 7


def test_an_entry_too_small_to_be_sold_again_is_denied(run: Run) -> None:
    result = outcome(run, [FLAT] * 3, setup(max_order="5.05"))  # 5 at the stop, 1 % below, less slippage
    assert (len(result.trades), result.counts.denied_entries) == (0, 1)
    assert len(outcome(run, [FLAT] * 3, setup(max_order="5.21")).trades) == 1


def test_symbols_share_one_account(run: Run) -> None:
    markets = [plain_market([FLAT] * 4, symbol) for symbol in ("BTCUSDT", "ETHUSDT")]
    how = setup(fraction="0.9", max_order="1000000")
    script = Script({symbol: signals(4, enter=[0]) for symbol in ("BTCUSDT", "ETHUSDT")})
    result = run(run_on(markets, 1, how), script, how)
    first, second = result.column(Column.SPENT).tolist()
    # The limit is 1 % above the price, so 0.9/1.01 of what is free is spent.
    assert (first / 10**8, second / 10**8) == pytest.approx((891.0891, 97.0493), abs=1e-2)


def test_a_signal_to_go_short_is_counted(run: Run) -> None:
    made = signals(4)
    made.entry[1] = -1
    result = run(run_on([plain_market([FLAT] * 4)], 1, setup()), Script({"BTCUSDT": made}), setup())
    assert (len(result.trades), result.counts.shorts) == (0, 1)


def test_a_rule_moves_the_stop_after_a_bar_has_closed() -> None:
    seen: list[tuple[Bar, Held]] = []

    def trail(bar: Bar, held: Held) -> Levels:
        seen.append((bar, held))
        return Levels(max(held.levels.stop, bar.high - Decimal(1)), held.levels.target)

    prices = [FLAT, FLAT, (100, 105, 100, 105), (105, 105, 103.5, 104), FLAT]
    script = Script({"BTCUSDT": signals(5, enter=[0])})
    result = run_plain(run_on([plain_market(prices)], 1, setup()), script, setup(), rule=trail)
    assert end(result) == (3, 10_400, Exit.STOP)
    assert [held.levels.stop for _, held in seen] == [Decimal(99), Decimal(99)]
    assert seen[1][0].high == Decimal(105)


def test_every_decision_can_be_observed_in_order() -> None:
    told: list[tuple[str, Decision]] = []
    script = Script({"BTCUSDT": signals(4, enter=[1])})
    run_plain(
        run_on([plain_market([FLAT] * 4)], 1, setup()),
        script,
        setup(),
        observe=lambda symbol, decision: told.append((symbol, decision)),
    )
    assert [decision.reason for _, decision in told] == ["STAY_FLAT", "ENTER_LONG", "HOLD"]


def test_two_quote_assets_cannot_share_an_account() -> None:
    markets = [plain_market([FLAT] * 3), plain_market([FLAT] * 3, "ETHBTC")]
    with pytest.raises(ValueError, match="share a quote asset, these have BTC and USDT"):
        run_on(markets, 1, setup())


def test_latency_as_long_as_a_bar_of_decisions_is_refused() -> None:
    with pytest.raises(ValueError, match="latency 60000 ms is not below"):
        course(run_on([plain_market([FLAT] * 3)], 1, setup()).lanes, Costs(latency_ms=60_000))


def under_rules(prices: Prices, rules: PositionRules, minutes: int = 1, **given: object) -> Outcome:
    how = replace(setup(), rules=rules)
    count = len(prices) // minutes
    script = Script({"BTCUSDT": signals(count, **{"enter": [0], **given})})  # type: ignore[arg-type]
    return run_plain(run_on([plain_market(prices)], minutes, how), script, how)


def test_a_trailing_stop_follows_closed_bars_of_decisions() -> None:
    rules = PositionRules(trail_from=Decimal("0.02"), trail_by=Decimal("0.01"))
    prices = [FLAT, FLAT, (100, 105, 100, 105), (105, 105, 103.9, 104), FLAT]
    # The best price was 105: from the next bar on the stop is at 105 less 1 %.
    assert end(under_rules(prices, rules)) == (3, 10_395, Exit.STOP)
    above = (104, 104, 104, 104)
    late = (
        [FLAT] * 5
        + [FLAT, (100, 105, 100, 105), (105, 105, 103.9, 104), above, above]
        + [(105, 105, 103, 104)] * 5
    )
    # Five minutes to a decision: the fall within the bar of the rise is not seen, the one after it is.
    assert end(under_rules(late, rules, minutes=5)) == (10, 10_395, Exit.STOP)
    # Closed below where the stop should be: the venue would refuse it, so all is sold at once.
    late[8:10] = [FLAT, FLAT]
    assert end(under_rules(late, rules, minutes=5)) == (10, 10_500, Exit.STOP)


def test_a_position_ends_when_it_was_held_long_enough() -> None:
    rules = PositionRules(max_hold_ms=3 * MINUTE_MS)
    # Entered at the open of bar 1; three minutes are over at the close of bar 3.
    assert end(under_rules([FLAT] * 8, rules)) == (4, 10_000, Exit.TIME)


def test_a_losing_position_may_be_given_more_time() -> None:
    rules = PositionRules(max_hold_ms=2 * MINUTE_MS, extend_losing_ms=2 * MINUTE_MS)
    below = (99.5, 99.5, 99.5, 99.5)
    assert end(under_rules([FLAT, FLAT, *[below] * 6], rules)) == (5, 9_950, Exit.TIME)


def test_entries_wait_for_the_cooldown() -> None:
    rules = PositionRules(cooldown_ms=3 * MINUTE_MS)
    result = under_rules([FLAT] * 12, rules, enter=list(range(12)), leave=[1])
    # Left at bar 2, a moment after its open: the decision at the open of bar 6 is the first that may enter.
    assert result.column(Column.ENTRY_BAR).tolist() == [1, 6]
    assert result.reasons["blocked: COOLDOWN"] == 3


def test_the_quick_engines_leave_rules_to_the_plain_one() -> None:
    how = replace(setup(), rules=PositionRules(cooldown_ms=1))
    with pytest.raises(OnlyPlain, match="position rules"):
        prepare(run_on([plain_market([FLAT] * 3)], 1, how), how)
