"""What `claude` is told on its standard input, made so that the program does nothing about it by itself. Pure.

It reads files that a prompt mentions with `@`, and runs what stands behind a slash at the beginning, without any tool
being called. Both are switched off where it has a switch; this holds where it has none, or another version has not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

BEGINNING = "Your work follows."
BROKEN = (
    "(Above, an at sign that does not stand within a word is written \\@ , so that it is not taken for the name of a "
    "file. In files it is a plain at sign: write it so.)"
)

_MENTION = re.compile(r"(?<![A-Za-z0-9._%+\\-])@")
"""the program looks for one after white space, and after some marks of East Asian scripts; addresses of mail stay"""


def unmentioned(text: str) -> str:
    """The text with each at sign that could name a file behind a backslash."""
    return _MENTION.sub(r"\\@", text)


def prompt(told: Iterable[str]) -> str:
    """All of it, behind fixed words: what comes first is never a command."""
    parts = [part for part in told if part]
    safe = [unmentioned(part) for part in parts]
    return "\n\n".join([BEGINNING, *safe, *([BROKEN] if safe != parts else [])])
