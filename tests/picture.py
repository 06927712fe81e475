"""The picture in the README: scenes of the golden newcomer's hour, as an SVG that needs nothing else.

`make picture` writes it. No script, no font and no address from elsewhere; what moves is CSS, and stands
still for those who asked for that, and where nothing moves. Lines that are left out are counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from textwrap import wrap

from tests.cli.conversation import REPOSITORY
from tests.cli.terminal_conversation import Turn, turns_of

CONVERSATION = REPOSITORY / "tests/cli/golden/newcomer.txt"
PICTURE = REPOSITORY / "docs/images/first-hour.svg"

COLUMNS, ROWS, SCENE_S = 66, 17, 6
COLUMN, ROW, TOP, LEFT = 8.4, 21, 62, 18
"""Sizes in user units: of a letter and a line, and where the first begins."""
INDENT = " " * 11
WIDTH, HEIGHT = round(2 * LEFT + COLUMNS * COLUMN), TOP + ROWS * ROW

GATE = re.compile(r"(?P<mark>[✓✗?]) +(?P<name>\S+) +(?:pass|fail|unavailable) +(?P<detail>.*)")
HEAD = re.compile(r"venue \S+, environment|    gate ")
WAY_OUT = re.compile(r" +→ ")
COLORS = (
    (re.compile(r"\$ |drill> "), "typed"),
    (re.compile(r"✗|error\["), "bad"),
    (re.compile(r"→|next:|hint:"), "way"),
    (re.compile(r"\?|⋮"), "dim"),
)


@dataclass(frozen=True)
class Scene:
    """A command of the conversation, the first that begins so; `shown`: which of the lines it answered."""

    title: str
    command: str
    shown: re.Pattern[str]
    is_still: bool = False


SCENES = (
    Scene(
        "look whether all is well",
        "trader check",
        re.compile(r"(?!.*(this venue does not tell|asked of a live key))"),
    ),
    Scene("a dry run", "trader stage 0", re.compile(r"[✓n]")),
    Scene("real orders, toy money", "BINANCE_DRY_RUN=false trader stage 1", re.compile(r"[✓n]")),
    Scene(
        "live is refused, gate by gate",
        "BINANCE_USE_TESTNET=false BINANCE_DRY_RUN=false trader stage 2",
        re.compile(r"[✗eh]|.*(→|settings|environment|stage-0)"),
        is_still=True,
    ),
    Scene("an incident, against the clock", "trader drill halt", re.compile(r"[✗✓]|DRILL|drill>")),
    Scene("the books agree", "trader reconcile", re.compile(r"✓|compared|symbols|looked at|account")),
)

STYLE = f"""\
text {{ font: 14px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #d6dde6 }}
.typed {{ fill: #ffffff; font-weight: 600 }}
.good {{ fill: #5fd38a }}
.bad {{ fill: #ff8177 }}
.way {{ fill: #ffd166 }}
.dim {{ fill: #9aa7b5 }}
.scene {{ opacity: 0; animation: show {len(SCENES) * SCENE_S}s infinite }}
.still {{ opacity: 1 }}
@keyframes show {{
  0%, {100 / len(SCENES) - 1:.2f}% {{ opacity: 1 }}
  {100 / len(SCENES):.2f}%, 99% {{ opacity: 0 }}
}}
@media (prefers-reduced-motion: reduce) {{ .scene {{ animation: none }} }}"""


def picture(conversation: str) -> str:
    """Return the SVG of a golden conversation."""
    turns = list(turns_of(conversation))
    scenes = [_scene(number, scene, _turn(scene, turns)) for number, scene in enumerate(SCENES)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
            f"<title>The first hour: {'; '.join(scene.title for scene in SCENES)}</title>",
            f"<style>\n{STYLE}\n</style>",
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="9" fill="#11161d"'
            ' stroke="#5b6673"/>',
            *scenes,
            "</svg>\n",
        ]
    )


def _turn(scene: Scene, turns: Sequence[Turn]) -> Turn:
    return next(turn for turn in turns if turn.command.startswith(scene.command))


def _scene(number: int, scene: Scene, turn: Turn) -> str:
    lines = [f"$ {turn.command}", *_lines(scene, turn.shown)]
    later_s = (len(SCENES) - number) % len(SCENES) * SCENE_S
    steps = "".join("●" if each == number else "○" for each in range(len(SCENES)))
    head = [
        _text(scene.title, LEFT, 30, "dim"),
        _text(steps, WIDTH - LEFT - len(SCENES) * COLUMN, 30, "dim"),
    ]
    body = [_text(line, LEFT, TOP + row * ROW, name) for row, (line, name) in enumerate(_fitted(lines))]
    still = " still" if scene.is_still else ""
    return "\n".join([f'<g class="scene{still}" style="animation-delay: -{later_s}s">', *head, *body, "</g>"])


def _lines(scene: Scene, shown: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a scene; those that are left out between them, counted."""
    left_out = 0
    for line in shown:
        if HEAD.match(line):
            continue
        if scene.shown.match(line):
            if left_out:
                yield f"⋮ {left_out} more"
            left_out = 0
            gate = GATE.fullmatch(line)
            yield f"{gate['mark']} {gate['name']:<15} {gate['detail']}" if gate else WAY_OUT.sub("  → ", line)
        else:
            left_out += 1
    if left_out:
        yield f"⋮ {left_out} more"


def _fitted(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Return the lines with their color, as wide as there is room: over several rows, or else cut."""
    over = [(each, _color(line)) for line in lines for each in _wrapped(line)]
    cut = [(line if len(line) <= COLUMNS else f"{line[: COLUMNS - 1]}…", _color(line)) for line in lines]
    assert len(cut) <= ROWS, f"{lines[0]}: {len(cut)} lines"
    return over if len(over) <= ROWS else cut


def _wrapped(line: str) -> list[str]:
    return wrap(line, COLUMNS, subsequent_indent=INDENT, break_on_hyphens=False)


def _color(line: str) -> str:
    return next((name for pattern, name in COLORS if pattern.match(line.lstrip())), "")


def _text(line: str, x: float, y: float, name: str) -> str:
    """Return one line; its length is given, since every machine has another font."""
    text = line.strip()
    x += (len(line) - len(line.lstrip())) * COLUMN
    fitted = f'textLength="{len(text) * COLUMN:.1f}" lengthAdjust="spacingAndGlyphs"'
    marked = re.sub("^✓", '<tspan class="good">✓</tspan>', escape(text, quote=False))
    return f'<text x="{x:.1f}" y="{y}" class="{name}" xml:space="preserve" {fitted}>{marked}</text>'


def write(to: Path = PICTURE) -> None:
    to.write_text(picture(CONVERSATION.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write()
