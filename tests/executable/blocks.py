"""Code blocks that are no conversation: read by what reads their language."""

from __future__ import annotations

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from core.config import load_settings
from core.settings_file import FILE_NAME
from tests.executable.pages import Block
from tests.test_runbook_pages import commands_of, parse

_CRON_LINE = re.compile(r"(?:[-*/,0-9]+ +){5}(\S.*)")

_PROGRAM = re.compile(r"(?<=\s)/\S*/trader |\A/\S*/trader ")


def read_json(block: Block) -> None:
    json.loads(block.text)


def read_toml(block: Block) -> None:
    tomllib.loads(block.text)


def read_ini(block: Block) -> None:
    """Read a unit of systemd: a name may be set several times."""
    units = configparser.ConfigParser(strict=False, interpolation=None)
    units.read_string(block.text)
    assert units.sections()


def read_python(block: Block) -> None:
    compile(block.text, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def read_crontab(block: Block) -> None:
    """Read lines of a crontab: five times and a command, which `trader` takes."""
    for line in block.lines:
        entry = _CRON_LINE.fullmatch(line)
        assert entry, f"not a line of a crontab: {line}"
        commands = commands_of(_PROGRAM.sub("trader ", entry[1]))
        assert commands, f"no command of trader in {line}"
        for arguments in commands:
            parse(arguments)


def read_dotenv(block: Block) -> None:
    """Read a settings file as the program does: a name or value that it does not know is an error."""
    with TemporaryDirectory() as folder:
        file = Path(folder, FILE_NAME)
        file.touch(mode=0o600)
        file.write_text(block.text, encoding="utf-8")
        settings = load_settings({"HOME": folder}, Path(folder))
    assert not settings.findings


def read_text(block: Block) -> None:
    assert block.lines


READ_AS: dict[str, Callable[[Block], None]] = {
    "json": read_json,
    "toml": read_toml,
    "ini": read_ini,
    "python": read_python,
    "crontab": read_crontab,
    "dotenv": read_dotenv,
    "text": read_text,
}
