"""What a glob of paths means, matched in time that grows with the path alone, whatever the glob.

`*` and `?` stay within a folder, `**` crosses folders, `**/` also stands for no folder at all.
"""

from __future__ import annotations

import functools
import re

_PIECE = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+", re.DOTALL)
_OUT, _IN = ">", "<"
"""the two sides of `**/`: where a folder may begin, and within one"""


def matches(glob: str, path: str) -> bool:
    """Whether the whole path is what the glob says."""
    pattern = _pattern(glob)
    return bool(pattern.fullmatch(path)) if pattern else _followed(_steps(glob), path)


@functools.lru_cache(maxsize=512)
def _pattern(glob: str) -> re.Pattern[str] | None:
    """The glob as an expression that never goes back far; None where there is none.

    Between stars of one folder the first place that fits is as good as any later one, so each is settled for good.
    Of crossings there may be one, at the start of a folder, and one at the end.
    """
    inner = glob[:-2] if glob.endswith("**") else glob
    pieces = _PIECE.findall(inner)
    crossing = [at for at, piece in enumerate(pieces) if piece.startswith("**")]
    if len(crossing) > 1 or any(pieces[at] == "**" or (at and not pieces[at - 1].endswith("/")) for at in crossing):
        return None
    out, last = "", max((at for at, piece in enumerate(pieces) if piece == "*"), default=-1)
    held = False
    for at, piece in enumerate(pieces):
        if piece in ("*", "**/") and held:
            out, held = f"{out})", False
        if piece == "*" and at < last:
            out, held = f"{out}(?>[^/]*?", True
        else:
            out += {"*": "[^/]*", "?": "[^/]", "**/": "(?:[^/]+/)*"}.get(piece) or re.escape(piece)
    return re.compile(out + (".*" if inner != glob else ""), re.DOTALL)


@functools.lru_cache(maxsize=512)
def _steps(glob: str) -> tuple[str, ...]:
    steps: list[str] = []
    for piece in _PIECE.findall(glob):
        steps += [_OUT, _IN] if piece == "**/" else [piece] if piece in ("*", "**", "?") else [f"={c}" for c in piece]
    return tuple(steps)


def _followed(steps: tuple[str, ...], path: str) -> bool:
    """All ways to read the glob at once: places in it, moved on by each character."""
    at = _free({0}, steps)
    for character in path:
        found: set[int] = set()
        for place in at:
            step = steps[place] if place < len(steps) else "="
            if step == "**" or (character != "/" and step in ("*", _IN)):
                found.add(place)
            elif step == f"={character}" or (character != "/" and step in ("?", _OUT)):
                found.add(place + 1)
            elif step == _IN:
                found.add(place - 1)
        at = _free(found, steps)
        if not at:
            return False
    return len(steps) in at


def _free(at: set[int], steps: tuple[str, ...]) -> set[int]:
    """With the places that are reached without a character."""
    waiting = list(at)
    while waiting:
        place = waiting.pop()
        step = steps[place] if place < len(steps) else ""
        further = place + {"*": 1, "**": 1, _OUT: 2}.get(step, 0)
        if further not in at:
            at.add(further)
            waiting.append(further)
    return at
