"""Where an archive is kept: a folder, or any URL that fsspec knows (an optional extra)."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from core.errors import ConfigError
from core.new_files import new_file

_URL = re.compile(r"[a-z][a-z0-9+.-]+(::|://)", re.IGNORECASE)
_LOGIN = re.compile(r"//[^/\s]*@")


def without_login(text: object) -> str:
    """Return what may be shown: file systems behind URLs put the whole URL into their errors."""
    return _LOGIN.sub("//", str(text))


class Place(Protocol):
    """A folder of files that are written once."""

    @property
    def name(self) -> str:
        """How to call it, without any login."""
        ...

    def names(self) -> list[str]:
        """Return the names of the files in it, sorted; none when it does not exist yet. Raises OSError."""
        ...

    def writing(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Give a new file to write; nothing in the way is overwritten. Raises ConfigError, OSError."""
        ...

    def reading(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Give a file to read. Raises OSError."""
        ...


class Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        return str(self._path)

    def names(self) -> list[str]:
        return sorted(path.name for path in self._path.iterdir()) if self._path.exists() else []

    def writing(self, name: str) -> AbstractContextManager[BinaryIO]:
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return new_file(self._path / name)

    def reading(self, name: str) -> AbstractContextManager[BinaryIO]:
        return (self._path / name).open("rb")


class Remote:
    """A folder behind fsspec. What is half written there has no manifest, and so counts for nothing."""

    def __init__(self, url: str) -> None:
        try:
            fsspec: Any = import_module("fsspec")
        except ImportError:
            raise ConfigError(
                f"{without_login(url)} needs the optional extra `archive`",
                code="EXTRA_MISSING",
                hint="pip install 'trader[archive]', and fsspec's package for this kind of URL",
            ) from None
        self.name = without_login(url)
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ConfigError(
                f"{self.name} cannot be used: {without_login(error)}", code="EXTRA_MISSING"
            ) from None

    def names(self) -> list[str]:
        self._files.invalidate_cache()
        if not self._files.exists(self._root):
            return []
        return sorted(
            str(path).rstrip("/").rpartition("/")[2] for path in self._files.ls(self._root, detail=False)
        )

    def writing(self, name: str) -> AbstractContextManager[BinaryIO]:
        self._files.makedirs(self._root, exist_ok=True)
        return cast("AbstractContextManager[BinaryIO]", self._files.open(self._at(name), "wb"))

    def reading(self, name: str) -> AbstractContextManager[BinaryIO]:
        return cast("AbstractContextManager[BinaryIO]", self._files.open(self._at(name), "rb"))

    def _at(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"


def place_of(text: str, cwd: Path) -> Place:
    """Return the place that a command line names. Raises ConfigError EXTRA_MISSING."""
    return Remote(text) if _URL.match(text) else Folder(cwd / text)
