"""One run at a time, told apart by the command that a human typed."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from core.errors import ConfigError, Refused
from core.run_lock import only_run


def test_a_second_run_names_the_command_and_the_process_of_the_first(tmp_path: Path) -> None:
    with (
        only_run(tmp_path, "audit archive", "ARCHIVE_RUNNING"),
        pytest.raises(Refused, match=rf"`trader audit archive` is running on .* \(pid {os.getpid()}\)"),
        only_run(tmp_path, "audit archive", "ARCHIVE_RUNNING"),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["audit-archive.lock"]


def test_a_home_where_nothing_can_be_locked_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (
        pytest.raises(ConfigError, match=r"backup\.lock cannot be locked"),
        only_run(tmp_path, "backup", "X"),
    ):
        pass
