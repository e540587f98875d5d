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
_THINK = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_THINK_OPEN = re.compile(r"^\s*<think(?:ing)?>.*\Z", re.DOTALL | re.IGNORECASE)
_THINK_CLOSE = re.compile(r"\A.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[\w+-]*\n(.*?)\n?```", re.DOTALL)
_MAX_SEARCHED = 4_000
"""Characters of an answer that a blueprint's pattern may look at: a clumsy pattern then costs little."""


def visible(text: str) -> str:
    """Without characters that do not show."""
    return _HIDDEN.sub("", text.replace("\r\n", "\n"))


def line(text: str, limit: int = 200) -> str:
    """One line, at most `limit` characters."""
    flat = " ".join(visible(text).split())
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


def answer(text: str) -> str:
    """What a model meant to say: without its thinking, closed or cut off."""
    said = _THINK.sub("", text)
    if re.search(r"</think(?:ing)?>", said, re.IGNORECASE):
        said = _THINK_CLOSE.sub("", said, count=1)
    return visible(_THINK_OPEN.sub("", said)).strip()


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
