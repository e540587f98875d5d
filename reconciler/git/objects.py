"""Commit objects that were made in this process: their names, and how they come to disk. No git process is started."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

from reconciler.git.errors import GitError

_MODE = 0o444


def object_name(kind: str, content: bytes, length: int = 40) -> str:
    """The name of an object (blob, tree, commit, tag) as git computes it: `length` is 40 (SHA-1) or 64 (SHA-256)."""
    digest = hashlib.new("sha1" if length == 40 else "sha256", usedforsecurity=False)
    digest.update(b"%s %d\0" % (kind.encode(), len(content)))
    digest.update(content)
    return digest.hexdigest()


def commit_name(content: bytes) -> str:
    return object_name("commit", content)


def write_commits(objects: Path, commits: Mapping[str, bytes]) -> None:
    """Store commits (name -> content) as loose objects; they are on disk when this returns. Raises GitError.

    Each whole or not at all. What is left of a write that was cut off has a name that git sweeps away.
    """
    parts = {name: objects / f"tmp_obj_{os.urandom(8).hex()}" for name in commits}
    try:
        for name, part in parts.items():
            part.write_bytes(zlib.compress(_framed(commits[name]), 1))
        # after all of them are written: one flush of the disk's journal then serves most
        for part in parts.values():
            _sync(part)
        for name, part in parts.items():
            folder = objects / name[:2]
            folder.mkdir(exist_ok=True)
            part.chmod(_MODE)
            part.replace(folder / name[2:])
    except OSError as error:
        for part in parts.values():
            part.unlink(missing_ok=True)
        raise GitError(f"cannot write a commit below {objects}: {error.strerror}") from error


def _framed(content: bytes) -> bytes:
    return b"commit %d\0" % len(content) + content


def _sync(file: Path) -> None:
    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
