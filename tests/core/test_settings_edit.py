"""Settings are changed in their file without touching the rest of it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from core.settings_edit import edit_settings_file, edited
from core.settings_file import read_settings_file

FILE = """\
# Keys. Keep this file to yourself.

export BINANCE_API_KEY = 'old'   # made in March
BINANCE_SYMBOL=BTCUSDT # the one we trade

# the end
"""


@pytest.mark.parametrize(
    ("text", "changes", "expected"),
    [
        (FILE, {"BINANCE_API_KEY": "new"}, FILE.replace("'old'", "new")),
        (FILE, {"BINANCE_SYMBOL": None}, FILE.replace("BINANCE_SYMBOL=BTCUSDT # the one we trade\n", "")),
        (
            FILE,
            {"BINANCE_API_KEY": "new", "BINANCE_API_SECRET": "s"},
            FILE.replace("'old'   # made in March\n", "new   # made in March\nBINANCE_API_SECRET=s\n"),
        ),
        ("A=1\r\nB=2\r\n", {"A": "3", "C": "4"}, "A=3\r\nC=4\r\nB=2\r\n"),
        ("A=1", {"B": "2"}, "A=1\nB=2\n"),
        ("", {"B": "2"}, "B=2\n"),
        ('A="x # y" # z\n', {"A": "a b"}, "A='a b' # z\n"),
        ("A=\nB=2\n", {"A": "it's #1"}, "A='it\\'s #1'\nB=2\n"),
    ],
)
def test_only_what_is_to_change_changes(text: str, changes: dict[str, str | None], expected: str) -> None:
    assert edited(text, changes) == expected


VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)


@given(
    kept=st.lists(st.sampled_from(["# note", "", "X=1", "  Y = 'a # b' # c", "export Z=2"]), unique=True),
    old=st.sampled_from(["old", "'old'", '"old"', "old # note", ""]),
    new=VALUE,
)
def test_every_value_comes_back_and_every_other_line_stays(kept: list[str], old: str, new: str) -> None:
    text = "\n".join([*kept, f"KEY={old}", *reversed(kept)][: len(kept) + 1]) + "\n"
    result = edited(text, {"KEY": new})
    assert [line for line in result.split("\n") if not line.startswith("KEY")] == [
        line for line in text.split("\n") if not line.startswith("KEY")
    ]
    assert edited(result, {"KEY": new}) == result


def test_the_file_is_replaced_for_its_owner_only_and_a_link_stays(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / ".env"
    real.write_text(FILE)
    real.chmod(0o644)
    link.symlink_to(real)
    edit_settings_file(link, {"BINANCE_API_KEY": "new"})
    assert link.is_symlink()
    assert read_settings_file(link).values["BINANCE_API_KEY"] == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == [".env", "real"]


def test_what_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"A=1\n# \xff\n")
    with pytest.raises(ConfigError, match=r"cannot be changed: .*invalid start byte") as caught:
        edit_settings_file(file, {"A": "2"})
    assert caught.value.code == "FILE_UNWRITABLE"
    assert file.read_bytes() == b"A=1\n# \xff\n"
    with pytest.raises(ConfigError, match="No such file"):
        edit_settings_file(tmp_path / "absent", {})


def test_a_byte_order_mark_hides_no_setting(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"\xef\xbb\xbfA=1\n")
    edit_settings_file(file, {"A": "2"})
    assert file.read_text() == "A=2\n"
