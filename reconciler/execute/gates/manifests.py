"""Build files that say two things: what the product consists of, which is the work's, and how it is judged: the base's.

`merged` gives the file to judge with: what the work may say of it, and of all else what the base says. Pure text.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

_WANTED = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
_SETTINGS = (
    "scripts", "jest", "mocha", "ava", "tap", "babel", "nyc", "c8", "vitest", "jasmine", "karma", "nodemonConfig",
    "workspaces", "imports", "overrides", "resolutions", "config", "eslintConfig", "prettier", "xo", "tsd", "wireit",
)  # fmt: skip
"""keys of a package.json that say how it is checked, or what stands in for what its checks use"""
_VERSION = re.compile(r"[\s^~<>=|*xX\d.,&+a-z-]*")
_TABLE = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_OPEN = {
    "Cargo.toml": re.compile(
        r"(?:target\..+\.)?(?:dev-|build-)?dependencies(?:\..+)?|workspace\.dependencies|features"
    ),
    "pyproject.toml": re.compile(
        r"project(?:\.(?!entry-points).+)?|dependency-groups|tool\.poetry(?:\.group\.[^.]+)?\.dependencies"
        r"|tool\.poetry\.dev-dependencies|tool\.(?:ruff|black|isort|mypy|pyright|setuptools)\b.*"
    ),
}
"""tables that are the work's to write"""
_PATHED = re.compile(r"\b(?:path|git|registry|package)\s*=")
_GO = re.compile(r"^[ \t]*+replace\b[^(\n]*+(?:\([^()]*+\))?", re.MULTILINE)
_GRADLE = re.compile(r"^dependencies\s*\{", re.MULTILINE)
_MAVEN = re.compile(r"<dependencies>(?:[^<]|<(?!/?dependencies>))*+</dependencies>")
_CMAKE = re.compile(
    r"(?im)^[ \t]*+(?:add_library|add_executable|target_sources|target_link_libraries|target_include_directories"
    r"|include_directories|add_subdirectory|install|project|cmake_minimum_required)[ \t]*+\((?:[^()]++|\([^()]*+\))*+\)"
)
_TESTING = re.compile(r"(?i)test|check|spec")


def merged(path: str, base: bytes, work: bytes) -> bytes:
    """What to judge with in place of `work`. It is `work` itself where it changes nothing that judges."""
    name = posixpath.basename(path)
    way = _WAYS.get(name) or (_gradle if name.endswith((".gradle", ".gradle.kts")) else None)
    if way is None or not work:
        return base
    try:
        return way(base.decode(), work.decode()).encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return base


def _package(base: str, work: str) -> str:
    was, now = _object(base), _object(work)
    kept = {key: value for key, value in now.items() if key not in _SETTINGS}
    kept |= {key: was[key] for key in _SETTINGS if key in was}
    for key in _WANTED:
        if key in now:
            kept[key] = _dependencies(was.get(key) or {}, now[key] or {})
    return work if kept == now else json.dumps(kept, indent=2) + "\n"


def _dependencies(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What is new and what got another version; nothing that was there comes from elsewhere now."""
    return {
        name: wanted if name not in was or _VERSION.fullmatch(str(wanted)) else was[name]
        for name, wanted in now.items()
    }


def _tables(name: str) -> Callable[[str, str], str]:
    """The base's file with those tables of the work's that only say what the product needs."""
    opened = _OPEN[name]

    def way(base: str, work: str) -> str:
        was, now = _sections(base), _sections(work)
        out: dict[str, str] = {}
        for table, body in was.items():
            mine = now.get(table, "") if opened.fullmatch(table) else body
            out[table] = body if _redirects(body, mine) else mine
        out |= {table: body for table, body in now.items() if table not in was and opened.fullmatch(table)}
        return work if out == now else "".join(out.values())

    return way


def _redirects(was: str, now: str) -> bool:
    """Whether a dependency that was there is taken from elsewhere now."""
    names = {line.partition("=")[0].strip() for line in was.splitlines() if "=" in line}
    lines = [line for line in now.splitlines() if line not in was.splitlines()]
    return any(line.partition("=")[0].strip() in names and _PATHED.search(line) for line in lines)


def _sections(text: str) -> dict[str, str]:
    """The file by its tables, in order; tables of one name together."""
    found: dict[str, str] = {"": ""}
    at = ""
    for line in text.splitlines(keepends=True):
        if heading := _TABLE.match(line):
            at = heading[1].replace('"', "").replace(" ", "")
        found[at] = found.get(at, "") + line
    return found


def _go(base: str, work: str) -> str:
    was = _GO.findall(base)
    return work if was == _GO.findall(work) else _GO.sub("", work) + "\n" + "\n".join(was) + "\n"


def _maven(base: str, work: str) -> str:
    """Dependencies and what the project is called are the work's, all else is the base's."""
    was, now = _MAVEN.sub("", base), _MAVEN.sub("", work)
    if " ".join(was.split()) == " ".join(now.split()) and "systemPath" not in work:
        return work
    mine = _MAVEN.search(work)
    return _MAVEN.sub(lambda _: mine[0], base, count=1) if mine and "systemPath" not in mine[0] else base


def _gradle(base: str, work: str) -> str:
    was, now = _block(base), _block(work)
    if base[: was[0]] + base[was[1] :] == work[: now[0]] + work[now[1] :]:
        return work
    return base[: was[0]] + work[now[0] : now[1]] + base[was[1] :]


def _block(text: str) -> tuple[int, int]:
    """Where the block `dependencies { ... }` begins and ends; the end of the file where there is none."""
    found = _GRADLE.search(text)
    if found is None:
        return len(text), len(text)
    deep = 1
    for at in range(found.end(), len(text)):
        deep += {"{": 1, "}": -1}.get(text[at], 0)
        if not deep:
            return found.start(), at + 1
    return found.start(), len(text)


def _cmake(base: str, work: str) -> str:
    """The work's file, where it differs in what is built and not in how it is checked."""

    def judging(text: str) -> str:
        plain = re.sub(r"#[^\n]*", "", text)
        return " ".join(_CMAKE.sub(lambda found: found[0] if _TESTING.search(found[0]) else "", plain).split())

    return work if judging(base) == judging(work) else base


def _object(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError
    return cast("dict[str, Any]", found)


_WAYS: Mapping[str, Callable[[str, str], str]] = {
    "package.json": _package,
    "Cargo.toml": _tables("Cargo.toml"),
    "pyproject.toml": _tables("pyproject.toml"),
    "go.mod": _go,
    "pom.xml": _maven,
    "CMakeLists.txt": _cmake,
}
