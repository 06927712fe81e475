"""Packages with a strategy, laid out as pip leaves them."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs/writing-a-strategy.md"


def documented_strategy() -> str:
    """Return the strategy of docs/writing-a-strategy.md."""
    found = re.search(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def install(folder: Path, name: str, code: str, attribute: str, entry_point: str | None = None) -> Path:
    """Lay out a package of one module whose entry point is a strategy; the folder belongs on the path."""
    info = folder / f"{name}-0.1.0.dist-info"
    info.mkdir(parents=True)
    (folder / f"{name}.py").write_text(code, encoding="utf-8")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(
        f"[trader.strategies]\n{entry_point or name} = {name}:{attribute}\n"
    )
    return folder
