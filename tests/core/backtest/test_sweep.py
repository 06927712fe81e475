"""Sweeps: every set once, the same as alone, whatever kills them in between; and walk-forward."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from core.backtest.grid import Grid, grid
from core.backtest.job import Job, backtest
from core.backtest.loading import Asked, Source
from core.backtest.ranking import score
from core.backtest.sweep import Sweep, sweep
from core.backtest.sweep_file import opened
from core.backtest.walk_forward import Spans, walk_forward
from core.data.series import Row
from core.data.store import read_series, write_series
from core.errors import ConfigError, Refused
from core.positions import PositionRules
from tests.core.backtest.scripted import MINUTE_MS, START_MS, recorded, setup

DAY_MS = 86_400_000
POINTS = grid(["fast=4..8:2", "slow=8..12:2"])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    close = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.002, 5_000)))
    opened_at = np.concatenate(([100.0], close[:-1]))
    rows = np.stack((opened_at, np.maximum(opened_at, close), np.minimum(opened_at, close), close), axis=1)
    write_series(home, recorded([tuple(row) for row in np.round(rows, 2)], "BTCUSDT"))
    return home


@pytest.fixture
def job(home: Path) -> Job:
    return Job("ema-cross", Source(home), Asked(("BTCUSDT",), "5m"), setup())


def done(job: Job, file: Path, points: Grid = POINTS, workers: int = 1) -> Sweep:
    return sweep(job, points, file, workers)


def test_each_set_scores_as_it_does_alone(job: Job, tmp_path: Path) -> None:
    swept = done(job, tmp_path / "results")
    assert sorted(swept.results) == list(range(9))
    for index, result in swept.results.items():
        changes = POINTS.changes(index)
        if int(changes["fast"]) >= int(changes["slow"]):
            assert result.score is None
            assert "fast must be below slow" in result.refused
        else:
            assert result.score == score(backtest(job.with_changes(changes)).figures)


def test_a_torn_sweep_goes_on_where_it_was(job: Job, tmp_path: Path) -> None:
    file = tmp_path / "results"
    whole = done(job, file)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:5]) + lines[5][:7])
    again = done(job, file)
    assert again.resumed == 4
    assert again.results == whole.results
    assert sorted(file.read_bytes().splitlines()) == sorted(b"".join(lines).splitlines())


@pytest.mark.parametrize("kept", [b"", b'{"trader_sw'])
def test_a_file_torn_in_its_first_line_begins_anew(job: Job, tmp_path: Path, kept: bytes) -> None:
    file = tmp_path / "results"
    file.write_bytes(kept)
    assert done(job, file).resumed == 0
    assert len(file.read_bytes().splitlines()) == 10


def test_results_of_anything_else_are_not_overwritten(job: Job, tmp_path: Path) -> None:
    file = tmp_path / "results"
    done(job, file)
    before = file.read_bytes()
    dearer = replace(job, setup=replace(job.setup, balance=replace(job.setup.balance, value=Decimal(999))))
    known = read_series(job.source.home, "BTCUSDT", "1m")
    assert known is not None
    busier = replace(known, table=known.table + (np.arange(10) == Row.QUOTE_VOLUME)[:, np.newaxis])
    write_series(tmp_path, busier)
    elsewhere = replace(job, source=Source(tmp_path))
    for other, points in (
        (dearer, POINTS),
        (elsewhere, POINTS),
        (job, grid(["fast=4..8:2", "slow=9..12"])),
    ):
        with pytest.raises(ConfigError, match="holds something else") as refused:
            done(other, file, points)
        assert refused.value.code == "FILE_EXISTS"
    notes = tmp_path / "notes.txt"
    notes.write_text("my notes\n")
    with pytest.raises(ConfigError, match="holds something else"):
        done(job, notes)
    assert file.read_bytes() == before
    assert notes.read_text() == "my notes\n"


def test_two_sweeps_do_not_share_a_file(job: Job, tmp_path: Path) -> None:
    file = tmp_path / "results"
    with opened(file, "digest"), pytest.raises(Refused, match="another sweep is writing") as refused:
        done(job, file)
    assert refused.value.code == "SWEEP_RUNNING"


def test_workers_find_what_one_process_finds(job: Job, tmp_path: Path) -> None:
    points = grid(["fast=4,6", "slow=8..12:2"])
    alone = done(job, tmp_path / "one", points)
    together = done(job, tmp_path / "two", points, workers=2)
    assert together.results == alone.results
    again = done(job, tmp_path / "two", points, workers=2)
    assert (again.resumed, again.results) == (6, alone.results)
    header = json.loads((tmp_path / "two").read_bytes().splitlines()[0])
    assert header["trader_sweep"] == 1


def test_an_interrupt_keeps_what_was_finished(job: Job, tmp_path: Path) -> None:
    file = tmp_path / "results"

    def stop(so_far: int, of: int) -> None:
        if so_far == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(job, POINTS, file, 1, stop)
    assert done(job, file).resumed == 4


def test_a_sweep_of_sets_that_cannot_be_is_refused(job: Job, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"takes none of the 2 parameter sets: .*fast must be below slow"):
        done(job, tmp_path / "results", grid(["fast=50,60"]))
    ruled = replace(job, engine="jumping", setup=replace(job.setup, rules=PositionRules(cooldown_ms=1)))
    with pytest.raises(ConfigError, match="--engine jumping cannot do this: position rules"):
        done(ruled, tmp_path / "other")
    with pytest.raises(ConfigError, match="there is no parameter 'fats'; did you mean 'fast'"):
        done(job, tmp_path / "results", grid(["fats=5,6"]))


def test_walk_forward_tests_each_choice_on_bars_it_has_not_seen(job: Job) -> None:
    spans = Spans(DAY_MS, DAY_MS // 2)
    points = grid(["fast=4,6", "slow=8,12"])
    walk = walk_forward(job, points, spans, "profit")
    # 5,000 minutes are 3.47 days.
    assert [each.test_start_ms for each in walk.steps] == [START_MS + DAY_MS * n // 2 for n in (2, 3, 4, 5)]
    assert walk.sets == 4
    for step in walk.steps:
        for start, end, found in (
            (step.start_ms, step.test_start_ms, step.train),
            (step.test_start_ms, step.end_ms, step.test),
        ):
            spanned = replace(job, asked=replace(job.asked, start_ms=start, end_ms=end))
            scores = {
                index: score(backtest(spanned.with_changes(points.changes(index))).figures)
                for index in range(4)
            }
            chosen = next(index for index in range(4) if points.changes(index) == dict(step.changes))
            assert scores[chosen].trades == found.trades
            if found is step.train:
                assert found.profit == max(each.profit for each in scores.values())
    assert walk.profit == sum(each.test.profit for each in walk.steps)


def test_walk_forward_counts_the_steps_in_which_it_chose_blindly(job: Job) -> None:
    walk = walk_forward(job, grid(["fast=4,6"]), Spans(DAY_MS, DAY_MS // 2), "sharpe")
    assert (walk.blind_steps, len(walk.steps)) == (4, 4)
    assert walk_forward(job, grid(["fast=4,6"]), Spans(DAY_MS, DAY_MS // 2), "profit").blind_steps == 0


def test_walk_forward_needs_bars_for_one_step(job: Job) -> None:
    with pytest.raises(ConfigError, match="the bars are 3 days, shorter than --train and --test"):
        walk_forward(job, POINTS, Spans(10 * DAY_MS, DAY_MS), "profit")
    with pytest.raises(ValueError, match="longer than 0s"):
        Spans(0, MINUTE_MS)
