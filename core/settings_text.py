"""The settings as text for the operator: the commented file of `trader init`, and the reference."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

from core.setting_fields import SettingDescription
from core.settings import describe_settings

WIDTH = 100
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_./:,@%+=-]+\Z", re.ASCII)

HEAD = """\
# Settings of trader. What is set here counts unless the process environment sets it; what is set
# nowhere has its default, shown behind the name. Keep this file to yourself (mode 0600).
# Words: runbooks/init.md. Every setting, with unit, default and danger: docs/settings.md.
"""

REFERENCE_HEAD = """\
# Settings

Process environment over settings file over defaults. The settings file is the one that `--env-file` names,
else `TRADER_ENV_FILE`, else `./.env`, else `.env` in the home folder; a named file that is missing is an
error. An empty value counts as not set. Relative paths count from the settings file's folder, or from the
working directory when the process environment sets them. Durations are written `500ms`, `90s`, `15m`, `1h`,
`7d`; switches `true` or `false` (also yes/no, 1/0).

A name in the settings file that looks like a setting and is none is an error, because a limit with a typo
would silently be no limit; in the process environment, where other programs put their names too, it is a
warning. All wrong values are reported at once.

Settings marked **risk** are part of the risk digest: after changing one, the evidence of stages 0 and 1 no
longer counts. `GATE_` settings may be loosened on the paper exchange only.

This page is made from the code (`UPDATE_GOLDEN=1 pytest tests/test_docs.py` writes it)."""


def settings_template(values: Mapping[str, str] | None = None) -> str:
    """Return a settings file in which everything is commented out, except what `values` sets."""
    values = values or {}
    lines = [HEAD]
    for described in describe_settings():
        if described.section:
            lines += [f"# {f' {described.section} '.center(60, '-')}", ""]
        lines += [f"# {line}" for line in _comment(described)]
        if described.name in values:
            lines.append(f"{described.name}={_quoted(values[described.name])}")
        else:
            lines.append(f"#{described.name}={described.default}")
        lines.append("")
    return "\n".join(lines)


def _comment(described: SettingDescription) -> list[str]:
    sentences = [described.meaning]
    if described.unit:
        sentences.append(f"Unit: {described.unit}.")
    if described.danger:
        sentences.append(f"Danger: {described.danger}.")
    return textwrap.wrap(" ".join(sentences), WIDTH)


def _quoted(value: str) -> str:
    if _PLAIN_VALUE.match(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def settings_reference() -> str:
    """Return docs/settings.md."""
    lines = [REFERENCE_HEAD]
    for described in describe_settings():
        if described.section:
            lines += ["", f"## {described.section}", ""]
            lines += ["| setting | default | unit | meaning | danger |", "|---|---|---|---|---|"]
        default = f"`{described.default}`" if described.default else "–"
        meaning = f"{described.meaning} **risk**" if described.risk else described.meaning
        cells = (f"`{described.name}`", default, described.unit or "–", meaning, described.danger or "–")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
