"""What evidence is about: the risk settings and the code, each as one SHA-256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

from core.settings import Settings, describe_settings
from core.values import Base, Quote, decimal_text

PACKAGES = ("cli", "core", "exchanges")
LOCK = "requirements.lock"
INSTALLED_ROOT = Path(__file__).resolve().parent.parent


def risk_digest(settings: Settings, strategy_parameters: Mapping[str, object]) -> str:
    """Return the digest of risk, gate and strategy settings: evidence counts only for the same ones.

    Keys, environment, venue, dry-run, home and CONFIRM_LIVE are left out: they differ between the stages.
    """
    risk = {
        described.name: getattr(settings, described.attribute)
        for described in describe_settings()
        if described.risk
    }
    document = {"settings": risk, "strategy": dict(strategy_parameters)}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=_plain, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, Base | Quote):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no canonical text")


def code_digest(root: Path = INSTALLED_ROOT) -> str:
    """Return the digest of the installed sources and of the lock of their dependencies.

    The lock is beside the packages in a checkout, and in `core/` of an installed wheel; where there is none,
    the digest says so by differing.
    """
    digest = hashlib.sha256()
    for path in (*_sources(root), *_locks(root)):
        name = LOCK if path.name == LOCK else path.relative_to(root).as_posix()
        content = path.read_bytes()
        # Lengths keep one file's end from being read as another's beginning.
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    found = (path for package in PACKAGES for path in (root / package).rglob("*.py"))
    yield from sorted(found, key=lambda path: path.relative_to(root).as_posix())


def _locks(root: Path) -> Iterator[Path]:
    yield from [path for path in (root / LOCK, root / "core" / LOCK) if path.is_file()][:1]
