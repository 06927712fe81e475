"""`trader strategies` and `trader signal` from outside, over the paper exchange."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.strategies.confluence import SignalClass
from core.strategies.registry import BUILT_IN
from tests.cli.conversation import Shell
from tests.core.strategies.installed import documented_strategy, install

HEADLINES = (
    '{"published_ms": %d, "title": "Record inflows", "source": "wire", "score": 0.9}\n'
    "\n"
    '{"published_ms": 1, "title": "Old news"}\n'
)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def result(shell: Shell, command: str, exit_code: int = 0) -> dict[str, Any]:
    got, stdout, stderr = shell.run(f"{command} --json")
    assert got == exit_code, stderr + stdout
    document: dict[str, Any] = json.loads(stdout)
    return document if exit_code else document["result"]


# --- strategies ---


def test_every_strategy_is_listed_with_all_that_can_be_set(shell: Shell) -> None:
    listed = {each["name"]: each for each in result(shell, "trader strategies")["strategies"]}
    assert set(listed) >= set(BUILT_IN)
    for card in listed.values():
        assert card["summary"]
        assert card["needs"][0]["bars"] > 0
        assert all(each["about"] and each["default"] for each in card["parameters"])
    enter = next(each for each in listed["coherence"]["parameters"] if each["name"] == "enter")
    assert (enter["default"], enter["range"]) == ("0.938", "> 0, < 1")
    assert [each["interval"] for each in listed["confluence"]["needs"]] == ["5m", "15m", "30m", "1h"]
    assert {"symbol": "BTCUSDT", "interval": "15m", "bars": 300} in listed["lead-lag"]["needs"]
    assert {name for name, card in listed.items() if card["learns"]} == {"lead-lag"}


def test_table_has_a_line_each_and_parameters_of_those_named(shell: Shell) -> None:
    exit_code, stdout, stderr = shell.run("trader strategies")
    assert exit_code == 0, stderr
    assert {line.split()[0] for line in stdout.splitlines()[1:]} >= set(BUILT_IN)
    assert "trader strategies NAME" in stderr
    _, stdout, _ = shell.run("trader strategies mean-reversion")
    (entry_z,) = [line for line in stdout.splitlines() if line.startswith("entry_z")]
    assert entry_z.split()[:5] == ["entry_z", "2.0", ">", "0,", "≤"]


def test_unknown_strategy_is_answered_with_the_nearest(shell: Shell) -> None:
    for command in ("trader strategies confluense", "trader signal --strategy confluense"):
        error = result(shell, command, exit_code=3)["error"]
        assert error["code"] == "STRATEGY_UNKNOWN"
        assert "did you mean 'confluence'?" in error["message"]
        assert error["hint"] == "`trader strategies` lists them"


def test_package_that_cannot_be_loaded_does_not_hide_the_others(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "site", "cracked", "raise RuntimeError('boom')", "Cracked")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    exit_code, stdout, stderr = shell.run("trader strategies")
    assert exit_code == 0
    assert "coherence" in stdout
    assert "warning: strategy 'cracked' (cracked:Cracked) cannot be loaded: boom" in stderr
    error = result(shell, "trader signal --strategy cracked", exit_code=3)["error"]
    assert (error["code"], "boom" in error["message"]) == ("STRATEGY_UNFIT", True)


# --- signal ---


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "lead-lag"])
def test_signal_of_each_strategy_is_whole(shell: Shell, name: str) -> None:
    found = result(shell, f"trader signal --strategy {name}")
    assert (found["strategy"], found["symbol"], found["bar"]) == (name, "BTCUSDT", "15m")
    assert found["bar_closed_ms"] % (15 * 60_000) == 0
    assert float(found["close"]) > 0
    assert found["readings"]
    assert None not in found["readings"].values()
    assert found["action"] in ("ENTER_LONG", "STAY_FLAT")
    assert (found["action"] == "STAY_FLAT") == (found["terms"] is None)
    assert (found["live"] is not None) == (name == "confluence")
    assert all(each["bars"] > 0 for each in found["needs"])


def test_confluence_shows_its_points_and_the_book(shell: Shell) -> None:
    found = result(
        shell,
        "trader signal --strategy confluence --symbol ETHUSDT --set score_min=219 --set flow_trades_min=10",
    )
    parts = found["breakdown"]
    points = [parts[name] for name in list(parts)[: list(parts).index("buy_votes")]]
    assert sum(points) == pytest.approx(found["readings"]["score"])
    assert parts["depth"] != 0
    assert parts["flow"] != 0
    assert {"basis": parts["basis"], "funding": parts["funding"]} == {"basis": 0, "funding": 0}
    live = found["live"]
    assert len(live["book"]["bid_quantities"]) == 20
    assert live["flow"]["trades"] >= 10
    assert (live["premium"], live["funding"]) == (None, None), "spot has neither"
    assert "SCORE" in found["blocked"]
    assert found["label"] in SignalClass.__members__


def test_signal_is_what_a_stage_decides_on(shell: Shell) -> None:
    signal = result(shell, "trader signal")
    staged = result(shell, "trader stage 0")["signal"]
    if signal["readings"]["gamma"] != staged["gamma"]:  # a bar closed between the two
        signal = result(shell, "trader signal")
    assert staged == {"strategy": "coherence", **signal["readings"], **signal["limits"]}


def test_table_names_bar_action_parts_and_what_is_against_it(shell: Shell) -> None:
    exit_code, stdout, stderr = shell.run("trader signal --strategy mean-reversion --set entry_z=9")
    assert exit_code == 0, stderr
    lines = stdout.splitlines()
    assert lines[0].startswith("mean-reversion on BTCUSDT 15m, bar closed 20")
    assert lines[1] == "STAY_FLAT (NOT_FAR_ENOUGH), asked as if nothing were held"
    assert "reading (enter below -9, leave above -0.5)" in lines[3]
    assert any(line.startswith("stop distance") for line in lines)
    assert lines[-1] == "against an entry: NOT_FAR_ENOUGH"


def test_lead_lag_reads_its_news(shell: Shell) -> None:
    now_ms = result(shell, "trader signal")["bar_closed_ms"]
    (shell.folder / "news").write_text(HEADLINES % now_ms)
    found = result(shell, "trader signal --strategy lead-lag --symbol ETHUSDT --news news")
    assert found["headlines"] == 1, "the other is of long ago"
    assert found["readings"]["sentiment"] > 0.28
    assert "NO_SIDE" not in found["blocked"]
    shell.environ["TRADER_NEWS"] = str(shell.folder / "news")
    configured = result(shell, "trader signal --strategy lead-lag --symbol ETHUSDT")
    assert configured["headlines"] == 1


def test_without_news_lead_lag_says_so(shell: Shell) -> None:
    quiet = result(shell, "trader signal --strategy lead-lag --symbol ETHUSDT")
    assert quiet["blocked"][:2] == ["NO_NEWS", "NO_SIDE"]
    _, _, stderr = shell.run("trader signal --strategy lead-lag --symbol ETHUSDT")
    assert "warning: lead-lag looks at news, and TRADER_NEWS names no file of headlines" in stderr


def test_a_stage_without_its_news_says_so_once_and_goes_on(shell: Shell) -> None:
    exit_code, _, stderr = shell.run("trader stage 0 --strategy lead-lag --symbol ETHUSDT")
    assert exit_code == 0, stderr
    assert stderr.count("lead-lag looks at news, and TRADER_NEWS names no file of headlines") == 1


def test_candles_alone_make_the_score_where_microstructure_is_off(shell: Shell) -> None:
    found = result(shell, "trader signal --strategy confluence --set microstructure=false")
    assert found["live"] is None
    assert "depth" not in found["breakdown"]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code", "words"),
    [
        ("--strategy lead-lag", 3, "STRATEGY_UNFIT", "BTCUSDT is what lead-lag takes the lead from"),
        ("--set enter=2", 3, "STRATEGY_UNFIT", "enter must be > 0, < 1, was 2.0"),
        ("--set enter=much", 3, "STRATEGY_UNFIT", "enter must be a value of type float, was 'much'"),
        ("--set entre=0.9", 3, "STRATEGY_UNFIT", "did you mean 'enter'"),
        ("--set enter", 2, "USAGE", "--set was 'enter'"),
        ("--symbol BTC/USDT!", 2, "USAGE", "--symbol"),
        ("--symbol NOSUCHUSDT", 3, "SYMBOL_UNKNOWN", "NOSUCHUSDT"),
        ("--news missing", 3, "FILE_UNREADABLE", "missing cannot be read: No such file"),
        ("--news bad", 2, "USAGE", "line 1: published_ms must be ms since 1970, was None"),
    ],
)
def test_bad_input_is_named(shell: Shell, arguments: str, exit_code: int, code: str, words: str) -> None:
    (shell.folder / "bad").write_text('{"title": "x"}\n')
    error = result(shell, f"trader signal {arguments}", exit_code=exit_code)["error"]
    assert (error["code"], words in error["message"]) == (code, True), error


def test_strategy_of_ones_own_gives_signals_and_runs_a_stage(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "site", "breakout", documented_strategy(), "Breakout")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    found = result(shell, "trader signal --strategy breakout --set window=30")
    assert found["parameters"]["window"] == 30
    assert len(found["parameters"]["code"]) == 64
    staged = result(shell, "trader stage 0 --strategy breakout")
    assert staged["signal"]["strategy"] == "breakout"
    assert staged["evidence_id"]
