"""What the site takes from outside docs/: runbooks and changelog, which stay where the program reads them.

Links are written as they work in the repository. Here, what is below docs/ moves up to the root.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

REPOSITORY = Path(__file__).resolve().parent.parent
OUTSIDE = ("runbooks", "CHANGELOG.md")
BLOCK = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)#\s]+)")
MENTION = re.compile(r"(?<!\]\()(?<![\[\w/])(`?)((?:docs|runbooks)/([a-z-]+)\.md)\1(?!\])")
CODE = re.compile(r"`[^`\n]+`")
STEP = re.compile(r"\d+\. ")


def on_config(config: Any) -> Any:
    """List the pages of the commands, which nobody should have to add by hand."""
    (runbooks,) = (section["Runbooks"] for section in config.nav if "Runbooks" in section)
    named = re.findall(r"runbooks/([a-z-]+)\.md", str(runbooks))
    others = sorted(page.stem for page in (REPOSITORY / "runbooks").glob("*.md") if page.stem not in named)
    (commands,) = (item for item in runbooks if "Commands" in item)
    commands["Commands"] = [{f"trader {name}": f"runbooks/{name}.md"} for name in others]
    return config


def on_files(files: Files, config: Any) -> Files:
    for page in (*sorted((REPOSITORY / "runbooks").glob("*.md")), REPOSITORY / "CHANGELOG.md"):
        name = page.relative_to(REPOSITORY).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(page)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    pieces = BLOCK.split(markdown)
    pieces[::2] = [in_words_of_the_site(prose, page.file.src_uri) for prose in pieces[::2]]
    return indented("".join(pieces))


def in_words_of_the_site(prose: str, here: str) -> str:
    """Turn links and mentions of files into links between pages."""
    folder = posixpath.dirname(here if is_outside(here) else f"docs/{here}")
    linked = LINK.sub(lambda link: from_page(here, posixpath.join(folder, link[0])), prose)
    linked = MENTION.sub(lambda file: f"[{file[3]}]({from_page(here, file[2])})", linked)
    # In the code of a table GitHub wants a bar escaped, and Python-Markdown would show how.
    return CODE.sub(lambda code: code[0].replace("\\|", "|"), linked)


def from_page(here: str, file: str) -> str:
    """Return the way from a page of the site to what a file of the repository became."""
    target = posixpath.normpath(file).removeprefix("docs/")
    return posixpath.relpath(target, posixpath.dirname(here) or ".")


def is_outside(name: str) -> bool:
    return name.split("/")[0] in OUTSIDE


def indented(markdown: str) -> str:
    """Indent what belongs to a step by four: with less, which CommonMark allows, Python-Markdown ends it."""
    lines, missing = [], 0
    for line in markdown.splitlines():
        if step := STEP.match(line):
            missing = max(0, 4 - len(step[0]))
        elif line and not line.startswith(" "):
            missing = 0
        lines.append(" " * missing + line if line.startswith(" ") else line)
    return "\n".join(lines)
