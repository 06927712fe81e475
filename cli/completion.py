"""What may come next on a command line, for bash, zsh and fish.

The shells run the program with _TRADER_COMPLETE set to their name and the words typed so far as arguments,
the last of which is the one to complete. It answers one possibility a line, and nothing when in doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from cli.known_names import Machine, names_of
from cli.registry import Command, Group, load

SCRIPTS: Mapping[str, str] = {
    "bash": """\
# trader: put `eval "$(trader completion bash)"` into ~/.bashrc
_trader_complete() {
    local IFS=$'\\n'
    COMPREPLY=($(_TRADER_COMPLETE=bash "$1" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _trader_complete trader
""",
    "zsh": """\
#compdef trader
# trader: put `eval "$(trader completion zsh)"` into ~/.zshrc, after compinit
_trader() {
    local -a found
    found=("${(@f)$(_TRADER_COMPLETE=zsh "${words[1]}" "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then _describe trader found; else _files; fi
}
compdef _trader trader
""",
    "fish": """\
# trader: trader completion fish > ~/.config/fish/completions/trader.fish
function __trader_complete
    set -l word (commandline -ct)
    set -l found (_TRADER_COMPLETE=fish trader (commandline -opc)[2..-1] "$word" 2>/dev/null)
    if test -n "$found[1]"
        printf '%s\\n' $found
    else
        __fish_complete_path "$word"
    end
end
complete -c trader -f -a '(__trader_complete)'
""",
}

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+-]*\Z|--[a-z][a-z0-9-]*\Z")
"""What a shell takes as one plain word: nothing else is ever offered."""


class Possible(NamedTuple):
    word: str
    what: str = ""


def answer(shell: str, words: Sequence[str], root: Group, environ: Mapping[str, str], cwd: Path) -> list[str]:
    """Return the lines for a shell. `words`: after the program's name, the last one to be completed."""
    before, word = list(words[:-1]), words[-1] if words else ""
    return [
        _line(shell, each)
        for each in possible(before, word, root, environ, cwd)
        if each.word.startswith(word) and _SAFE.match(each.word)
    ]


def _line(shell: str, found: Possible) -> str:
    if shell == "bash" or not found.what:
        return found.word.replace(":", "\\:") if shell == "zsh" else found.word
    return f"{found.word.replace(':', chr(92) + ':')}:{found.what}" if shell == "zsh" else "\t".join(found)


class _Position(NamedTuple):
    """Where the words have led. `waiting`: the option whose value comes next; `arguments`: how many came."""

    node: Any
    path: str
    waiting: Any
    arguments: int
    only_arguments: bool
    typed: Mapping[str, str]


def possible(
    before: Sequence[str], word: str, root: Group, environ: Mapping[str, str], cwd: Path
) -> Iterable[Possible]:
    """Return what may stand after the words before."""
    at = _position(before, root)
    machine = Machine(environ, cwd, at.typed)
    if at.waiting is not None:
        return _values(at.waiting, at.path, machine)
    if word.startswith("-") and not at.only_arguments:
        options = [Possible(name, _short(each.help)) for each in _options(at.node) for name in _long(each)]
        return [*options, Possible("--help", "Show how it is used")]
    if isinstance(at.node, Group):
        return [Possible(name, _short(each.help)) for name, each in at.node.commands.items()]
    arguments = [each for each in at.node.params if each.param_type_name == "argument"]
    if not arguments:
        return []
    last = arguments[-1] if arguments[-1].nargs == -1 else None
    here = arguments[at.arguments] if at.arguments < len(arguments) else last
    return [] if here is None else _values(here, at.path, machine)


def _position(before: Sequence[str], root: Group) -> _Position:
    node: Any = root
    path: list[str] = []
    typed: dict[str, str] = {}
    waiting, arguments, only_arguments = None, 0, False
    for word in before:
        if word == "=":  # bash makes a word of its own of it
            continue
        if waiting is not None:
            typed[waiting.name] = word
            waiting = None
        elif word.startswith("-") and word != "-" and not only_arguments:
            only_arguments = word == "--"
            name, has_value, value = word.partition("=")
            option = next((each for each in _options(node) if name in each.opts), None)
            if option is not None and not option.is_flag:
                waiting = None if has_value else option
                typed[option.name] = value
        elif isinstance(node, Group):
            path.append(word)
            node = node.commands[word]
            node = load(node.entry) if isinstance(node, Command) else node
        else:
            arguments += 1
    return _Position(node, " ".join(path), waiting, arguments, only_arguments, typed)


def _options(node: Any) -> list[Any]:
    return [each for each in node.params if each.param_type_name == "option" and not each.hidden]


def _long(option: Any) -> list[str]:
    return [name for name in option.opts if name.startswith("--")]


def _values(parameter: Any, path: str, machine: Machine) -> list[Possible]:
    choices = _choices(parameter.type_descriptor.annotation)
    return [Possible(each) for each in choices or names_of(path, parameter.name, machine)]


def _choices(annotation: Any) -> list[str]:
    """Return what an enum or a literal allows, also inside a list or an optional."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(each.value) for each in annotation]
    if get_origin(annotation) is Literal:
        return [str(each) for each in get_args(annotation)]
    return [choice for part in get_args(annotation) for choice in _choices(part)]


def _short(text: str | None) -> str:
    return " ".join((text or "").split()).rstrip(".")
