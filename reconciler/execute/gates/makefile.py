"""Which recipes of a Makefile, and which scripts of a package.json, a command comes to. Pure text."""

from __future__ import annotations

import json
import posixpath
import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, cast

from reconciler.execute.gates.shell import Step

_RULE = re.compile(r"^([^\s#:=][^:=#]*+)::?(?!=)\s*+([^;#]*+)(?:;(.*)|#.*)?$")
_VARIABLE = re.compile(r"^\s*(?:export\s+|override\s+)?([\w.-]+)\s*[?:+!]?:?=\s*(.*)$")
_REFERENCE = re.compile(r"\$[({]([\w.-]+)[)}]")
_INCLUDE = re.compile(r"^[ \t]*+(?:-|s)?include[ \t]++([^#\n]*)", re.MULTILINE)
_FILE = re.compile(r"[\w.@+*?/-]+")
_LONGEST = 4_000
"""characters of one line that are read"""
_MOST_LINES = 2_000
"""of recipes that one command comes to"""
_MAKE = re.compile(r"(?:g|b)?make|\$[({]MAKE[)}]")
_PACKAGE = re.compile(r"npm|yarn|pnpm|bun|node")
_NPM_VERBS = frozenset(("run", "run-script", "--run"))
_NPM_SHORT = {"t": "test", "tst": "test"}


def goals(step: Step) -> list[str] | None:
    """The targets that a command makes, none for the first; None where it is no make."""
    at = next(
        (at for at, word in enumerate(step.words) if _MAKE.fullmatch(word.rpartition("/")[2].lstrip("@-+"))), None
    )
    if at is None:
        return None
    rest = step.words[at + 1 :]
    values = {"-C", "-f", "-I", "-j", "-l", "-o", "-W"}
    return [
        word
        for before, word in zip(("", *rest), rest, strict=False)
        if not word.startswith("-") and "=" not in word and before not in values
    ]


def recipes(makefile: str, wanted: list[str]) -> str:
    """The lines that are run for the targets, with variables put in; for the first one where none is named."""
    rules: dict[str, tuple[list[str], list[str]]] = {}
    variables: dict[str, str] = {}
    first: str | None = None
    at: list[str] = []
    for whole in makefile.replace("\\\n", " ").split("\n"):
        line = whole[:_LONGEST]
        if line.startswith("\t"):
            for target in at:
                rules[target][1].append(line.strip())
        elif rule := _RULE.match(line):
            at = rule[1].split()
            for target in at:
                needs, lines = rules.setdefault(target, ([], []))
                needs += rule[2].split()
                lines += [rule[3]] if rule[3] else []
            first = first or next((target for target in at if not target.startswith((".", "%"))), None)
        elif found := _VARIABLE.match(line):
            variables[found[1]] = found[2]
    begin = [*(wanted or ([first] if first else [])), *(t for t in rules if "%" in t or "$" in t)]
    waiting, seen = deque(begin), set[str]()
    lines: list[str] = []
    while waiting and len(lines) < _MOST_LINES:
        target = waiting.popleft()
        if target not in seen and target in rules:
            seen.add(target)
            needs, own = rules[target]
            waiting += needs
            lines += own
    return "\n".join(_filled(line, variables) for line in lines[:_MOST_LINES])


def with_included(makefile: str, there: Collection[str], texts: Callable[[str], Iterable[str]]) -> tuple[str, set[str]]:
    """The text of a Makefile (a path) and of what it takes in; paths and patterns of the latter, there or not."""
    whole: list[str] = []
    names: set[str] = set()
    waiting, seen = [makefile], {makefile}
    while waiting:
        for text in texts(waiting.pop()):
            whole.append(text)
            folder = posixpath.dirname(makefile)
            new = {posixpath.normpath(posixpath.join(folder, name)) for name in _included(text)} - names
            names |= new
            taken = {path for path in there if is_named(path, new)} - seen if new else set[str]()
            seen |= taken
            waiting += sorted(taken)
    return "\n".join(whole), names


def is_named(path: str, names: Collection[str]) -> bool:
    """Whether a path is among names and patterns."""
    return path in names or any(fnmatchcase(path, name) for name in names if "*" in name)


def _included(makefile: str) -> list[str]:
    """The names and patterns of the files that it takes in, as they are written."""
    lines = makefile.replace("\\\n", " ").split("\n")[:_MOST_LINES]
    variables = {found[1]: found[2] for line in lines if (found := _VARIABLE.match(line[:_LONGEST]))}
    said = [_filled(found[1], variables) for line in lines if (found := _INCLUDE.match(line[:_LONGEST]))]
    return [word for each in said for word in _FILE.findall(each.replace("$(wildcard", " "))]


def scripts(step: Step) -> list[str]:
    """The names of the package's scripts that a command runs."""
    words = [word.lstrip("@-+") if at == 0 else word for at, word in enumerate(step.words)]
    if not words or not _PACKAGE.fullmatch(words[0].rpartition("/")[2]):
        return []
    named = [word for word in words[1:] if not word.startswith("-") or word == "--run"]
    if named and named[0] in _NPM_VERBS:
        named = named[1:]
    elif words[0] == "node":
        return []
    return [name for word in named[:1] for name in _around(_NPM_SHORT.get(word, word))]


def package_scripts(data: bytes) -> dict[str, str]:
    try:
        found = json.loads(data)["scripts"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    known = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    return {name: command for name, command in known.items() if isinstance(command, str)}


def _around(name: str) -> Iterator[str]:
    yield from (f"pre{name}", name, f"post{name}")


def _filled(line: str, variables: dict[str, str]) -> str:
    for _ in range(3):
        line = _replaced(line, variables)
    return line.lstrip("@-+ ")


def _replaced(line: str, variables: dict[str, str]) -> str:
    """With the variables' values, as far as it stays a line that is read."""
    parts: list[str] = []
    length = at = 0
    for found in _REFERENCE.finditer(line):
        parts += [line[at : found.start()], variables.get(found[1], found[0])]
        length += len(parts[-2]) + len(parts[-1])
        at = found.end()
        if length > _LONGEST:
            return "".join(parts)[:_LONGEST]
    return ("".join(parts) + line[at:])[:_LONGEST]
