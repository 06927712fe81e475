"""The import arrows: cli -> core <- exchanges, and what only one module may touch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import COMMANDS
from cli.registry import Entry, Section

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = ("cli", "core", "exchanges")
WIRING = {"cli.wiring", "cli.paper_wiring", "cli.paper_key_wiring", "cli.paper_account_wiring"}
VENUE_REGISTRY = "exchanges.registry"
RANDOMNESS = {"random", "secrets", "uuid", "numpy.random"}
READS_CLOCK_OR_RANDOMNESS = {"core.clock", "core.ids"}
CLOCK_CALLS = {"now", "utcnow", "today", "urandom", "default_rng", "time", "time_ns", "clock_gettime_ns"}
CLOCK_CALLS |= {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "localtime", "gmtime"}
LOOP_TIMERS = ("loop", "asyncio.get_running_loop()")
"""The event loop's timer: connections of the paper exchange are kept by it, and nothing that is traded."""
SLOW_TO_IMPORT = {"pydantic", "rich", "numpy", "aiohttp", "binance", "tabulate", "cryptography"}


def module_name(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {
    module_name(path): ast.parse(path.read_text(encoding="utf-8"))
    for package in PACKAGES
    for path in sorted((REPOSITORY / package).rglob("*.py"))
}


def imports(tree: ast.Module) -> Iterator[str]:
    """Yield every imported module, wherever the import stands; `from a import b` gives `a` and `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def test_the_sources_are_found() -> None:
    assert {"cli.main", "core.values", "exchanges.registry"} <= set(SOURCES)


@pytest.mark.parametrize("module", [name for name in SOURCES if is_in(name, "core")])
def test_core_imports_none_of_its_neighbors(module: str) -> None:
    foreign = [
        name for name in imports(SOURCES[module]) if name.split(".")[0] in ("cli", "exchanges", "gateway")
    ]
    assert foreign == []


@pytest.mark.parametrize("module", [name for name in SOURCES if is_in(name, "exchanges")])
def test_exchanges_import_core_and_never_one_another(module: str) -> None:
    own = ".".join(module.split(".")[:2])
    foreign = [
        name
        for name in imports(SOURCES[module])
        if is_in(name, "cli") or is_in(name, "gateway") or (is_in(name, "exchanges") and not is_in(name, own))
    ]
    assert module == VENUE_REGISTRY or [name for name in foreign if name != "exchanges"] == []


@pytest.mark.parametrize("module", [name for name in SOURCES if is_in(name, "exchanges.paper")])
def test_the_paper_exchange_shares_no_code_with_venue_clients(module: str) -> None:
    shared = [
        name for name in imports(SOURCES[module]) if is_in(name, "core.instrument") or is_in(name, "binance")
    ]
    assert shared == []


@pytest.mark.parametrize("module", [name for name in SOURCES if is_in(name, "cli")])
def test_only_wiring_imports_exchanges(module: str) -> None:
    reached = [name for name in imports(SOURCES[module]) if is_in(name, "exchanges")]
    assert module in WIRING or reached == []


@pytest.mark.parametrize("module", SOURCES)
def test_only_clock_and_ids_read_clocks_and_randomness(module: str) -> None:
    tree = SOURCES[module]
    found = sorted(RANDOMNESS & set(imports(tree)))
    found += [name for name in imports(tree) if name.startswith("time.") and name != "time.sleep"]
    found += [
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCK_CALLS
        and not (is_in(module, "exchanges.paper") and ast.unparse(node.func.value) in LOOP_TIMERS)
    ]
    assert module in READS_CLOCK_OR_RANDOMNESS or found == []


@pytest.mark.parametrize("module", SOURCES)
def test_the_environment_is_read_in_one_place(module: str) -> None:
    reads = [
        node.attr
        for node in ast.walk(SOURCES[module])
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "getenv")
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    ]
    assert module == "cli.main" or reads == []


def command_modules() -> list[str]:
    entries = [entry for d in COMMANDS for entry in (d.entries if isinstance(d, Section) else (d,))]
    return sorted({entry.target.partition(":")[0] for entry in entries if isinstance(entry, Entry)})


@pytest.mark.parametrize("module", ["cli.main", *command_modules()])
def test_help_waits_for_nothing_slow(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    assert set(loaded.stdout.split()) & SLOW_TO_IMPORT == set()
    assert module != "cli.main" or "asyncio" not in loaded.stdout.split()


def test_only_the_journal_mints_a_permission_to_send() -> None:
    """Whoever could make a second one could send an intent twice."""
    minting = {
        str(path.relative_to(REPOSITORY))
        for package in ("cli", "core", "exchanges")
        for path in (REPOSITORY / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and "SendOnce" in ast.unparse(node.func)
    }
    assert minting == {"core/journal/recording.py", "core/journal/emergency.py"}
