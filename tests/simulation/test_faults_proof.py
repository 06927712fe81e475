"""Some orders under the mix of faults, by senders in turns; `make prove-faults` is the long one."""

from __future__ import annotations

from pathlib import Path

from tests.simulation.faults.campaign import run, site
from tests.simulation.faults.mix import mix
from tests.simulation.faults.sender import SYMBOLS

ORDERS = 80
COMMON = {"error", "half", "html", "lag", "partial"}
"""Hit in any run this short."""


def test_no_order_is_lost_or_doubled_under_a_mix_of_faults(tmp_path: Path) -> None:
    with site(tmp_path / "site") as at:
        outcome = run(at, mix(seed=1, rate=1.5), ORDERS)
    assert not outcome.left, (outcome.left, f"replay: {outcome.replay}")
    assert outcome.orders >= ORDERS
    assert outcome.by_symbol.keys() == set(SYMBOLS)
    hit = {kind for kind, count in outcome.hits.items() if count}
    assert hit >= COMMON, f"never hit: {sorted(COMMON - hit)}; replay: {outcome.replay}"
