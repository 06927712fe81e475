"""Where on this machine a key or its secret can be read: told as places, never as what stands there."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from core.settings import Credentials

HISTORIES: Final = (
    ".bash_history",
    ".zsh_history",
    ".sh_history",
    ".python_history",
    ".local/share/fish/fish_history",
)
ARMOR: Final = "-----"
NEEDLE_MIN: Final = 16
"""Shorter than any key of a venue: a test's toy key would be found everywhere."""
CHUNK: Final = 1 << 20
FILES_MAX: Final = 20_000
COMMITS: Final = 300
HISTORY_BYTES_MAX: Final = 64 << 20
GIT_S: Final = 5


def needles_of(key: Credentials) -> list[str]:
    """Return what gives a key away wherever it stands: its id, its secret, the lines of its private key."""
    needles = [each.reveal() for each in (key.api_key, key.api_secret) if each is not None]
    if key.private_key_path is not None:
        with suppress(OSError, UnicodeDecodeError):
            lines = key.private_key_path.read_text(encoding="ascii").splitlines()
            needles += [line.strip() for line in lines if not line.startswith(ARMOR)]
    return needles


def traces(needles: Sequence[str], home: Path, user: Path | None, cwd: Path) -> tuple[str, ...]:
    """Return where any of the needles stands: logs and reports of the home, shell histories of the user, and,
    when `cwd` is in a git checkout, its tracked files and newest commits. What cannot be read is left out.
    """
    wanted = [needle.encode() for needle in needles if len(needle) >= NEEDLE_MIN]
    if not wanted:
        return ()
    files = [*home.glob("*.log*"), *islice((home / "reports").rglob("*"), FILES_MAX)]
    if user is not None:
        files += [user / name for name in HISTORIES]
    top = _top_of_checkout(cwd)
    found = _places(files, wanted)
    if top is not None:
        found += _places([top / name for name in islice(_tracked(top), FILES_MAX)], wanted)
        found += [f"the git history of {top}"] if _in_history(top, wanted) else []
    return tuple(dict.fromkeys(found))


def _places(files: Iterable[Path], needles: Sequence[bytes]) -> list[str]:
    found = []
    for path in files:
        with suppress(OSError):
            if path.is_file():
                with path.open("rb") as stream:
                    line = _line_with(stream, needles)
                if line:
                    found.append(f"{path}:{line}")
    return found


def _line_with(stream: IO[bytes], needles: Sequence[bytes], most: int | None = None) -> int:
    """Return the number of the first line with a needle, 0 for none; a needle may lie across two chunks."""
    overlap, before, read, tail = max(map(len, needles)), 0, 0, b""
    while chunk := stream.read(CHUNK):
        text = tail + chunk
        hits = [at for needle in needles if (at := text.find(needle)) >= 0]
        if hits:
            return before + text.count(b"\n", 0, min(hits)) + 1
        tail = text[-overlap:]
        before += text.count(b"\n") - tail.count(b"\n")
        read += len(chunk)
        if most is not None and read >= most:
            break
    return 0


def _top_of_checkout(cwd: Path) -> Path | None:
    return next((folder for folder in (cwd, *cwd.parents) if (folder / ".git").exists()), None)


def _tracked(top: Path) -> Iterator[str]:
    with suppress(OSError, subprocess.SubprocessError):
        listed = subprocess.run(  # noqa: S603 - our own words; the needles are never arguments
            [*_git(top), "ls-files", "-z"], capture_output=True, check=True, timeout=GIT_S
        )
        yield from (name.decode(errors="surrogateescape") for name in listed.stdout.split(b"\0") if name)


def _in_history(top: Path, needles: Sequence[bytes]) -> bool:
    """Search the changes of the newest commits as git prints them: its own search would show the needles."""
    with suppress(OSError, subprocess.SubprocessError):
        command = [
            *_git(top),
            "log",
            "--patch",
            "--no-color",
            "--no-ext-diff",
            "--all",
            f"--max-count={COMMITS}",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as git:  # noqa: S603
            try:
                return git.stdout is not None and _line_with(git.stdout, needles, HISTORY_BYTES_MAX) > 0
            finally:
                git.kill()
    return False


def _git(top: Path) -> list[str]:
    return ["git", "-C", str(top), "-c", "core.fsmonitor=", "-c", "core.pager=cat"]
