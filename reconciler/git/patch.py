"""Reads the text of a patch as git prints it. Knows only the lines that were added."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reconciler.git.run import decode

_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_ESCAPE = re.compile(rb'\\([0-7]{3}|[abtnvfr"\\])')
_LETTERS = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


def added_lines(patch: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """(path, line without its end) for each added line.

    Hunk headers say how many lines belong to a hunk, so that a line of content that looks like a header is content.
    """
    path = ""
    removed = added = 0
    for line in patch:
        if removed or added:
            if line.startswith(b"+"):
                added -= 1
                yield path, line[1:].rstrip(b"\n").decode("utf-8", "replace")
            elif line.startswith(b"-"):
                removed -= 1
            continue
        if line.startswith(b"+++ "):
            path = _path(line[4:].rstrip(b"\n"))
        elif hunk := _HUNK.match(line):
            removed, added = (1 if count is None else int(count) for count in hunk.groups())


def _path(raw: bytes) -> str:
    if raw.startswith(b'"'):
        raw = _ESCAPE.sub(_unescaped, raw[1 : raw.rindex(b'"')])
    return decode(raw.rstrip(b"\t").removeprefix(b"b/"))


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match.group(1)
    return bytes([int(code, 8)]) if len(code) == 3 else _LETTERS.get(code, code)
