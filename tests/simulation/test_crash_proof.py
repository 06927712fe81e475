"""Commands killed and suspended at every step of the submit path, and at random instants; then settled."""

from __future__ import annotations

from pathlib import Path

from tests.simulation.crash.campaign import Tally, kills, run_victims, settled, site, suspension
from tests.simulation.crash.ledgers import rows
from tests.simulation.crash.victim import STEPS

VICTIMS, VICTIMS_MAX = 24, 240
"""So many are killed at a time, until a kill in every window has left an order in it."""
SLEEPS = ("approved", "intent on disk", "signed")
WINDOW = STEPS.keys() - {"approved", "intent half written", "outcome on disk"}


def test_kills_lose_no_order_and_double_none(tmp_path: Path) -> None:
    tally = Tally()
    with site(tmp_path / "site") as place:
        while tally.victims < VICTIMS_MAX and not hit(tally) >= WINDOW:
            run_victims(place, kills(1, tally.victims, VICTIMS), tally)
        assert settled(place) == []
    assert tally.kills >= 0.8 * tally.victims, tally
    assert hit(tally) >= WINDOW, tally


def hit(tally: Tally) -> set[str]:
    return {step for step, orders in tally.window.items() if orders}


def test_what_slept_beyond_its_recv_window_is_abandoned_or_refused(tmp_path: Path) -> None:
    tally = Tally()
    with site(tmp_path / "site") as place:
        run_victims(place, map(suspension, SLEEPS), tally)
        assert settled(place) == []
        by_status = "SELECT status, count(*) FROM orders WHERE dry_run = 0 GROUP BY status"
        ended = dict(rows(place.home, by_status))
    # Asleep before the last look: provably unsent. After it: the venue refused what came too late.
    assert (ended["ABANDONED"], ended["NEVER_ACCEPTED"]) == (2, 1), (ended, tally)
