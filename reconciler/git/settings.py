"""The few settings of a repository's own configuration, and of its user's, that are honoured: a positive list.

They say how files look on this disk. None can name a program, a file or an address, since each value is one of a few
words. Nothing else that a configuration says is in force (see `isolation`).
"""

from __future__ import annotations

import functools
from pathlib import Path

from reconciler.git import configfile
from reconciler.git.run import users_configuration

_BOOLEAN = frozenset({"true", "false"})
HONOURED = {
    "core.autocrlf": _BOOLEAN | {"input"},
    "core.checkstat": frozenset({"default", "minimal"}),
    "core.eol": frozenset({"lf", "crlf", "native"}),
    "core.filemode": _BOOLEAN,
    "core.ignorecase": _BOOLEAN,
    "core.precomposeunicode": _BOOLEAN,
    "core.sparsecheckout": _BOOLEAN,
    "core.sparsecheckoutcone": _BOOLEAN,
    "core.symlinks": _BOOLEAN,
    "core.trustctime": _BOOLEAN,
    "index.sparse": _BOOLEAN,
}
"""key (in lower case, as git compares them), and the values that it may have"""
_SPELLED = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false", "": "false"}


def honoured(git_dir: Path, common: Path) -> tuple[str, ...]:
    """`key=value` for each honoured setting of a working tree: the user's own, where the repository has no other.

    Raises GitError where the repository's configuration cannot be read.
    """
    found = _users() | configfile.read(common / "config")
    if found.get("extensions.worktreeconfig", "").lower() in ("true", "yes", "on", "1"):
        found |= configfile.read(git_dir / "config.worktree")
    words = ((key, _word(found[key], allowed)) for key, allowed in HONOURED.items() if key in found)
    return tuple(f"{key}={word}" for key, word in words if word is not None)


def _word(value: str, allowed: frozenset[str]) -> str | None:
    """The value as one of the allowed words; None for everything else, which is as if it were not there."""
    word = value.lower()
    if allowed >= _BOOLEAN:
        word = _SPELLED.get(word, word)
    return word if word in allowed else None


@functools.lru_cache(maxsize=1)
def _users() -> dict[str, str]:
    """What the user's and the system's own configuration say of the honoured keys; asked once a process."""
    pattern = f"^({'|'.join(key.replace('.', '[.]') for key in HONOURED)})$"
    return {key: values[-1] for key, values in users_configuration(pattern).items()}
