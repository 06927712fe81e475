"""How long `trader --version` and `--help` take, beside a bare eight-command Typer program.

Goal: at most 1.25 times the bare program with the same flag, byte-code compiled. Run as
`python benchmarks/bench_startup.py [RUNS]`; exits 1 when the goal is missed.
"""

from __future__ import annotations

import compileall
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
GOAL = 1.25
RUNS = 21

BARE = '''
import typer

app = typer.Typer()


def show_version(asked: bool) -> None:
    if asked:
        typer.echo("bare 1.0")
        raise typer.Exit


@app.callback()
def program(version: bool = typer.Option(False, "--version", callback=show_version, is_eager=True)) -> None:
    """Have eight commands."""
''' + "".join(
    f'''

@app.command()
def command_{number}(name: str = "x", count: int = 1, loud: bool = False) -> None:
    """Do thing {number}."""
'''
    for number in range(8)
)


def seconds(command: list[str], folder: Path) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main(runs: int) -> int:
    for package in ("cli", "core"):
        compileall.compile_dir(REPOSITORY / package, quiet=1)
    missed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bare.py").write_text(BARE)
        compileall.compile_dir(folder, quiet=1)
        floor = [sys.executable, "-c", "from bare import app; app()"]
        ours = [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from cli.main import run; run()",
        ]
        for flag in ("--version", "--help"):
            pairs = [(seconds([*floor, flag], folder), seconds([*ours, flag], folder)) for _ in range(runs)]
            floor_ms, ours_ms = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
            ratio = ours_ms / floor_ms
            missed |= ratio > GOAL
            print(
                f"{flag:10} trader {ours_ms:6.1f} ms   bare Typer {floor_ms:6.1f} ms"
                f"   ratio {ratio:.2f} (goal {GOAL})"
            )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS))
