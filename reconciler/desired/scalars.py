"""Scalars of YAML 1.2's core schema: what a plain word, a number or a tagged text means. Knows no documents."""

from __future__ import annotations

import re
from typing import Any

from reconciler.desired.words import safe

CORE = "tag:yaml.org,2002:"
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "null": (type(None),),
}
WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
NUMERIC = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z")


class Refused(Exception):
    """A document that is YAML, but not what a manifest may be."""

    def __init__(self, message: str, mark: Any) -> None:
        super().__init__(message)
        self.message = message
        self.line, self.column = int(mark.line) + 1, int(mark.column) + 1


def number(text: str, mark: Any) -> Any:
    """A plain scalar that begins like a number: an int, a float, or the text itself."""
    value: int | float
    if _INTEGER.match(text):
        value = int(text) if len(text) < 40 else 1 << 200
    elif _OCTAL.match(text):
        value = int(text[2:], 8)
    elif _HEXADECIMAL.match(text):
        value = int(text[2:], 16)
    elif _FLOAT.match(text):
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise Refused("number too large", mark)
        return value
    elif _NOT_FINITE.match(text):
        raise Refused(f"{text} is no number that a manifest may hold; quote it if it is text", mark)
    else:
        return text
    if not -(1 << 63) <= value < 1 << 63:
        raise Refused("number too large; quote it if it is text", mark)
    return value


def tagged(event: Any) -> Any:
    """A scalar with a tag: the core ones say what it is, `!` says text, all others are refused."""
    tag, text = event.tag, event.value
    name = tag.removeprefix(CORE)
    if tag in ("!", CORE + "str"):
        return text
    if tag == CORE + name and name in _TYPES:
        value = WORDS[text] if text in WORDS else number(text, event.start_mark) if text[0] in NUMERIC else text
        if isinstance(value, _TYPES[name]) and (name == "bool") == isinstance(value, bool):
            return float(value) if name == "float" else value
        raise Refused(f'"{safe(text, 60)}" is no {name}', event.start_mark)
    raise Refused(f"tag {safe(tag, 60)} is not allowed", event.start_mark)
