"""Manifests as they lie on the disk, committed or not. Never reads outside the repository or through a link.

The trusted snapshot is read from git instead; this is for `validate` and `diff --worktree`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from reconciler.desired.parse import MAX_BYTES
from reconciler.desired.read import MANIFEST_ROOTS, is_manifest, oversized, read_file, symlink
from reconciler.desired.words import safe
from reconciler.model.history import FileRecord
from reconciler.model.refs import Position, Problem


def read_worktree(root: Path, paths: Sequence[str] | None = None) -> list[FileRecord]:
    """Read the manifests below `root`, or only those below `paths` (files or folders, relative to `root`).

    A file that is named is read whatever it is called; in folders only manifests are. What cannot or must not be read
    gives a record with a problem. Sorted by path.
    """
    base = Path(os.path.realpath(root))
    records: dict[str, FileRecord] = {}
    for asked in MANIFEST_ROOTS if paths is None else paths:
        relative = os.path.normpath(base / asked)
        path = os.path.relpath(relative, base).replace(os.sep, "/")
        if path == ".." or path.startswith("../"):
            records[asked] = _problem(asked, "lies outside the repository")
            continue
        for record in _below(base, path, named=paths is not None):
            records[record.path] = record
    return [records[path] for path in sorted(records)]


def _below(base: Path, path: str, *, named: bool) -> Iterator[FileRecord]:
    """Records of one file or folder. Folders that are links are not entered."""
    linked = _linked_parent(base, path)
    if linked is not None:
        yield symlink(linked, "")
        return
    try:
        mode = (base / path).lstat().st_mode
    except (OSError, ValueError) as error:
        if named:
            yield _problem(path, f"cannot be read: {_reason(error)}")
        return
    if not stat.S_ISDIR(mode):
        yield _file(base, path)
        return
    roots = MANIFEST_ROOTS if path == "." else (path,)
    for start in roots:
        for folder, folders, files in os.walk(base / start, onerror=None, followlinks=False):
            folders.sort()
            for name in (*files, *folders):
                inside = os.path.relpath(Path(folder) / name, base).replace(os.sep, "/")
                if name in folders and not (Path(folder) / name).is_symlink():
                    continue
                if name in folders:
                    if is_manifest(f"{inside}/x.yaml"):
                        yield symlink(inside, "")
                elif is_manifest(inside):
                    yield _file(base, inside)


def _linked_parent(base: Path, path: str) -> str | None:
    """The first folder on the way to `path` that is a link."""
    parts = path.split("/")
    for number in range(1, len(parts)):
        above = "/".join(parts[:number])
        try:
            if (base / above).is_symlink():
                return above
        except (OSError, ValueError):
            return None
    return None


def _file(base: Path, path: str) -> FileRecord:
    """Read one file without following a link and without waiting on a pipe or device."""
    try:
        descriptor = os.open(base / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        if (base / path).is_symlink():
            return symlink(path, "")
        return _problem(path, f"cannot be read: {_reason(error)}")
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            return _problem(path, "not a plain file")
        if found.st_size > MAX_BYTES:
            return oversized(path, "", found.st_size)
        try:
            data = file.read(MAX_BYTES + 1)
        except OSError as error:
            return _problem(path, f"cannot be read: {_reason(error)}")
    return read_file(path, _blob_id(data), data)


def _blob_id(data: bytes) -> str:
    """The id that git (SHA-1) gives these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _reason(error: OSError | ValueError) -> str:
    return safe((error.strerror or "unknown") if isinstance(error, OSError) else str(error))


def _problem(path: str, message: str) -> FileRecord:
    return FileRecord(path, "", (), (Problem(Position(safe(path, 300)), "", message),))
