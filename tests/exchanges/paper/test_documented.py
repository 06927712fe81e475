"""docs/paper.md lists everything that is served, and nothing else as served."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from exchanges.paper.dialects.binance.routes import LEGACY_ROUTES, ROUTES, SAPI_ROUTES
from exchanges.paper.dialects.binance.streams.names import feed_of
from exchanges.paper.dialects.binance.ws_methods import METHODS

PAGE = (Path(__file__).parents[3] / "docs/paper.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line[:1] == "|"
]
STREAMS = [name for row in ROWS for name in re.findall(r"`((?:<symbol>|!)[^`]*)`", row[0])]


def _listed(pattern: str, *, absent: bool) -> set[str]:
    chosen = [row for row in ROWS if row[-1].startswith("absent") is absent]
    return {name for row in chosen for cell in row[:-1] for name in re.findall(pattern, cell)}


def test_every_endpoint_is_listed_as_it_is() -> None:
    served = {f"{method} {path}" for method, path in (*ROUTES, *SAPI_ROUTES)}
    legacy = {f"{method} {path}" for method, path in LEGACY_ROUTES}
    endpoint = r"`((?:GET|POST|PUT|DELETE) /[^`]+)`"
    assert _listed(endpoint, absent=False) - legacy == served
    assert _listed(endpoint, absent=True) & served == set()


def test_every_method_is_listed_as_it_is() -> None:
    method = r"`([a-z][A-Za-z0-9]*(?:\.[A-Za-z0-9]+)*)`"
    listed = {
        name
        for row in ROWS
        if len(row) == 3 and row[-1][:6] != "absent"
        for name in re.findall(method, row[1])
    }
    assert listed == set(METHODS)


@pytest.mark.parametrize("stream", STREAMS)
def test_every_stream_is_listed_as_it_is(stream: str) -> None:
    (row,) = [row for row in ROWS if f"`{stream}`" in row[0]]
    name = stream.replace("<symbol>", "btcusdt").replace("<interval>", "1m")
    assert (feed_of(name) is None) is row[-1].startswith("silent")
