"""The long proof: a thousand kills by default. Interrupted, it goes on where it was.

python -m tests.simulation.crash [--kills N] [--seed N] [--folder DIR]
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter
from pathlib import Path

from tests.simulation.crash.campaign import Tally, kills, run_victims, settled, site, suspension
from tests.simulation.crash.victim import STEPS

CHUNK = 50
"""Victims between two comparisons of the ledgers."""


def main() -> int:
    """Kill until enough were killed. Return 1 as soon as the ledgers differ, or when nothing was at stake."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(".prove-crash"))
    chosen = parser.parse_args()
    folder: Path = chosen.folder.resolve()
    tally = _resumed(folder)
    while tally.kills < chosen.kills:
        with site(folder) as place:
            sleeper = tuple(STEPS)[tally.victims // CHUNK % len(STEPS)]
            run_victims(place, [suspension(sleeper)], tally)
            run_victims(place, kills(chosen.seed, tally.victims, CHUNK), tally)
            left = settled(place)
        (folder / "tally.json").write_text(json.dumps(vars(tally)))
        print(f"{tally.kills} killed, {tally.in_window} orders in the window", flush=True)
        if left:
            print("\n".join(left))
            print(f"the files are in {folder}; again: --seed {chosen.seed} --kills {tally.kills}")
            return 1
    _show(tally)
    shutil.rmtree(folder)
    return 0 if tally.in_window else 1


def _resumed(folder: Path) -> Tally:
    kept = folder / "tally.json"
    if not kept.exists():
        shutil.rmtree(folder, ignore_errors=True)
        return Tally()
    told = json.loads(kept.read_text())
    return Tally(told["victims"], Counter(told["ended"]), Counter(told["window"]))


def _show(tally: Tally) -> None:
    print(f"{tally.victims} commands: " + ", ".join(f"{n} {how}" for how, n in tally.ended.most_common()))
    for step, orders in sorted(tally.window.items()):
        print(f"{orders:6} orders in the window, killed at: {step}")
    print(f"{tally.in_window:6} in all; 0 lost, 0 doubled, both ledgers agree, the journal verifies")


if __name__ == "__main__":
    sys.exit(main())
