"""The long proof: ten thousand orders by default. Interrupted, it goes on where it was.

python -m tests.simulation.faults [--orders N] [--seed N] [--folder DIR]
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter
from pathlib import Path

from tests.simulation.faults.campaign import Outcome, run, site
from tests.simulation.faults.mix import LEFT_OUT, mix

CHUNK = 500
"""Orders between two comparisons of the ledgers; every chunk has a seed of its own."""


def main() -> int:
    """Trade until there are enough orders. Return 1 when the ledgers differ, or a kind of fault never hit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(".prove-faults"))
    chosen = parser.parse_args()
    folder: Path = chosen.folder.resolve()
    kept = folder / "tally.json"
    if not kept.exists():
        shutil.rmtree(folder, ignore_errors=True)
    told = json.loads(kept.read_text()) if kept.exists() else {"orders": 0, "hits": {}, "seen": {}}
    hits, seen = Counter[str](told["hits"]), Counter[str](told["seen"])
    orders = told["orders"]
    with site(folder) as at:
        while True:
            seed = chosen.seed + orders // CHUNK
            outcome = run(at, mix(seed), min(orders + CHUNK, chosen.orders))
            orders = outcome.orders
            hits, seen = hits + outcome.hits, seen + outcome.seen
            print(f"{orders} orders, seed {seed}: {len(outcome.left)} differences", flush=True)
            if outcome.left:
                print("\n".join(outcome.left))
                print(f"the files are in {folder}; replay: {outcome.replay}")
                return 1
            kept.write_text(json.dumps({"orders": orders, "hits": hits, "seen": seen}))
            if orders >= chosen.orders:
                break
    never = sorted(kind for kind in outcome.hits if not hits[kind])
    _show(outcome, hits, seen, never)
    if not never:
        shutil.rmtree(folder)
    return 1 if never else 0


def _show(outcome: Outcome, hits: Counter[str], seen: Counter[str], never: list[str]) -> None:
    _table("orders by symbol", outcome.by_symbol)
    _table("orders by how they ended", outcome.statuses)
    _table("requests hit by faults", hits)
    _table("what the senders met", seen)
    print(f"{outcome.orders:8} orders; {seen['quarantines']} quarantines; 0 unsettled, 0 lost, 0 doubled")
    print("         fills and balances agree with the exchange's per symbol and asset; the journal verifies")
    for kind, why in LEFT_OUT.items():
        print(f"         left out: {kind}: {why}")
    for kind in never:
        print(f"FAILED: {kind} never hit a request")


def _table(title: str, counts: dict[str, int]) -> None:
    print(f"\n{title}")
    for name, count in sorted(counts.items(), key=lambda each: -each[1]):
        print(f"{count:8} {name}")


if __name__ == "__main__":
    sys.exit(main())
