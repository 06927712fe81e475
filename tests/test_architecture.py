"""The import arrows: cli -> core <- exchanges, and what only one module may touch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from cli.catalog import COMMANDS
from cli.registry import Entry, Section

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = ("cli", "core", "exchanges")
WIRING = {"cli.wiring", "cli.paper_wiring", "cli.paper_key_wiring", "cli.paper_account_wiring"}
WIRING |= {"cli.drill_staging"}
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
    module_name(path): path for package in PACKAGES for path in sorted((REPOSITORY / package).rglob("*.py"))
}
Rule = Callable[[str, ast.Module], object]
"""What in a module breaks the rule; nothing when it keeps it."""


@cache
def parsed(module: str) -> ast.Module:
    return ast.parse(SOURCES[module].read_text(encoding="utf-8"))


def broken(rule: Rule, package: str = "") -> dict[str, object]:
    """Return what breaks a rule, by module of a package."""
    found = {
        module: rule(module, parsed(module)) for module in SOURCES if not package or is_in(module, package)
    }
    assert found
    return {module: what for module, what in found.items() if what}


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


def test_core_imports_none_of_its_neighbors() -> None:
    def foreign(_: str, tree: ast.Module) -> list[str]:
        return [name for name in imports(tree) if name.split(".")[0] in ("cli", "exchanges", "gateway")]

    assert broken(foreign, "core") == {}


def test_exchanges_import_core_and_never_one_another() -> None:
    def foreign(module: str, tree: ast.Module) -> list[str]:
        own = ".".join(module.split(".")[:2])
        return [
            name
            for name in imports(tree)
            if is_in(name, "cli")
            or is_in(name, "gateway")
            or (is_in(name, "exchanges") and not is_in(name, own) and name != "exchanges")
        ]

    assert broken(foreign, "exchanges") == {}


def test_the_paper_exchange_shares_no_code_with_venue_clients() -> None:
    def shared(_: str, tree: ast.Module) -> list[str]:
        return [name for name in imports(tree) if is_in(name, "core.instrument") or is_in(name, "binance")]

    assert broken(shared, "exchanges.paper") == {}


def test_only_wiring_imports_exchanges() -> None:
    def reached(_: str, tree: ast.Module) -> list[str]:
        return [name for name in imports(tree) if is_in(name, "exchanges")]

    assert set(broken(reached, "cli")) == WIRING


def test_only_clock_and_ids_read_clocks_and_randomness() -> None:
    def reads(module: str, tree: ast.Module) -> list[str]:
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
        return found

    assert set(broken(reads)) == READS_CLOCK_OR_RANDOMNESS


def test_the_environment_is_read_in_one_place() -> None:
    def reads(_: str, tree: ast.Module) -> list[str]:
        return [
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and node.attr in ("environ", "getenv")
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
        ]

    assert set(broken(reads)) == {"cli.main"}


def command_modules() -> list[str]:
    entries = [entry for d in COMMANDS for entry in (d.entries if isinstance(d, Section) else (d,))]
    return sorted({entry.target.partition(":")[0] for entry in entries if isinstance(entry, Entry)})


@pytest.mark.parametrize("modules", [["cli.main"], command_modules()], ids=["the program", "its commands"])
def test_help_waits_for_nothing_slow(modules: list[str]) -> None:
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, check=True, capture_output=True, text=True
    ).stdout.split()
    assert set(loaded) & SLOW_TO_IMPORT == set()
    assert modules != ["cli.main"] or "asyncio" not in loaded


def test_only_the_journal_mints_a_permission_to_send() -> None:
    """Whoever could make a second one could send an intent twice."""

    def mints(_: str, tree: ast.Module) -> bool:
        return any(
            "SendOnce" in getattr(part, "id", getattr(part, "attr", ""))
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            for part in ast.walk(node.func)
        )

    assert set(broken(mints)) == {"core.journal.recording", "core.journal.emergency"}
