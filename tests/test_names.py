"""What pages, docstrings and comments name in backticks is there: files, modules, what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PLACES = ("benchmarks", "cli", "container", "core", "docs", "exchanges", "runbooks", "tests")
A_PATH = re.compile(rf"`((?:{'|'.join(PLACES)})/[\w./-]*)`")
A_MODULE = re.compile(r"`((?:cli|core|exchanges|tests)(?:\.\w+)+)`")


def texts() -> Iterator[tuple[Path, str]]:
    """Yield every page and every source with its text."""
    places = [REPOSITORY.glob("*.md")]
    places += [(REPOSITORY / place).rglob(files) for place in PLACES for files in ("*.md", "*.py")]
    for place in places:
        for path in place:
            yield path.relative_to(REPOSITORY), path.read_text(encoding="utf-8")


def is_known(dotted: str) -> bool:
    """Tell whether a dotted name is a package, a module, or something that one of them mentions."""
    if (REPOSITORY / dotted.replace(".", "/")).is_dir():
        return True
    path, _, name = dotted.rpartition(".")
    folder = REPOSITORY / path.replace(".", "/")
    if (folder / f"{name}.py").is_file():
        return True
    files = (folder.with_suffix(".py"), folder / "__init__.py")
    return any(
        re.search(rf"\b{name}\b", file.read_text(encoding="utf-8")) for file in files if file.is_file()
    )


def test_files_that_are_named_exist() -> None:
    named = ((where, name) for where, text in texts() for name in A_PATH.findall(text) if "NAME" not in name)
    assert [f"{where}: {name}" for where, name in named if not (REPOSITORY / name).exists()] == []


def test_modules_that_are_named_exist_and_have_what_is_named() -> None:
    named = ((where, name) for where, text in texts() for name in A_MODULE.findall(text))
    assert [f"{where}: {name}" for where, name in named if not is_known(name)] == []
