"""Regular expressions that a manifest names. Text of strangers meets them, so none may be kept busy for hours by it.

What looks through everything is matched by RE2, linear whatever the pattern says; it has no look-around. What looks at
the beginning of one answer (`accept`) may look around, but not repeat a repetition.
"""

from __future__ import annotations

import re
from re import _parser as parser  # pyright: ignore
from typing import Any, Protocol, cast

_ENDLESS = 300
"""times that a part may be repeated and still count as bounded"""


class Match(Protocol):
    def group(self) -> str: ...


class Pattern(Protocol):
    def search(self, text: str, /) -> Match | None: ...

    def sub(self, replacement: str, text: str, /) -> str: ...


def compiled(pattern: str) -> Pattern:
    """Raises ValueError with what RE2, or Python, has against it: only what both read is surely meant so."""
    import re2  # pyright: ignore[reportMissingTypeStubs] - 7 ms, and only for who names a pattern

    if why := _unreadable(pattern):
        raise ValueError(why)
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)  # pyright: ignore
    except re2.error as error:  # pyright: ignore
        said = error.args[0]  # pyright: ignore
        raise ValueError(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)) from error  # pyright: ignore


def backtracks(pattern: str) -> str | None:
    """What is wrong with a pattern for Python's engine: that it is none, or that it could run for ever."""
    if why := _unreadable(pattern):
        return f"not a regular expression: {why}"
    tree: Any = parser.parse(pattern)  # pyright: ignore
    if _nested(tree, repeated=False):
        return "repeats a repetition, as in (a+)+: some text would keep it busy for ever; use (?>...) or ++ inside"
    return None


def _unreadable(pattern: str) -> str | None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    return None


def _nested(tree: Any, *, repeated: bool) -> bool:
    """Whether there is a repetition without an end, one that gives back, inside of another."""
    for operation, argument in tree:
        name = str(operation)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            endless = cast("int", argument[1]) > _ENDLESS
            if (endless and repeated) or _nested(argument[2], repeated=repeated or endless):
                return True
        elif name not in ("ATOMIC_GROUP", "POSSESSIVE_REPEAT") and any(
            _nested(part, repeated=repeated) for part in _parts(argument)
        ):
            return True
    return False


def _parts(argument: Any) -> list[Any]:
    """The patterns inside of an operation's argument, as deep as lists and tuples go."""
    if isinstance(argument, parser.SubPattern):  # pyright: ignore
        return [argument]
    if isinstance(argument, list | tuple):
        return [part for item in cast("list[Any]", argument) for part in _parts(item)]
    return []
