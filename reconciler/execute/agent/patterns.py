"""Sees when an agent goes round in circles: from its calls and what came of them, nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import msgspec

SAME = 4
"""the same call with the same result, in a row"""
ALTERNATING = 6
"""calls that only go back and forth between two, in a row"""
ERRORS = 3
"""the same error from the same tool, in a row"""


class Done(msgspec.Struct, frozen=True):
    """A call that was answered; `call` and `result` are digests."""

    tool: str
    call: str
    result: str
    ok: bool


def done(tool: str, arguments: dict[str, Any], result: str, ok: bool) -> Done:
    try:
        spelled = json.dumps(arguments, sort_keys=True, default=str)
    except (RecursionError, TypeError, ValueError):
        spelled = str(sorted(arguments))
    return Done(tool, _digest(f"{tool}\0{spelled}"), _digest(result), ok)


def circle(history: Sequence[Done]) -> str | None:
    """What the latest calls repeat, in words that complete "you ..."; None where they get somewhere."""
    if not history:
        return None
    latest = history[-1]
    if _all_like(history, SAME, latest):
        return f"called {latest.tool} with the same arguments {SAME} times, and it said the same each time"
    last = history[-ALTERNATING:]
    pair = last[-2:]
    if len(last) == ALTERNATING and pair[0] != pair[1] and list(last) == list(pair) * (ALTERNATING // 2):
        return f"went back and forth between the same two calls ({pair[0].tool}, {pair[1].tool}) {ALTERNATING} times"
    errors = history[-ERRORS:]
    same = {(item.tool, item.result) for item in errors}
    if len(errors) == ERRORS and len(same) == 1 and not any(item.ok for item in errors):
        return f"got the same error from {latest.tool} {ERRORS} times in a row"
    return None


def _all_like(history: Sequence[Done], count: int, latest: Done) -> bool:
    return len(history) >= count and all(item == latest for item in history[-count:])


def _digest(said: str) -> str:
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()
