"""Make every decision of a run again from what was written down, and compare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from core.clock import iso_utc
from core.decisions.texts import (
    bars_of,
    decision_record,
    digest,
    digest_of,
    parameters_of,
    series_of,
    standing_of,
    time_of,
    with_observed,
    without_checksum,
)
from core.strategies.market import MarketView, Series
from core.strategies.registry import evidence_of, strategy

if TYPE_CHECKING:
    from core.strategies.protocol import Strategy

CODE = "code"
# Strategies that were renamed, and stand in journals by their first name.
_FORMER_NAMES = {"lead_lag": "lead-lag", "mean_reversion": "mean-reversion"}
_COLUMNS = ("open time", "open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Run:
    """The beginning of a run's decisions. `parameters`: as they were written down, with the code's digest
    of a strategy that is not built in."""

    id: str
    stage: int
    strategy: str
    parameters: Mapping[str, Any]
    traded: Series


@dataclass(frozen=True, slots=True)
class Recorded:
    """One decision as its event has it. `intact`: whether the event is what its hash was made of."""

    sequence: int
    time_ms: int
    payload: Mapping[str, Any]
    intact: bool = True


@dataclass(frozen=True, slots=True)
class Field:
    """A part of a decision that is another now; texts."""

    name: str
    recorded: str
    recomputed: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A decision that is not what its inputs make. `inputs`: those that are not what they were, in words;
    empty: the decision itself was changed, or the code decides otherwise now.
    """

    number: int
    sequence: int
    time_ms: int
    asked: str
    bar_open_time_ms: int | None
    inputs: tuple[str, ...]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """`decisions`: how many were compared; `identical`: how many came out the same, of the same inputs."""

    run: Run
    decisions: int
    identical: int
    first: Difference | None


def run_of(payload: Mapping[str, Any]) -> Run:
    """Read the event that a run begins with."""
    return Run(
        id=payload["run"],
        stage=payload["stage"],
        strategy=_FORMER_NAMES.get(payload["strategy"], payload["strategy"]),
        parameters=payload["parameters"],
        traded=Series(payload["symbol"], payload["bar"]),
    )


def strategy_of(run: Run) -> Strategy:
    """Return the strategy with the parameters it had. Raises ValueError for one that there is no more."""
    made = strategy(run.strategy)
    record = {name: value for name, value in run.parameters.items() if name != CODE}
    return cast("Strategy", replace(cast("Any", made), parameters=parameters_of(made.parameters, record)))


def replay(run: Run, strategy: Strategy, decisions: Iterable[Recorded]) -> Replay:
    """Compare all decisions of a run, oldest first, with what `strategy` decides of their inputs now.

    The strategy with other parameters than those of the run shows what would have been decided otherwise.
    """
    again = _Again(run, strategy, evidence_of(strategy).get(CODE))
    compared = identical = 0
    first: Difference | None = None
    for each in decisions:
        compared += 1
        found = again.compared(each)
        if found is None:
            identical += 1
        elif first is None:
            first = found
    return Replay(run, compared, identical, first)


@dataclass(slots=True)
class _Again:
    """Decides again. `code`: digest, as it is now, of a strategy that is not built in. `kept`: the rows of
    bars that were written down by now, by series and open time.
    """

    run: Run
    strategy: Strategy
    code: object
    kept: dict[Series, dict[int, str]] = field(default_factory=dict)
    number: int = 0

    def compared(self, recorded: Recorded) -> Difference | None:
        told, before = recorded.payload, self.number
        self.number = told["number"]
        inputs = (
            [f"event {recorded.sequence} is not what its hash was made of"] if not recorded.intact else []
        )
        if self.number != before + 1:
            inputs.append(f"decision {before + 1} is missing")
        inputs += self._changed(told)
        again = self._decided(told, inputs)
        fields = tuple(_fields(told["decision"], again))
        if not inputs and not fields:
            return None
        return Difference(
            number=self.number,
            sequence=recorded.sequence,
            time_ms=recorded.time_ms,
            asked=told["asked"],
            bar_open_time_ms=told["decision"].get("bar_open_time_ms"),
            inputs=tuple(inputs),
            fields=fields,
        )

    def _changed(self, told: Mapping[str, Any]) -> Iterator[str]:
        for name, window in told["bars"].items():
            yield from self._take_in(series_of(name), name, window)
        digests, parameters = told["digests"], self.run.parameters
        if digest_of(parameters) != digests["parameters"]:
            yield "the parameters of the strategy are not those it decided with"
        if parameters.get(CODE) != self.code:
            yield "the code of the strategy is not that it decided with"
        if digest_of(told["standing"]) != digests["standing"]:
            yield "where we stood (position, entries, equity) is not what it was"
        # The first journals kept bars alone, which was all that strategies saw.
        if digest_of(told.get("observed")) != digests.get("observed", digest_of(None)):
            yield "what was observed beside bars (order book, tape, news) is not what it was"

    def _take_in(self, series: Series, name: str, window: Mapping[str, Any]) -> Iterator[str]:
        """Add the new bars of a window, and name those that were changed since they were written."""
        kept = self.kept.setdefault(series, {})
        named = False
        for text in window["new"]:
            row, is_whole = without_checksum(text)
            kept[time_of(row)] = row
            if not is_whole:
                named = True
                yield f"the {name} bar that opened {iso_utc(time_of(row))}: {_values(row)}"
        rows = self._rows(series, window)
        if not named and digest("\n".join(rows)) != window["digest"]:
            yield f"the {name} bars are not those it was decided on"

    def _rows(self, series: Series, window: Mapping[str, Any]) -> list[str]:
        first, last, kept = window["first_ms"], window["last_ms"], self.kept[series]
        if first is None:
            return []
        return [kept[time] for time in sorted(kept) if first <= time <= last]

    def _decided(self, told: Mapping[str, Any], inputs: list[str]) -> Mapping[str, Any]:
        try:
            series = {
                series_of(name): bars_of(self._rows(series_of(name), window), series_of(name).interval)
                for name, window in told["bars"].items()
            }
            standing = standing_of(told["standing"])
            view = with_observed(MarketView(self.run.traded, series), told.get("observed"))
            record: Mapping[str, Any] = decision_record(self.strategy.decide(view, standing))
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            inputs.append(f"they cannot be decided on: {error}")
            return {}
        return record


def _values(row: str) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(_COLUMNS[1:], row.split(",")[1:], strict=False))


def _fields(recorded: Mapping[str, Any], again: Mapping[str, Any]) -> Iterator[Field]:
    before, now = dict(_flat(recorded, "")), dict(_flat(again, ""))
    for name in (*before, *(each for each in now if each not in before)):
        was, is_now = before.get(name, "nothing"), now.get(name, "nothing")
        if was != is_now:
            yield Field(name, was, is_now)


def _flat(record: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield prefix + name, text
