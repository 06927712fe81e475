"""Many back-tests on all cores, kept in a file as they come, so that a killed sweep goes on where it was."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path

from core.backtest.arrays import OnlyPlain, Prepared, prepare
from core.backtest.engine import run, run_quick
from core.backtest.figures import figures
from core.backtest.grid import Grid
from core.backtest.job import Job, chosen_strategy, course_of, neediest
from core.backtest.loading import Loaded, load
from core.backtest.ranking import score
from core.backtest.setup import Course
from core.backtest.sweep_file import Result, opened
from core.digests import code_digest
from core.errors import ConfigError, Refused
from core.strategies import Series, Strategy

_CHUNKS_PER_WORKER = 32
_CHUNK_MAX = 64
_WORTH_COMPILING = 5_000_000
"""Bars of all sets together: with fewer, compiling takes longer than it saves."""


@dataclass(slots=True)
class Sweep:
    """`results`: by the index of the set in the grid. `resumed`: how many an earlier run had done."""

    bars: int
    results: dict[int, Result] = field(default_factory=dict)
    resumed: int = 0


def sweep(
    job: Job,
    points: Grid,
    file: Path,
    workers: int,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Sweep:
    """Test every set of a grid; `progress(done, of)` is told how far it is.

    Each result is a line of `file` as soon as it is there; those that are there already are not computed
    again. Raises ConfigError when the file is of another sweep, or bars or strategy cannot be used. After
    KeyboardInterrupt the file holds all that was finished.
    """
    loaded = load(job.source, job.asked, neediest(job, points))
    done = Sweep(sum(len(each) for each in loaded.markets))
    with opened(file, _digest(job, points, loaded)) as kept:
        done.results = {each.index: each for each in kept.earlier}
        done.resumed = len(done.results)
        missing = [index for index in range(len(points)) if index not in done.results]
        progress(done.resumed, len(points))
        for result in _results(job, points, missing, workers, loaded):
            kept.add(result)
            done.results[result.index] = result
            progress(len(done.results), len(points))
    return done


def _results(
    job: Job, points: Grid, missing: Sequence[int], workers: int, loaded: Loaded
) -> Iterator[Result]:
    size = max(1, min(_CHUNK_MAX, len(missing) // (workers * _CHUNKS_PER_WORKER)))
    chunks = [missing[start : start + size] for start in range(0, len(missing), size)]
    if workers == 1 or len(chunks) <= 1:
        bench = _Bench(job, points, loaded)
        for index in missing:
            yield bench.result(index)
        return
    # Not forked: a copy of a process with threads can hang, and spawning is the same everywhere.
    pool = ProcessPoolExecutor(
        min(workers, len(chunks)), get_context("spawn"), initializer=_begin, initargs=(job, points)
    )
    try:
        waiting: set[Future[list[Result]]] = set()
        for chunk in chunks:
            waiting.add(pool.submit(_do, chunk))
        while waiting:
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                yield from future.result()
    except BrokenProcessPool:
        raise Refused(
            "a worker of the sweep was killed, perhaps for want of memory",
            code="SWEEP_STOPPED",
            hint="run the same command again: it goes on where it was; --jobs 1 takes less memory",
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        workers_left = active_children()
        for process in workers_left:
            process.terminate()
        for process in workers_left:
            process.join()


class _Bench:
    """One process's place to test sets: bars are read and laid out once."""

    def __init__(self, job: Job, points: Grid, loaded: Loaded) -> None:
        self.job, self.points, self.loaded = job, points, loaded
        self.ways: dict[frozenset[Series], tuple[Course, Prepared | None]] = {}

    def result(self, index: int) -> Result:
        job = self.job.with_changes(self.points.changes(index))
        try:
            chosen = chosen_strategy(job)
        except ConfigError as error:
            return Result(index, None, error.message)
        way, prepared = self._way(job, chosen)
        try:
            if prepared is None:
                raise OnlyPlain  # noqa: TRY301 - one way to the plain engine
            many = len(self.points) * way.length >= _WORTH_COMPILING
            outcome = run_quick(prepared, chosen, job.engine, one_of_many=many)
        except OnlyPlain:
            # One that was asked for by name, and cannot, says so.
            outcome, _ = run(way, chosen, job.setup, engine="plain" if job.engine == "auto" else job.engine)
        return Result(index, score(figures(outcome, way, job.setup.balance.value)))

    def _way(self, job: Job, chosen: Strategy) -> tuple[Course, Prepared | None]:
        """Return the course and its arrays: the same for all sets that look at the same series."""
        asked = job.asked
        key = frozenset(
            series for symbol in asked.symbols for series in chosen.needs(Series(symbol, asked.bar))
        )
        if key not in self.ways:
            way = course_of(job, chosen, self.loaded)
            try:
                prepared = None if job.engine == "plain" else prepare(way, job.setup)
            except OnlyPlain:
                prepared = None
            self.ways[key] = way, prepared
        return self.ways[key]


_bench: _Bench | None = None


def _begin(job: Job, points: Grid) -> None:
    """Set a worker up: the parent alone answers Ctrl-C, and a worker does not outlive it."""
    global _bench
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _bench = _Bench(job, points, load(job.source, job.asked, neediest(job, points)))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(indexes: Sequence[int]) -> list[Result]:
    assert _bench is not None  # noqa: S101 - the initializer made it
    return [_bench.result(index) for index in indexes]


def _digest(job: Job, points: Grid, loaded: Loaded) -> str:
    """Return a digest of everything the results depend on: code, parameters, costs, limits, bars."""
    digest = hashlib.sha256(code_digest().encode())
    described = job.strategy, sorted(job.changes.items()), job.asked, job.setup, points
    digest.update(repr((*described, sorted(loaded.rules.items()), list(loaded.others))).encode())
    for bars in (*(each.bars for each in loaded.markets), *loaded.others.values()):
        for column in (bars.open_time_ms, bars.open, bars.high, bars.low, bars.close, bars.volume):
            digest.update(column.tobytes())
    return digest.hexdigest()
