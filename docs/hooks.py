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
LINK = re.compile(r"(?<=\]\()([^)#:\s]+)")
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
    here = page.file.src_uri
    linked = LINK.sub(lambda link: in_site(link[0], here), markdown)
    # In the code of a table GitHub wants a bar escaped, and Python-Markdown would show how.
    return indented(CODE.sub(lambda code: code[0].replace("\\|", "|"), linked))


def in_site(link: str, here: str) -> str:
    """Turn a link between files of the repository into one between pages of the site."""
    folder = posixpath.dirname(here if is_outside(here) else f"docs/{here}")
    target = posixpath.normpath(posixpath.join(folder, link)).removeprefix("docs/")
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
