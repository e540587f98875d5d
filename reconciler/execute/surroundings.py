"""What only the worker sees: the product's README and files, and what HiveMind knows. Bounded, and no link followed."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from reconciler.execute import paths, text
from reconciler.execute.prompt import Section
from reconciler.knowledge.index import Index

_MAX_FILES = 2000
_LISTED = 200
_RELEVANT = 4
_FILE_CHARACTERS = 4000
_BEYOND = 8000
"""bytes that are read on, so that a secret at the edge is seen whole before the rest is cut"""
_STOP = frozenset({"and", "the", "for", "with", "from", "that", "this", "into", "add", "fix"})


def product_sections(root: Path, title: str) -> list[Section]:
    """README, list of files, and the few files whose path and content share most words with the task's title."""
    files = sorted(paths.walk(root, _MAX_FILES))
    if not files:
        return []
    sections: list[Section] = []
    readme = next((path for path in files if path.lower() in ("readme.md", "readme", "readme.rst", "readme.txt")), None)
    if readme:
        sections.append(Section("product-readme", _read(root / readme) or "", 8))
    listed = "\n".join(map(text.quoted, files[:_LISTED]))
    if len(files) > _LISTED:
        listed += f"\n[... {len(files) - _LISTED} more]"
    sections.append(Section("product-files", listed, 9))
    for path in relevant(root, files, title):
        if path != readme:
            sections.append(Section("product-file", f"{text.quoted(path)}:\n{_read(root / path) or ''}", 10))
    return sections


def relevant(root: Path, files: list[str], title: str) -> list[str]:
    """The most relevant files, best first. A word in the path weighs three times one in the content."""
    wanted = _words(title)
    by_path = {path: 3 * len(wanted & _words(path)) for path in files}
    looked_at = sorted(files, key=lambda path: (-by_path[path], path))[:60]
    scores: dict[str, int] = {}
    for path in looked_at:
        content = _read(root / path)
        if content:
            scores[path] = by_path[path] + len(wanted & _words(content))
    best = [path for path in scores if scores[path] >= 2]
    return sorted(best, key=lambda path: (-scores[path], path))[:_RELEVANT]


def knowledge_section(factory: Path, query: str, product: str | None) -> tuple[Section | None, list[str]]:
    """What HiveMind knows of this, and the paths of the entries used."""
    database = factory / "state" / "knowledge.db"
    if not database.exists():
        return None, []
    with contextlib.closing(Index(database)) as index:
        entries = index.search(query, limit=5, product=product or None)
    if not entries:
        return None, []
    body = "\n\n".join(text.cut(entry.text.strip(), 1500) for entry in entries)
    return Section("knowledge", body, 7), [entry.path for entry in entries]


def _read(path: Path) -> str | None:
    """The beginning of a text file; None for a link, a binary, or what cannot be read."""
    if path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as file:
        data = file.read(_FILE_CHARACTERS + _BEYOND)
    if b"\0" in data:
        return None
    return text.clean(data.decode("utf-8", "ignore"))[:_FILE_CHARACTERS]


def _words(content: str) -> set[str]:
    spread = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", content)
    return {word for word in re.findall(r"[a-z0-9]{3,}", spread.lower()) if word not in _STOP}
