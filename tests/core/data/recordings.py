"""Recorded files as others write them, small enough to be read by eye."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import feather

START_MS = 1_704_067_200_000
"""2024-01-01 00:00 UTC, a Monday."""
MINUTE_MS = 60_000


def kline(index: int, *, minutes: int = 1, unit: int = 1, price: int = 40_000, volume: str = "1.5") -> str:
    """Return a bar as Binance writes it; `unit` 1000: in microseconds."""
    opened = START_MS + index * minutes * MINUTE_MS
    closed = (opened + minutes * MINUTE_MS) * unit - 1
    prices = f"{price}.10000000,{price + 2}.00000000,{price - 1}.00000000,{price + 1}.00000000"
    return f"{opened * unit},{prices},{volume},{closed},60000.15,12,0.5,20000.05,0"


def klines(count: int, **change: int) -> list[str]:
    return [kline(index, **change) for index in range(count)]


def write(path: Path, lines: Sequence[str]) -> Path:
    """Write lines as the name's ending asks for."""
    text = "".join(f"{line}\n" for line in lines).encode()
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{path.stem}.csv", text)
    else:
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def write_checksum(path: Path, digest: str | None = None) -> Path:
    beside = path.with_name(f"{path.name}.CHECKSUM")
    beside.write_text(f"{digest or hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    return beside


def write_feather(path: Path, count: int, minutes: int = 5, compression: str = "lz4") -> Path:
    """Write bars as freqtrade does: times in UTC, all else as floats, one of them with noise."""
    times = START_MS + minutes * MINUTE_MS * np.arange(count)
    columns = {"open": 0.09946999000000001, "high": 0.0998, "low": 0.099, "close": 0.0995, "volume": 12.5}
    table = pa.table(
        {
            "date": pa.array(times, pa.timestamp("ms", tz="UTC")),
            **{name: pa.array([value] * count, pa.float64()) for name, value in columns.items()},
        }
    )
    feather.write_feather(table, str(path), compression=compression)
    return path
