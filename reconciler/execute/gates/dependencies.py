"""The check of a quality gate that reads lists of dependencies: what was added is pinned, and the lock knows it."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from reconciler.execute.gates.files import read_toml
from reconciler.execute.gates.subject import Subject

Wanted = dict[str, str]
"""dependency -> which versions"""

_REQUIREMENTS = re.compile(r"^(?:.*[-_.])?requirements(?:[-_.].*)?\.(?:txt|in)$|^constraints\.txt$")
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][\w.-]*)(\[[^\]]*\])?\s*([^#;]*)")
_LOCKED_BY = {
    "package.json": ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"),
    "composer.json": ("composer.lock",),
    "pyproject.toml": ("uv.lock", "poetry.lock", "pdm.lock"),
    "Cargo.toml": ("Cargo.lock",),
}
_ANY = ("", "*", "latest", "x", "any", "dev-master", "dev-main")


def dependencies(subject: Subject) -> Iterator[str]:
    """Every dependency that was added or changed has an upper bound, and the lock file beside it was written anew."""
    touched = {change.path for change in subject.changes if change.new}
    for change in subject.changes:
        folder, name = posixpath.split(change.path)
        read = _READERS.get(name) or (_requirements if _REQUIREMENTS.match(name) else None)
        if read is None or change.new is None:
            continue
        now, before = _read(read, subject.content(change.path)), _read(read, subject.before(change) or b"")
        new = {key: versions for key, versions in now.items() if before.get(key) != versions}
        for key, versions in new.items():
            if not _bounded(versions):
                yield f"{change.path}: {key} {versions or 'in any version'}: has no upper bound"
        locks = [posixpath.join(folder, lock) for lock in _LOCKED_BY.get(name, ())]
        there = [lock for lock in locks if (subject.root / lock).is_file()]
        if now != before and there and not touched.intersection(there):
            yield f"{change.path}: its dependencies changed, and {posixpath.basename(there[0])} did not"


def _bounded(versions: str) -> bool:
    """An exact version, a range that ends, a caret or tilde, or an address."""
    plain = versions.strip()
    return plain.lower() not in _ANY and not (plain.startswith((">", "!=")) and "<" not in plain and "==" not in plain)


def _read(read: Callable[[bytes], Wanted], data: bytes) -> Wanted:
    """What cannot be read asks for nothing: that it can be read is another check's."""
    try:
        return read(data) if data else {}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _requirements(data: bytes) -> Wanted:
    lines = (_REQUIREMENT.match(line) for line in data.decode("utf-8", "replace").splitlines() if " @ " not in line)
    return {found[1].lower(): found[3].strip() for found in lines if found}


def _javascript(data: bytes) -> Wanted:
    return _merged(json.loads(data), ("dependencies", "devDependencies", "optionalDependencies"))


def _php(data: bytes) -> Wanted:
    return _merged(json.loads(data), ("require", "require-dev"))


def _rust(data: bytes) -> Wanted:
    return _merged(read_toml(data), ("dependencies", "dev-dependencies", "build-dependencies"))


def _python(data: bytes) -> Wanted:
    document = read_toml(data)
    project = document.get("project", {})
    listed: list[str] = [*project.get("dependencies", ())]
    for extra in project.get("optional-dependencies", {}).values():
        listed += extra
    poetry = document.get("tool", {}).get("poetry", {})
    wanted = _requirements("\n".join(listed).encode()) | _merged(poetry, ("dependencies", "dev-dependencies"))
    return {key: versions for key, versions in wanted.items() if key != "python"}


def _merged(document: Mapping[str, Any], keys: tuple[str, ...]) -> Wanted:
    return {
        name: _versions(value)
        for key in keys
        for name, value in cast("Mapping[str, Any]", document.get(key) or {}).items()
    }


def _versions(value: object) -> str:
    """Of a plain version, or of a table that names one, a path or an address."""
    if isinstance(value, str):
        return value
    table = cast("Mapping[str, Any]", value if isinstance(value, dict) else {})
    return str(table.get("version") or table.get("path") or table.get("git") or table.get("workspace") or "")


_READERS: dict[str, Callable[[bytes], Wanted]] = {
    "package.json": _javascript,
    "composer.json": _php,
    "pyproject.toml": _python,
    "Cargo.toml": _rust,
}
