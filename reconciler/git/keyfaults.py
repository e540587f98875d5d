"""Lines of the factory's lists of keys that list none, and which keys a person could sign with. For who writes them.

ssh-keygen passes over a line that it cannot read without a word: a slip of the pen then looks like a key that counts.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from reconciler.git.controllers import LIST, lists_a_key
from reconciler.git.keylists import is_comment, keys_in, options
from reconciler.git.signature import public_key
from reconciler.git.trust import REVOKED, SIGNERS
from reconciler.model.refs import Position, Problem

LISTS = (SIGNERS, REVOKED, LIST)
_FORMS = {
    SIGNERS: "lists no key; write: NAME ssh-ed25519 AAAA...",
    REVOKED: "names no key; write: ssh-ed25519 AAAA...",
    LIST: "lists no controller's key; the controller writes this file, put back what it wrote",
}
_SHOWN = 20


def faults(path: str, body: str) -> Iterator[Problem]:
    """The faults of one of `LISTS`, each with its line."""
    found = [
        Problem(Position(path, number), "", _FORMS[path])
        for number, line in enumerate(body.split("\n"), 1)
        if not is_comment(line) and not (lists_a_key(line) if path == LIST else _names_key(path, line))
    ]
    yield from found[:_SHOWN]
    if len(found) > _SHOWN:
        yield Problem(Position(path), "", f"{len(found) - _SHOWN} more lines are like these")


def signing_keys(allowed: str, revoked: str) -> frozenset[str]:
    """The keys that may sign a commit from now on, by the text of SIGNERS and REVOKED."""
    lines = (line for line in allowed.splitlines() if _names_key(SIGNERS, line) and _for_commits(options(line)))
    return frozenset[str]().union(*map(keys_in, lines)) - keys_in(revoked)


def _names_key(path: str, line: str) -> bool:
    key = public_key(line)
    return key is not None and (path != SIGNERS or not line.lstrip().startswith(key.split()[0]))


def _for_commits(said: str) -> bool:
    """Whether a line's options leave it in force for commits: git's namespace, and an end that is not over."""
    names = re.search(r'namespaces="([^"]*)"', said)
    end = re.search(r'valid-before="?(\d+)', said)
    over = end is not None and end[1] <= time.strftime("%Y%m%d%H%M%S", time.gmtime())[: len(end[1])]
    return not over and (names is None or "git" in re.split(r"[,\s]+", names[1]))
