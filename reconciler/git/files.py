"""Files of a working tree, looked at and replaced without ever following a symlink. Knows nothing of branches."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Collection, Generator
from pathlib import Path
from typing import NamedTuple

from reconciler import trees

_SUBMODULE = "160000"
_SYMLINK = "120000"

Entry = tuple[str, str]
"""(git mode, object name)"""


class Stamp(NamedTuple):
    """Tells whether a file is still the one that was looked at."""

    inode: int
    size: int
    mtime_ns: int


class Slot(NamedTuple):
    """A path that may be written: free (no stamp), or holding the file with this stamp."""

    stamp: Stamp | None


class Blocked(Exception):
    """Something is in the way at or above a path: a symlink, a file for a folder, a folder with files."""


class Disk:
    """The files below `root`. Paths in `leaving` are about to be removed: they stand in nobody's way."""

    def __init__(self, root: Path, leaving: Collection[str] = ()) -> None:
        self.root = root
        self.leaving = frozenset(leaving)

    def occupied(self, path: str) -> bool:
        """Whether a new file at `path` would hide or overwrite something."""
        try:
            return self._look(path) is not None
        except Blocked:
            return True

    def slot(
        self, path: str, old: Entry | None, new: Entry | None, as_stored: Callable[[str], str | None]
    ) -> Slot | None:
        """What `put` needs where the disk has exactly `old`; None where it must stay as it is.

        `as_stored` gives the object name that git would store for a file: asked only where the bytes differ.
        """
        if _SUBMODULE in (old and old[0], new and new[0]):
            return None
        try:
            there = self._look(path)
        except Blocked:
            return None
        if there is None or old is None:
            return Slot(None) if there is None and old is None else None
        if stat.S_ISLNK(there.st_mode) != (old[0] == _SYMLINK):
            return None
        digest = _blob_name(self.root / path, there, len(old[1]))
        if digest == old[1] or (not (new and digest == new[1]) and old[0] != _SYMLINK and as_stored(path) == old[1]):
            return Slot(_stamp(there))
        return None

    def put(self, path: str, slot: Slot, source: Path | None) -> bool:
        """Rename `source` to `path`, or remove the file there; False where the file is no longer what was looked at."""
        *folders, name = path.split("/")
        try:
            with self._folder(folders, make=source is not None) as fd:
                if not _still(name, slot.stamp, fd):
                    return False
                if source is None:
                    os.unlink(name, dir_fd=fd)
                else:
                    _rename(source, name, fd)
        except (Blocked, FileNotFoundError):
            return False
        if source is None:
            self._prune(folders)
        return True

    def _look(self, path: str) -> os.stat_result | None:
        """The file at `path`, None where nothing is. Raises Blocked."""
        parts = path.split("/")
        for depth in range(1, len(parts)):
            above = "/".join(parts[:depth])
            try:
                there = (self.root / above).lstat()
            except FileNotFoundError:
                return None
            if not stat.S_ISDIR(there.st_mode):
                if above in self.leaving:
                    return None
                raise Blocked(above)
        try:
            found = (self.root / path).lstat()
        except FileNotFoundError:
            return None
        if stat.S_ISDIR(found.st_mode):
            if self._all_leaving(path):
                return None
            raise Blocked(path)
        if not stat.S_ISREG(found.st_mode) and not stat.S_ISLNK(found.st_mode):
            raise Blocked(path)
        return found

    def _all_leaving(self, folder: str) -> bool:
        return all(
            f"{folder}/{base}{name}" in self.leaving
            for base, _, others in trees.walk(self.root / folder)
            for name in others
        )

    @contextlib.contextmanager
    def _folder(self, parts: list[str], *, make: bool) -> Generator[int]:
        """An open descriptor of the folder, reached component by component without following symlinks."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, dir_fd=fd)
                try:
                    below = os.open(part, flags, dir_fd=fd)
                except (NotADirectoryError, OSError) as refused:
                    if isinstance(refused, FileNotFoundError):
                        raise
                    raise Blocked(part) from refused
                os.close(fd)
                fd = below
            yield fd
        finally:
            os.close(fd)

    def _prune(self, folders: list[str]) -> None:
        """Remove folders that became empty, as git does."""
        for depth in range(len(folders), 0, -1):
            try:
                (self.root / "/".join(folders[:depth])).rmdir()
            except OSError:
                return


def _blob_name(path: Path, there: os.stat_result, length: int) -> str:
    """git's name for the bytes of a file, or for a symlink's target. `length`: of names in this repository."""
    digest = hashlib.new("sha1" if length == 40 else "sha256", b"blob %d\0" % there.st_size, usedforsecurity=False)
    if stat.S_ISLNK(there.st_mode):
        digest.update(os.fsencode(path.readlink()))
        return digest.hexdigest()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _stamp(there: os.stat_result) -> Stamp:
    return Stamp(there.st_ino, there.st_size, there.st_mtime_ns)


def _still(name: str, stamp: Stamp | None, fd: int) -> bool:
    try:
        return _stamp(os.stat(name, dir_fd=fd, follow_symlinks=False)) == stamp
    except FileNotFoundError:
        return stamp is None


def _rename(source: Path, name: str, fd: int) -> None:
    """Move a prepared file into place in one step, also where the git folder is on another file system."""
    try:
        os.rename(source, name, dst_dir_fd=fd)
    except OSError as refused:
        if refused.errno != errno.EXDEV:
            raise
        near = f".{name[:100]}.alai-new"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(near, dir_fd=fd)
        if source.is_symlink():
            os.symlink(source.readlink(), near, dir_fd=fd)
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(near, flags, source.stat().st_mode & 0o777, dir_fd=fd), "wb") as copy:
                copy.write(source.read_bytes())
        os.rename(near, name, src_dir_fd=fd, dst_dir_fd=fd)
