"""The picture in the README shows what the golden conversation says, and needs nothing from elsewhere."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from tests.conftest import REPOSITORY
from tests.picture import CONVERSATION, PICTURE, SCENES, picture

BYTES_MAX = 60_000
NAMESPACE = "{http://www.w3.org/2000/svg}"


def test_the_picture_is_current() -> None:
    made = picture(CONVERSATION.read_text(encoding="utf-8"))
    assert PICTURE.read_text(encoding="utf-8") == made, "make picture"


def test_the_picture_needs_nothing_else() -> None:
    text = PICTURE.read_text(encoding="utf-8")
    assert len(text.encode()) < BYTES_MAX
    drawn = ElementTree.fromstring(text)
    assert {each.tag.removeprefix(NAMESPACE) for each in drawn.iter()} == {
        "svg", "title", "style", "rect", "g", "text", "tspan",
    }  # fmt: skip
    assert not re.search(r"href|url\(|@import|http(?!://www\.w3\.org/2000/svg)", text)


def test_every_line_of_it_was_printed() -> None:
    said = " ".join(CONVERSATION.read_text(encoding="utf-8").split())
    scenes = ElementTree.parse(PICTURE).findall(f"{NAMESPACE}g")
    assert len(scenes) == len(SCENES)
    for scene in scenes:
        for drawn in scene.findall(f"{NAMESPACE}text")[2:]:
            line = "".join(drawn.itertext())
            if not line.startswith("⋮"):
                assert all(word in said for word in line.rstrip("…").split()), line


def test_the_readme_shows_it() -> None:
    assert PICTURE.relative_to(REPOSITORY).as_posix() in (REPOSITORY / "README.md").read_text(
        encoding="utf-8"
    )
