"""Text that comes from outside: cleaned, cut to size, delimited. And what a model says, without its thinking aloud."""

from __future__ import annotations

import json
import re
from typing import Any, cast

# controls (but tab and newline), zero-width, bidi, byte order mark, unpaired halves, tags: what hides text
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_THOUGHTS = tuple(
    re.compile(pattern, re.DOTALL | re.IGNORECASE)
    for pattern in (
        r"<think(?:ing)?>(.*?)</think(?:ing)?>",
        r"\A(.*?)</think(?:ing)?>",
        r"<think(?:ing)?>(.*)\Z",
    )
)
"""whole, then what is left open at either end"""
_FENCE = re.compile(r"```[\w+-]*\n(.*?)\n?```", re.DOTALL)
_MAX_SEARCHED = 4_000
"""Characters of an answer that a blueprint's pattern may look at: a clumsy pattern then costs little."""


def visible(text: str) -> str:
    """Without characters that do not show."""
    return _HIDDEN.sub("", text.replace("\r\n", "\n"))


def line(text: str, limit: int = 200) -> str:
    """One line, at most `limit` characters. A control character parts words, as the end of a line does."""
    flat = " ".join(visible(_CONTROL.sub(" ", text)).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def delimited(name: str, text: str) -> str:
    """Text as data between two marks, which the text itself cannot close."""
    body = visible(text).strip()
    return f"<{name}>\n{re.sub(rf'</?{re.escape(name)}>', '', body)}\n</{name}>"


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, saying how much is missing."""
    if len(text) <= limit:
        return text
    return text[: max(limit - 40, 0)] + f"\n[... {len(text) - max(limit - 40, 0)} characters left out ...]"


def both_ends(text: str, limit: int, more: str = "") -> str:
    """Head and tail in at most `limit` characters, saying between them how much is missing, and how to see `more`."""
    if len(text) <= limit:
        return text
    mark = "\n[... {} characters left out" + more + " ...]\n"
    room = max(limit - len(mark.format(len(text))), 0)
    head = room * 2 // 3
    return text[:head] + mark.format(len(text) - room) + text[len(text) - (room - head) :]


def divided(text: str) -> tuple[str, str]:
    """What a model meant to say, and what it thought aloud between think tags, be they left open at either end."""
    thoughts: list[str] = []

    def keep(found: re.Match[str]) -> str:
        thoughts.append(found[1])
        return ""

    for pattern in _THOUGHTS:
        text = pattern.sub(keep, text)
    return text.strip(), "\n".join(thoughts).strip()


def answer(text: str) -> str:
    """What a model meant to say, as far as it can be seen."""
    return visible(divided(text)[0]).strip()


def unfenced(text: str) -> str:
    """The content of the one code block an answer consists of, else the answer itself."""
    found = _FENCE.fullmatch(text.strip())
    return found[1] if found else text


def accepted(text: str, pattern: str) -> str | None:
    """The first match of a regular expression in an answer that is made one line; None where nothing matches."""
    flat = " ".join(unfenced(text).split())
    found = re.search(pattern, flat[:_MAX_SEARCHED])
    return found[0].strip() if found else None


def json_object(text: str) -> dict[str, Any] | None:
    """The JSON object in an answer: alone, in a code block, or amid prose. None where there is none."""
    decoder = json.JSONDecoder()
    for candidate in (text, *(found[1] for found in _FENCE.finditer(text))):
        start = candidate.find("{")
        while start >= 0:
            try:
                value, _ = decoder.raw_decode(candidate, start)
            except (ValueError, RecursionError):
                start = candidate.find("{", start + 1)
                continue
            return cast("dict[str, Any]", value)
    return None


def slug(text: str, limit: int = 40) -> str:
    """A name of a-z, 0-9 and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:limit].strip("-")
