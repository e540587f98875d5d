"""Makes texts that tools, models and people said fit for a manifest: one that cannot be read would stop the factory."""

from __future__ import annotations

from typing import Any, cast

LINE = 300
"""characters that a line of a manifest may have"""
LINES = ("title", "text")
"""keys of values that are one line"""


def lawful(value: Any, key: str = "") -> Any:
    """The same plain value with control characters made visible, and lines cut to one of 300 characters."""
    if isinstance(value, str):
        return one_line(value) if key in LINES else visible(value)
    if isinstance(value, dict):
        return {name: lawful(item, name) for name, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [lawful(item, key) for item in cast("list[Any]", value)]
    return value


def one_line(text: str) -> str:
    line = visible(" ".join(text.split()))
    return line if len(line) <= LINE else line[: LINE - 1].rstrip() + "…"


def visible(text: str) -> str:
    """Control characters written out, so that they steer no terminal."""
    return "".join(char if char in "\n\t" or char.isprintable() else f"\\x{ord(char):02x}" for char in text)
