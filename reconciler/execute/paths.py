"""Paths below a root: which are allowed, what a glob means, and writing a file that cannot land anywhere else.

Globs are relative to the root: `*` and `?` stay within a folder, `**` crosses folders, `app/**` is all below app.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable
from pathlib import Path

from reconciler.model.spec import Paths


class UnsafePath(Exception):
    """A path that leads out of its root, through a link, or into git's own folder. The message is one line."""


def clean(path: str) -> str:
    """The path in its one normal form, `a/b/c`. Raises UnsafePath where it is not plainly below the root."""
    # what does not print hides what a name is, and git on macOS drops some of it: `.g<U+200C>it` is `.git` there
    if not path or len(path) > 400 or not path.isprintable() or any(len(os.fsencode(p)) > 255 for p in path.split("/")):
        message = f"{path[:80]!r} is no usable path"
        raise UnsafePath(message)
    if path.startswith("/") or "\\" in path or re.match(r"[A-Za-z]:", path):
        message = f"{path!r} is not relative to the product's root"
        raise UnsafePath(message)
    parts = path.removeprefix("./").split("/")
    if any(part in ("", ".", "..") for part in parts):
        message = f"{path!r} leaves the product's root or is not in its normal form"
        raise UnsafePath(message)
    if touches_git(path):
        message = f"{path!r} belongs to git"
        raise UnsafePath(message)
    return "/".join(parts)


def touches_git(path: str) -> bool:
    """Whether a part of the path is git's own on any file system (case and trailing dots ignored)."""
    return any(part.lower().rstrip(". ") in (".git", "git~1", ".gitmodules") for part in path.split("/"))


def matches(path: str, globs: Iterable[str]) -> str | None:
    """The first glob that matches, if any."""
    return next((glob for glob in globs if _compiled(glob).fullmatch(path)), None)


def refusal(path: str, rules: Iterable[Paths]) -> str | None:
    """Why these rules do not let `path` be written; None where every one of them does."""
    for rule in rules:
        forbidden = matches(path, rule.forbid)
        if forbidden:
            return f"{path}: forbidden by {forbidden}"
        if rule.allow and not matches(path, rule.allow):
            return f"{path}: outside the allowed paths ({', '.join(rule.allow)})"
    return None


def write(root: Path, path: str, data: bytes, *, executable: bool = False) -> str:
    """Write a file below `root`, making folders, following no link. Gives the normal path. Raises UnsafePath."""
    normal = clean(path)
    target = root
    parts = normal.split("/")
    for part in parts[:-1]:
        target = target / part
        if target.is_symlink() or (target.exists() and not target.is_dir()):
            message = f"{normal!r} leads through {part!r}, which is no folder"
            raise UnsafePath(message)
        target.mkdir(exist_ok=True)
    target = target / parts[-1]
    if target.is_symlink() or target.is_dir():
        message = f"{normal!r} is a link or a folder"
        raise UnsafePath(message)
    mode = 0o755 if executable else 0o644
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    if executable:
        target.chmod(mode)
    return normal


@functools.lru_cache(maxsize=512)
def _compiled(glob: str) -> re.Pattern[str]:
    glob = glob.removeprefix("./").removeprefix("/")
    if glob.endswith("/"):
        glob += "**"
    out = ""
    at = 0
    while at < len(glob):
        if glob.startswith("**/", at):
            out, at = out + "(?:[^/]+/)*", at + 3
        elif glob.startswith("**", at):
            out, at = out + ".*", at + 2
        elif glob[at] == "*":
            out, at = out + "[^/]*", at + 1
        elif glob[at] == "?":
            out, at = out + "[^/]", at + 1
        else:
            out, at = out + re.escape(glob[at]), at + 1
    return re.compile(out, re.DOTALL)
