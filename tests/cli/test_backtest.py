"""`trader backtest` and `trader sweep` as an operator meets them: documents, the page, kills."""

from __future__ import annotations

import json
import re
import signal
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from core.data.series import Series
from core.data.store import write_series
from tests.cli.conversation import Shell
from tests.cli.spawned import spawned

COUNT = 20_000
TEST = "trader backtest --strategy ema-cross --symbol BTCUSDT --bar 5m"
SWEEP = "trader sweep --strategy ema-cross --symbol BTCUSDT --bar 5m"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell whose home holds two weeks of minute bars."""
    made = Shell(tmp_path)
    close = np.rint(4_000_000 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.001, COUNT)))).astype(
        np.int64
    )
    opened = np.concatenate((close[:1], close[:-1]))
    table = np.zeros((10, COUNT), dtype=np.int64)
    table[0] = 1_704_067_200_000 + np.arange(COUNT) * 60_000
    table[1:5] = np.stack((opened, np.maximum(opened, close), np.minimum(opened, close), close)) * 10**6
    table[5:7] = 10**8
    write_series(tmp_path / "home", Series("BTCUSDT", "1m", table))
    return made


def test_the_document_holds_every_trade_and_the_assumptions(shell: Shell) -> None:
    exit_code, stdout, _ = shell.run(f"{TEST} --json")
    result = json.loads(stdout)["result"]
    assert exit_code == 0
    closed = [trade for trade in result["trades"] if trade["exit_ms"] is not None]
    assert len(closed) == result["figures"]["trades"] > 20
    assert result["costs"]["fees"] == {"maker_rate": "0.001", "taker_rate": "0.001"}
    assert result["limits"]["max_order"] == "25"
    assert result["rules"]["BTCUSDT"]["tick_size"] == "0.01"
    assert result["equity"][-1][1] == result["figures"]["equity"]
    assert any("closed trade(s)" in each or "days of bars" in each for each in result["findings"])


def test_all_engines_print_the_same_trades(shell: Shell) -> None:
    engines = ("plain", "jumping", "compiled")
    plain, jumping, compiled = (shell.run(f"{TEST} --format csv --engine {name}") for name in engines)
    assert plain == jumping == compiled


def test_an_engine_that_cannot_do_it_says_why(shell: Shell) -> None:
    exit_code, _, stderr = shell.run(f"TRADER_COOLDOWN=1h {TEST} --engine jumping")
    assert exit_code == 3
    assert "--engine jumping cannot do this: position rules move the stop, or limit the time" in stderr


def test_a_figure_to_choose_by_that_is_none_is_told(shell: Shell) -> None:
    exit_code, _, stderr = shell.run(f"{TEST} --walk-forward --set fast=8,12 --by luck")
    assert (exit_code, "--by was 'luck'; it takes one of profit" in stderr) == (2, True)


def test_a_symbol_that_a_strategy_cannot_trade_is_told(shell: Shell) -> None:
    exit_code, _, stderr = shell.run("trader backtest --strategy lead-lag --symbol BTCUSDT --bar 5m")
    assert exit_code == 3
    assert "error[STRATEGY_UNFIT]: BTCUSDT is what lead-lag takes the lead from" in stderr


def test_settings_size_the_orders_unless_the_command_line_does(shell: Shell) -> None:
    _, stdout, _ = shell.run(f"BINANCE_RISK_MAX_ORDER_USDT=17 {TEST} --fraction 0.5 --json")
    limits = json.loads(stdout)["result"]["limits"]
    assert (limits["max_order"], limits["risk_fraction"]) == ("17", "0.5")


def test_the_page_needs_no_network_and_draws_every_trade(shell: Shell) -> None:
    exit_code, stdout, stderr = shell.run(f"{TEST} --html page.html --json")
    page = (shell.folder / "page.html").read_text(encoding="utf-8")
    trades = json.loads(stdout)["result"]["trades"]
    assert (exit_code, "wrote" in stderr) == (0, True)
    assert not re.search(r"https?://|<script|<link|<img|url\(|@import", page)
    pictures = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]
    assert [each.get("aria-label") for each in pictures] == [
        "equity",
        "drawdown",
        "price and trades of BTCUSDT",
    ]
    drawn = Counter(path.get("class") for path in pictures[2].iter("path"))
    closed = [each for each in trades if each["exit_ms"] is not None]
    assert drawn["entry"] == len(trades)
    assert drawn["win"] + drawn["loss"] == drawn["exit"] == len(closed)
    told = [title.text or "" for title in pictures[2].iter("title")]
    assert all(each["exit_price"] in text for each, text in zip(closed, told, strict=False))
    for picture in pictures:
        numbers = re.findall(r"[-\d.]+", " ".join(each.get("points", "") for each in picture.iter()))
        assert all(-1 <= float(each) <= 961 for each in numbers)
    assert "Magdon-Ismail" in page
    assert "warning" in page


def test_the_page_replaces_only_a_page(shell: Shell) -> None:
    page = shell.folder / "page.html"
    assert shell.run(f"{TEST} --html page.html -q")[0] == 0
    assert shell.run(f"{TEST} --html page.html -q")[0] == 0
    page.write_text("my own page")
    exit_code, _, stderr = shell.run(f"{TEST} --html page.html -q")
    assert (exit_code, page.read_text()) == (3, "my own page")
    assert "FILE_EXISTS" in stderr


def test_a_sweep_prints_all_sets_best_first(shell: Shell) -> None:
    exit_code, stdout, _ = shell.run(f"{SWEEP} --set fast=4..8:2 --set slow=12,24 --jobs 1 --format csv")
    lines = stdout.splitlines()
    profits = [float(line.split(",")[2]) for line in lines[1:]]
    assert exit_code == 0
    assert lines[0].startswith("fast,slow,profit,return_rate,max_drawdown_rate")
    assert len(profits) == 6
    assert profits == sorted(profits, reverse=True)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_sweep_that_is_ended_goes_on_and_leaves_no_worker(shell: Shell, how: signal.Signals) -> None:
    """With the plain engine, so that it lasts long enough to be ended in the middle."""
    command = f"{SWEEP} --engine plain --set fast=4..9 --set slow=12..24:3 --jobs 2"
    results = shell.folder / "sweep.ndjson"
    with spawned(shell, *command.split()[1:]) as program:
        wait_for(lambda: results.exists() and len(results.read_bytes().splitlines()) > 4)
        program.send_signal(how)
        _, stderr = program.communicate()
    assert program.returncode == (130 if how is signal.SIGINT else -signal.SIGKILL)
    assert how is signal.SIGKILL or "what was finished is in" in stderr
    wait_for(lambda: not workers_of(shell))
    before = len(results.read_bytes().splitlines()) - 1
    exit_code, stdout, stderr = shell.run(f"{command} --json")
    assert exit_code == 0
    assert json.loads(stdout)["result"]["resumed"] in (before, before - 1)  # the last line may be torn
    assert len(results.read_bytes().splitlines()) == 1 + 30


def wait_for(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def workers_of(shell: Shell) -> list[str]:
    """Return the processes that still have this shell's home in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(shell.folder.parent / "home").encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return [line for line in found if "multiprocessing" in line]
