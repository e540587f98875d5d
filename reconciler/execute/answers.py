"""What a model said: without its thinking aloud, its code block, the JSON object in it. Linear in what it said."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from reconciler.execute.invisible import visible

_THINKING = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)
_FENCE = re.compile(r"```[\w+-]*\n(.*?)\n?```", re.DOTALL)
_MAX_SEARCHED = 4_000
"""Characters of an answer that a blueprint's pattern may look at."""
_A_START = 200
_TOO_DEEP = 1_000
"""characters that a start which leads to nothing is counted for, besides what was read of it"""


def divided(text: str) -> tuple[str, str]:
    """What a model meant to say, and what it thought aloud between think tags, be they left open at either end."""
    said: list[str] = []
    pairs: list[str] = []
    leading: list[str] = []
    start, opened = 0, False
    for tag in _THINKING.finditer(text):
        closes = bool(tag[1])
        if closes and opened:
            pairs.append(text[start : tag.start()])
        elif closes and not leading:
            leading, said = ["".join(said) + text[start : tag.start()]], []
        elif closes or opened:
            continue
        else:
            said.append(text[start : tag.start()])
        start, opened = tag.end(), not closes
    (pairs if opened else said).append(text[start:])
    return "".join(said).strip(), "\n".join([*pairs, *leading]).strip()


def answer(text: str) -> str:
    """What a model meant to say, as far as it can be seen."""
    return visible(divided(text)[0]).strip()


def unfenced(text: str) -> str:
    """The content of the one code block an answer consists of, else the answer itself."""
    found = _FENCE.fullmatch(text.strip())
    return found[1] if found else text


def accepted(text: str, pattern: str) -> str | None:
    """The first match of a blueprint's pattern in an answer that is made one line; None where nothing matches."""
    flat = " ".join(unfenced(text).split())
    found = re.search(pattern, flat[:_MAX_SEARCHED])
    return found[0].strip() if found else None


def json_object(text: str) -> dict[str, Any] | None:
    """The JSON object in an answer: alone, in a code block, or amid prose. None where there is none.

    Each start that turns out to be none costs what was read of it; all together may cost four times the text.
    """
    decoder = json.JSONDecoder()
    left = 4 * len(text) + 100_000
    for candidate in (text, *(found[1] for found in _FENCE.finditer(text))):
        start = candidate.find("{")
        while start >= 0 and left > 0:
            try:
                value, _ = decoder.raw_decode(candidate, start)
            except json.JSONDecodeError as error:
                left -= error.pos - start + _A_START + error.pos // 20  # the error counts lines from the beginning
            except (ValueError, RecursionError):
                left -= _TOO_DEEP
            else:
                return cast("dict[str, Any]", value)
            start = candidate.find("{", start + 1)
    return None
