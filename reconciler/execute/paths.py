"""Paths below a root: which are allowed, what a glob means, and writing a file that cannot land anywhere else.

Globs are relative to the root: `*` and `?` stay within a folder, `**` crosses folders, `app/**` is all below app.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import secrets
import stat
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path

from reconciler import trees
from reconciler.execute import globs as globbing
from reconciler.model.spec import Paths

SKIPPED = (
    ".git", "node_modules", ".venv", "venv", "__pycache__", "dist", "build", "target", ".next", ".gradle",
)  # fmt: skip
"""folders that hold nothing an agent wrote"""


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
    return next((glob for glob in globs if globbing.matches(_normal(glob), path)), None)


def refusal(path: str, rules: Iterable[Paths]) -> str | None:
    """Why these rules do not let `path` be written; None where every one of them does."""
    for rule in rules:
        forbidden = matches(path, rule.forbid)
        if forbidden:
            return f"{path}: forbidden by {forbidden}"
        if rule.allow is not None and not matches(path, rule.allow):
            return f"{path}: outside the allowed paths ({', '.join(rule.allow) or 'there are none'})"
    return None


def write(root: Path, path: str, data: bytes, *, executable: bool = False) -> str:
    """Write a file below `root` at once, making folders, following no link. Gives the normal path. Raises UnsafePath.

    What was there is replaced, not overwritten: another name of the same file keeps its content.
    """
    normal = clean(path)
    *folders, name = normal.split("/")
    with _folder(root, folders, normal, make=True) as folder:
        there = _kind(name, folder)
        if there is not None and not stat.S_ISREG(there):
            message = f"{normal!r} is a link or a folder"
            raise UnsafePath(message)
        mode = 0o755 if executable or (there is not None and there & 0o100) else 0o644
        scratch = f".{secrets.token_hex(8)}.alai"
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, mode)
                file.write(data)
            os.rename(scratch, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(scratch, dir_fd=folder)
            raise
    return normal


def read(root: Path, path: str, limit: int) -> bytes:
    """At most `limit` bytes of a file below `root`; a link counts where it stays below. Raises UnsafePath, OSError."""
    normal = clean(path)
    real = Path(os.path.realpath(root / normal))
    top = Path(os.path.realpath(root))
    if real != top and not real.is_relative_to(top):
        message = f"{normal!r} leads out of the product"
        raise UnsafePath(message)
    *folders, name = clean(real.relative_to(top).as_posix()).split("/")
    with _folder(top, folders, normal, make=False) as folder:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "it is no file")
            return file.read(limit)


def walk(root: Path, limit: int = 20_000) -> Iterator[str]:
    """The files below `root` in order, without git's own and without what was installed or built; links are files."""
    count = 0
    for folder, names, files in trees.walk(root):
        names[:] = sorted(name for name in names if name not in SKIPPED)
        for name in sorted(files):
            if name == ".git":
                continue
            yield folder + name
            count += 1
            if count >= limit:
                return


@contextlib.contextmanager
def _folder(root: Path, parts: Sequence[str], path: str, *, make: bool) -> Generator[int]:
    """The folder that `parts` lead to, opened part by part: no link is followed, also none that appears meanwhile."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=descriptor)
            try:
                inner = os.open(part, flags, dir_fd=descriptor)
            except OSError as error:
                if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                    raise
                message = f"{path!r} leads through {part!r}, which is no folder"
                raise UnsafePath(message) from error
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _kind(name: str, folder: int) -> int | None:
    """The mode of what has this name; None where nothing has."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None


@functools.lru_cache(maxsize=512)
def _normal(glob: str) -> str:
    glob = glob.removeprefix("./").removeprefix("/")
    return f"{glob}**" if glob.endswith("/") else glob
