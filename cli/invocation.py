"""One run of the command line: what was asked, where, and how to answer. Commands find it in `ctx.obj`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cli.console import Console
from cli.options import Options

if TYPE_CHECKING:
    from core.config import Settings


@dataclass
class Invocation:
    """`environ` and `cwd` are read once, in `cli.main`; everything below takes them from here.

    `reduces`: whether the command only reduces risk; a wrong setting that it can do without does not stop it.
    `beside`: starts what has to run beside the command, once its settings are known. `guard`: refuses
    settings that this command must not act with, before anything else sees them.
    """

    console: Console
    options: Options
    environ: Mapping[str, str]
    cwd: Path
    reduces: bool = False
    beside: Callable[[Settings], None] | None = None
    guard: Callable[[Settings], None] | None = None

    @cached_property
    def settings(self) -> Settings:
        """Read the settings when a command first asks, and report what was found about them."""
        # pydantic takes longer to load than --help may take.
        from core.config import load_settings

        settings = load_settings(
            self.environ, self.cwd, self.options.env_file, self.options.home, tolerant=self.reduces
        )
        if self.guard is not None:
            self.guard(settings)
        self.console.locate(env_file=settings.env_file)
        for finding in settings.findings:
            self.console.warn(f"{finding.message}; {finding.way_out}")
        if self.beside is not None:
            self.beside(settings)
        return settings
