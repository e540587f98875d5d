"""Markdown with front matter, as Claude Code writes its agents and skills: `---`, keys, `---`, text.

Front matter is read as YAML. Much of what is around is none, since a description says `Use when: ...` without quotes;
such is read line by line instead, as plain text. Knows nothing of agents or skills.
"""

from __future__ import annotations

import re
from typing import Any, cast

import msgspec

from reconciler.desired.parse import parse

_FENCE = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_BEGUN = re.compile(r"\A\ufeff?---[ \t]*\r?\n[A-Za-z][A-Za-z0-9_-]*[ \t]*:")
_KEY = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)[ \t]*:(?:[ \t]+(.*))?\Z")


class FrontMatter(msgspec.Struct, frozen=True):
    """`keys` as JSON values; None where the text begins with no front matter. `body` is what comes after it.

    `unclosed`: it begins with front matter that never ends.
    """

    keys: dict[str, Any] | None
    body: str
    unclosed: bool = False

    def text(self, key: str) -> str:
        """The value as one line of text; empty where it is missing or no plain value."""
        value = (self.keys or {}).get(key)
        return " ".join(str(value).split()) if isinstance(value, (str, int, float)) else ""

    def words(self, key: str) -> list[str] | None:
        """A list, or text with commas, spaces or both between the words, in brackets or not: Claude Code takes all.

        What stands within parentheses is not parted. None where the key is missing; empty where it names nothing.
        """
        if key not in (self.keys or {}):
            return None
        value: Any = (self.keys or {})[key]
        lines = [str(item) for item in cast("list[Any]", value)] if isinstance(value, list) else [self.text(key)]
        return [word for line in lines for word in _parted(_unwrapped(line))]


def read(text: str) -> FrontMatter:
    """Part the text. Never raises."""
    found = _FENCE.match(text)
    if found is None:
        return FrontMatter(None, text, unclosed=_BEGUN.match(text) is not None)
    return FrontMatter(_keys(found[1]), text[found.end() :])


def _unwrapped(line: str) -> str:
    """Without a comment, and without the brackets of a list that stood where nothing was read as YAML."""
    plain = line.partition(" #")[0].strip()
    return plain[1:-1] if plain.startswith("[") and plain.endswith("]") else plain


def _parted(text: str) -> list[str]:
    """At commas and spaces that stand in no parentheses; quotes around a word are taken off."""
    depth, begun, parts = 0, 0, list[str]()
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")" and depth > 0)
        if (character == "," or character.isspace()) and not depth:
            parts.append(text[begun:at])
            begun = at + 1
    words = (part.strip().strip("\"'") for part in (*parts, text[begun:]))
    return [word for word in words if word]


def _keys(text: str) -> dict[str, Any]:
    parsed = parse(text.encode(), "front matter")
    if not parsed.problems and len(parsed.documents) <= 1:
        value: Any = parsed.documents[0].value if parsed.documents else {}
        if isinstance(value, dict):
            return cast("dict[str, Any]", value)
    return _by_line(text)


def _by_line(text: str) -> dict[str, Any]:
    """`key: the rest of the line`; lines that are indented, or items of a list, belong to the key above."""
    said: dict[str, list[str]] = {}
    listed: set[str] = set()
    key = ""
    for line in text.splitlines():
        found = _KEY.match(line.rstrip())
        words = line.strip()
        if found:
            key = found[1]
            value = (found[2] or "").strip().strip("\"'")
            said[key] = [value] if value else []
            listed.discard(key)
        elif key and words.startswith("- ") and (key in listed or not said[key]):
            listed.add(key)
            said[key].append(words[2:].strip().strip("\"'"))
        elif key and key not in listed and words:
            said[key].append(words)
    return {name: words if name in listed else " ".join(words) for name, words in said.items()}
