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
_KEY = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)[ \t]*:(?:[ \t]+(.*))?\Z")


class FrontMatter(msgspec.Struct, frozen=True):
    """`keys` as JSON values; None where the text begins with no front matter. `body` is what comes after it."""

    keys: dict[str, Any] | None
    body: str

    def text(self, key: str) -> str:
        """The value as one line of text; empty where it is missing or no plain value."""
        value = (self.keys or {}).get(key)
        return " ".join(str(value).split()) if isinstance(value, (str, int, float)) else ""

    def words(self, key: str) -> list[str]:
        """A list, or text with commas: Claude Code takes both. Commas within parentheses do not part."""
        value: Any = (self.keys or {}).get(key)
        if isinstance(value, list):
            return [str(item).strip() for item in cast("list[Any]", value)]
        return [word.strip() for word in _parted(self.text(key)) if word.strip()]


def read(text: str) -> FrontMatter:
    """Part the text. Never raises."""
    found = _FENCE.match(text)
    if found is None:
        return FrontMatter(None, text)
    return FrontMatter(_keys(found[1]), text[found.end() :])


def _parted(text: str) -> list[str]:
    """At commas that stand in no parentheses."""
    depth, begun, parts = 0, 0, list[str]()
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")" and depth > 0)
        if character == "," and not depth:
            parts.append(text[begun:at])
            begun = at + 1
    return [*parts, text[begun:]]


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
