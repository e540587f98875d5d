"""Which tools an agent gets: its company's, narrowed by `config/tools.json`, narrowed by what the agent itself names.

Nothing here widens. What a role may write with them is enforced by the tools themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from reconciler.controller import trusted
from reconciler.controller.trusted import Home
from reconciler.model.errors import FactoryError
from reconciler.model.tools import ALWAYS, TOOLS

_FILE = "tools.json"
_KEYS = ("allow", "deny")


def company_tools(
    root: Path, commit: str, homes: Sequence[Home], named: Sequence[str] | None
) -> tuple[str, ...] | None:
    """The company's tools. `named` are those of its manifest (None: no limit); None where nothing limits them.

    The first of `homes` that has `config/tools.json` decides: `{"allow": [...], "deny": [...]}`, names or globs.
    """
    for home in homes:
        folder = f"{home.folder}/config"
        found = trusted.settings(root, commit, folder, _FILE)
        if found is None:
            continue
        if unknown := sorted(set(found) - set(_KEYS)):
            raise FactoryError(f"{folder}/{_FILE}: unknown key {unknown[0]}; known: {', '.join(_KEYS)}")
        lists = {key: trusted.strings(value, f"{folder}/{_FILE}: {key}") for key, value in found.items()}
        allow, deny = lists.get("allow"), lists.get("deny", ())
        kept = [name for name in (TOOLS if named is None else named) if allow is None or _matches(name, allow)]
        if allow is not None and named is None:
            kept += [name for name in allow if name not in kept and name.startswith("mcp__")]
        return _with_ever(name for name in kept if not _matches(name, deny))
    return None if named is None else _with_ever(named)


def agent_tools(company: Sequence[str] | None, named: Sequence[str] | None) -> tuple[str, ...] | None:
    """Those of its company that the agent names; where it names none, not even `[]`, all. None: nothing limits it."""
    if named is None:
        return None if company is None else tuple(company)
    return _with_ever(name for name in named if company is None or _matches(name, company))


def _with_ever(names: Iterable[str]) -> tuple[str, ...]:
    """Asking HiveMind and finishing are no privilege."""
    return tuple(dict.fromkeys((*names, *(name for name in TOOLS if name in ALWAYS))))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    """Names and globs; `mcp__<server>` stands for all tools of that server."""
    return any(
        fnmatchcase(name, pattern) or (pattern.startswith("mcp__") and fnmatchcase(name, f"{pattern}__*"))
        for pattern in patterns
    )
