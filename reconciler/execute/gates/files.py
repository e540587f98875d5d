"""Checks of a quality gate that read changed files as a whole: they parse, stay small, and keep their form."""

from __future__ import annotations

import ast
import collections
import json
import re
import threading
import tomllib
import warnings
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any, cast

from reconciler.execute.gates.families import suffix
from reconciler.execute.gates.subject import Subject
from reconciler.model.history import TreeChange

MOST_BYTES = 1_000_000
_LOOKED_AT = 8_000
_MOST_DOTS = 200
_DEEPEST = 500
_BRACKET = re.compile(rb"[\[\]{}]")
_PICTURES = frozenset(
    (".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".ico", ".woff", ".woff2", ".ttf", ".otf", ".pdf")
)
"""binary files that products really consist of"""
_SAMPLES = frozenset(("fixtures", "__fixtures__", "testdata", "test-data", "snapshots", "__snapshots__"))
"""folders of files that may be broken on purpose"""
_TEMPLATES = frozenset(("templates", "template", "charts", "chart", "skeleton", "roles"))
_WITH_COMMENTS = ("tsconfig", "jsconfig", ".eslintrc", ".babelrc", ".jshintrc", "devcontainer")
_COMMENTED = frozenset((".vscode", ".devcontainer", ".zed"))
_warnings = threading.Lock()


def syntax(subject: Subject) -> Iterator[str]:
    """Every JSON, YAML, TOML and Python file that was added or changed can be read, if it could be before."""
    for change in subject.changes:
        parse = _PARSERS.get(suffix(change.path))
        if parse is None or change.new is None or not _is_file(change) or _excused(change.path):
            continue
        data = subject.content(change.path)
        if len(data) > MOST_BYTES:
            continue
        said = _fault(parse, data)
        if said is None or (_is_template(change.path) and (b"{{" in data or b"{%" in data)):
            continue
        before = subject.before(change)
        if before is None or _fault(parse, before) is None:
            yield f"{change.path}: {said}"


def files(subject: Subject) -> Iterator[str]:
    """No file is large or binary that was not, and every file keeps its mode and its line endings."""
    for change in subject.changes:
        if change.new is None or not _is_file(change):
            continue
        before, after = subject.before(change), subject.content(change.path)
        if len(after) > MOST_BYTES and (before is None or len(before) <= MOST_BYTES):
            yield f"{change.path}: is larger than {MOST_BYTES} bytes"
        elif _binary(after) and (before is None or not _binary(before)) and suffix(change.path) not in _PICTURES:
            yield f"{change.path}: is binary"
        if (mode := subject.mode_before(change)) not in (None, change.mode):
            yield f"{change.path}: its mode was {mode} and is {change.mode}"
        if before and after and _windows(before) != _windows(after):
            yield f"{change.path}: its line endings were changed"


def _is_file(change: TreeChange) -> bool:
    return change.mode.startswith("100")


def _excused(path: str) -> bool:
    parts = PurePosixPath(path).parts
    if _SAMPLES.intersection(parts):
        return True
    return suffix(path) == ".json" and (bool(_COMMENTED.intersection(parts)) or parts[-1].startswith(_WITH_COMMENTS))


def _is_template(path: str) -> bool:
    return bool(_TEMPLATES.intersection(PurePosixPath(path).parts))


def _binary(data: bytes) -> bool:
    return b"\0" in data[:_LOOKED_AT]


def _windows(data: bytes) -> bool:
    """Whether most lines end as they do on Windows."""
    return data.count(b"\r\n") * 2 > data.count(b"\n")


def _fault(parse: Callable[[bytes], object], data: bytes) -> str | None:
    """What is wrong with the file, in one line."""
    try:
        parse(data)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        where = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        return f"cannot be read: {' '.join(said.split())[:160] or type(error).__name__}{where}"
    return None


def _json(data: bytes) -> None:
    json.loads(data)


def _toml(data: bytes) -> None:
    read_toml(data)


def read_toml(data: bytes) -> dict[str, Any]:
    """Raises ValueError, also for keys of so many parts that reading them would take for ever."""
    if any(line.count(b".") > _MOST_DOTS for line in data.splitlines()):
        raise ValueError(f"a line of it has more than {_MOST_DOTS} dots")
    return tomllib.loads(data.decode())


def _nested(data: bytes, most: int) -> None:
    """Raises ValueError for brackets in each other that nobody writes: parsers take time for each level."""
    depth = 0
    for mark in _BRACKET.findall(data):
        depth = depth + 1 if mark in b"[{" else max(depth - 1, 0)
        if depth > most:
            raise ValueError(f"it is nested more than {most} deep")


def _yaml(data: bytes) -> None:
    """Events only: no object is made of them, whatever tags and aliases say."""
    import yaml

    _nested(data, _DEEPEST)
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        events = cast("Iterator[object]", yaml.parse(data.decode("utf-8-sig"), loader))
        collections.deque(events, maxlen=0)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _python(data: bytes) -> None:
    with _warnings, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ast.parse(data)


_PARSERS: dict[str, Callable[[bytes], None]] = {
    ".json": _json,
    ".yaml": _yaml,
    ".yml": _yaml,
    ".toml": _toml,
    ".py": _python,
}
