"""One thing learned: a Markdown file with front matter, and its value. Not for searching.

The keys are those of the seeds' HiveMind posts: source, type, company, domain, tags; besides task, product, created.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, cast

import msgspec
import yaml

TYPES = ("knowledge", "alert", "briefing", "update")
MAX_TEXT = 5000
"""characters of an entry's text; what is longer is cut"""
MAX_BYTES = 64_000
"""a larger file is no entry"""
MAX_FRONT = 4_000

_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_TEXT_KEYS = ("source", "company", "domain", "task", "product")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is known, who says so, and what it is about."""

    source: str
    """who learned it: `codecraft/builder`"""
    text: str
    type: str = "knowledge"
    """one of TYPES"""
    company: str = ""
    domain: str = ""
    tags: tuple[str, ...] = ()
    task: str = ""
    product: str = ""
    created: float = 0.0
    """Unix seconds; 0 where it is not known"""
    path: str = ""
    """relative to the factory's root"""


class Malformed(ValueError):
    """The file is no entry. The message says why."""


def render(entry: Entry) -> bytes:
    """The file of an entry; `parse` gives the entry back (text stripped and cut to MAX_TEXT, whole seconds)."""
    front: dict[str, Any] = {"source": entry.source, "type": entry.type}
    front |= {key: value for key in ("company", "domain") if (value := getattr(entry, key))}
    front |= {"tags": list(entry.tags)} if entry.tags else {}
    front |= {key: value for key in ("task", "product") if (value := getattr(entry, key))}
    if entry.created:
        front["created"] = datetime.fromtimestamp(int(entry.created), UTC)
    written = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, default_flow_style=None, width=4096)
    return f"---\n{written}---\n\n{_cut(entry.text)}\n".encode()


def parse(path: str, data: bytes) -> Entry:
    """Read an entry. Raises Malformed."""
    if len(data) > MAX_BYTES:
        raise Malformed(f"{path}: larger than {MAX_BYTES} bytes")
    try:
        whole = data.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"{path}: not UTF-8") from error
    found = _FRONT.match(whole)
    if not found or len(found[1]) > MAX_FRONT:
        raise Malformed(f"{path}: no front matter between two lines of ---")
    front = _front(path, found[1])
    kind = front.get("type", "knowledge")
    text = _cut(whole[found.end() :])
    if kind not in TYPES:
        raise Malformed(f"{path}: type is none of {', '.join(TYPES)}")
    if not front.get("source") or not text:
        raise Malformed(f"{path}: source or text is missing")
    values = {key: _text(path, key, front.get(key)) for key in _TEXT_KEYS}
    return Entry(**values, type=kind, tags=_tags(path, front), created=_seconds(path, front), text=text, path=path)


def _front(path: str, text: str) -> Mapping[str, Any]:
    try:
        found: object = yaml.safe_load(text)
    # deep nesting ends in RecursionError, an impossible date in ValueError
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Malformed(f"{path}: the front matter is no YAML") from error
    if not isinstance(found, dict):
        raise Malformed(f"{path}: the front matter is no mapping")
    return cast("Mapping[str, Any]", found)


def _text(path: str, key: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str | int | float):
        raise Malformed(f"{path}: {key} is no text")
    return str(value)


def _tags(path: str, front: Mapping[str, Any]) -> tuple[str, ...]:
    found: object = front.get("tags") or []
    if isinstance(found, str):
        return tuple(tag.strip() for tag in found.split(",") if tag.strip())
    if not isinstance(found, list):
        raise Malformed(f"{path}: tags is no list")
    return tuple(_text(path, "tags", tag) for tag in cast("list[object]", found))


def _seconds(path: str, front: Mapping[str, Any]) -> float:
    value: object = front.get("created") or 0
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise Malformed(f"{path}: created is no time") from error
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    if not isinstance(value, int | float):
        raise Malformed(f"{path}: created is no time")
    return float(value)


def _cut(text: str) -> str:
    return text.strip()[:MAX_TEXT].rstrip()
