"""What the repository's trees and commits say, as plain values: the projection's food."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reconciler.model.objects import Object
from reconciler.model.refs import Problem


class TreeChange(msgspec.Struct, frozen=True):
    """One path that differs between two trees. `new` is None where it was removed, `old` None where it was added.

    `mode` is the new (or, removed, the old) git mode: 100644, 100755, 120000 (symlink), 160000 (submodule).
    """

    path: str
    mode: str
    old: str | None
    new: str | None


class CommitInfo(msgspec.Struct, frozen=True):
    """One commit. `time` is the committer's, Unix seconds; `trailers` keeps the last value of each key."""

    oid: str
    time: int
    author: str
    subject: str
    trailers: Mapping[str, str]


class FileRecord(msgspec.Struct, frozen=True):
    """What one manifest file declares. A file with problems declares what could still be read."""

    path: str
    blob: str
    objects: tuple[Object, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    """what is there and has no effect; nothing stops because of it"""


class EvidenceFile(msgspec.Struct, frozen=True):
    """An `evidence.json` in the tree: its path, the sha256 of its bytes, and the bytes."""

    path: str
    digest: str
    data: bytes
