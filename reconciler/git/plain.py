"""What a `.git` folder may consist of: files and folders of its own. Decides nothing but that.

Whoever packed a folder also chose what its `.git` holds. A link there makes what is written land in another place, and
a named pipe keeps its reader waiting for ever. So every file is opened here, and what git itself opens is looked at.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import re
import stat
from pathlib import Path

from reconciler.git.errors import GitError

_FILES = (
    *("HEAD", "index", "packed-refs", "shallow", "commondir", "gitdir", "config", "config.worktree", "logs/HEAD"),
    *("info/attributes", "info/exclude", "info/sparse-checkout", "objects/info/alternates"),
)
_FOLDERS = ("info", "logs", "refs", "objects", "objects/info", "objects/pack")
_MOST = 50_000
"""branches or logs, each in a file of its own: looking at as many takes some hundredths of a second before every git"""
_OBJECTS = 1_000_000
"""objects, each in a file of its own: looking at as many takes a second, once a process"""
_BORROWED = 4096
"""bytes of the names of folders that objects are borrowed from"""
_DEEP = 5
"""folders that borrow from folders, as many as git follows"""
_LOOSE = re.compile(r"[0-9a-f]{2}")


def read(file: Path, most: int = -1) -> bytes:
    """The first `most` bytes of a file (-1: all). Raises GitError where it is a link or no file, OSError."""
    try:
        fd = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if file.is_symlink():
            raise _link(file) from error
        raise
    with os.fdopen(fd, "rb") as stream:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise _odd(file, "file")
        return stream.read(most)


def require(*folders: Path) -> None:
    """Raises GitError where something in these git folders that is read or written is a link, a pipe or the like."""
    for folder in dict.fromkeys(folders):
        for name in _FOLDERS:
            require_folder(folder / name)
        for name in _FILES:
            if (mode := _mode(folder / name)) is not None and not stat.S_ISREG(mode):
                raise _link(folder / name) if stat.S_ISLNK(mode) else _odd(folder / name, "file")


def require_folder(folder: Path) -> None:
    """Raises GitError where it is there, but not as a folder of its own."""
    if (mode := _mode(folder)) is not None and not stat.S_ISDIR(mode):
        raise _link(folder) if stat.S_ISLNK(mode) else _odd(folder, "folder")


def require_below(*folders: Path) -> None:
    """The same for all branches and their logs, and for what objects lie in. Raises GitError.

    git finds branches and logs by itself, not through a folder of ours, and appends to each log that is there.
    """
    for folder in dict.fromkeys(folders):
        for name in ("objects", "objects/pack"):
            _entries(f"{folder}/{name}", _MOST)
        _require_tree([f"{folder}/refs"], _MOST)
        _require_tree([f"{folder}/logs"], _MOST, alone=True)
        _require_loose(f"{folder}/objects")
        _require_alternates(folder / "objects", _DEEP)


@functools.lru_cache(maxsize=64)
def _require_alternates(objects: Path, deep: int) -> None:
    """The same for the folders that objects are borrowed from, which may lie anywhere. Once a process."""
    try:
        said = read(objects / "info/alternates", _BORROWED + 1)
    except (FileNotFoundError, NotADirectoryError):
        return
    if len(said) > _BORROWED or deep == 0 or b'"' in said or b"\0" in said:
        raise GitError(f"{objects}/info/alternates borrows from more folders than are looked at: make a clone instead")
    for line in filter(None, said.split(b"\n")):
        place = objects / os.fsdecode(line)
        for name in ("", "/pack"):
            _entries(f"{place}{name}", _MOST)
        _require_loose(str(place))
        _require_alternates(place, deep - 1)


@functools.lru_cache(maxsize=64)
def _require_loose(objects: str) -> None:
    """The same for objects in files of their own, since git waits for ever for a pipe among them.

    Once a process: nobody but git writes there while we work.
    """
    loose = [path for path in _entries(objects, _MOST)[1] if _LOOSE.fullmatch(path.rpartition("/")[2])]
    _require_tree(loose, _OBJECTS)


def _require_tree(todo: list[str], most: int, *, alone: bool = False) -> None:
    left = most
    while todo:
        found, folders = _entries(todo.pop(), left, alone=alone)
        todo += folders
        left -= found


def require_few(folder: Path, most: int) -> None:
    """Raises GitError where a folder, which need not be there, has more entries: before they are listed."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        if sum(1 for _ in itertools.islice(entries, most + 1)) > most:
            raise _too_many(str(folder))


def _entries(folder: str, most: int, *, alone: bool = False) -> tuple[int, list[str]]:
    """How many entries a folder has, and which are folders. Raises GitError as soon as there are more than `most`.

    `alone`: git writes to the end of these files. It replaces all others, which may have other names for that reason.
    """
    folders: list[str] = []
    number = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                number += 1
                if number > most:
                    raise _too_many(folder)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif not entry.is_file(follow_symlinks=False):
                    _require_gone(Path(entry.path))
                elif alone and entry.stat(follow_symlinks=False).st_nlink > 1:
                    raise _shared(entry.path)
    except (FileNotFoundError, NotADirectoryError):
        pass  # git removes a folder with its last branch, and borrows nothing from a file
    return number, folders


def _too_many(folder: str) -> GitError:
    told = "make a clone instead, or pack them: git pack-refs --all; git gc"
    return GitError(f"{folder} has more files than are looked at: {told}")


def _require_gone(place: Path) -> None:
    """What is neither a file nor a folder may also have gone since it was listed."""
    if (mode := _mode(place)) is not None and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise _link(place) if stat.S_ISLNK(mode) else _odd(place, "file")


def _mode(place: Path) -> int | None:
    try:
        return os.lstat(place).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _link(place: Path) -> GitError:
    return GitError(f"{place} is a link, so what is written there would land elsewhere: make a clone instead")


def _shared(place: str) -> GitError:
    told = f"give it a file of its own (cp -p {place} {place}.own && mv {place}.own {place}), or make a clone instead"
    return GitError(f"{place} has a second name (a hard link), so what git appends to it would land there too: {told}")


def _odd(place: Path, kind: str) -> GitError:
    return GitError(f"{place} is no plain {kind}: move it away, or make a clone instead")
