"""Folders that strangers shaped: walked, copied and removed whatever their depth, modes and names. No link is followed.

Nothing here recurses, so a thousand folders in each other are as good as one. Knows nothing of git or of rules.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Collection, Generator, Iterator
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20
_NAMED = 120
"""characters of a name in a message"""


def walk(root: Path | str, *, opening: bool = False) -> Iterator[tuple[str, list[str], list[str]]]:
    """(folder below `root` as `a/b/` or ``, names of folders, names of everything else), each folder before its own.

    Names taken out of the list of folders are not entered. A folder that cannot be looked into counts as empty;
    `opening` gives its owner's rights back first. Raises OSError where a path is longer than the system takes.
    """
    top = os.fspath(root)
    waiting = [""]
    while waiting:
        base = waiting.pop()
        folders: list[str] = []
        others: list[str] = []
        for entry in _listed(f"{top}/{base}", opening):
            (folders if entry.is_dir(follow_symlinks=False) else others).append(entry.name)
        yield base, folders, others
        waiting += [f"{base}{name}/" for name in reversed(folders)]


def copy(source: Path, target: Path, leave: Collection[str] = (), *, linked: bool = False, alike: bool = False) -> None:
    """Copy a tree: files, links as links, modes and times. Names in `leave` are left out, and so are pipes and devices.

    What may not be read is there without its content: whoever works on the copy could not read it either. `linked`:
    where the file system can, each file is a second name of the same one. That is many times quicker, and only for a
    copy whose files are replaced and removed, and never written to. `alike`: everything has one time and one of two
    modes and is made in the order of the names, so that nothing shows which files were written later than others.
    """
    now = time.time_ns() if alike else None
    made: list[str] = []
    for base, folders, others in walk(source):
        folders[:] = sorted(name for name in folders if name not in leave)
        (target / base).mkdir(parents=not base)
        made.append(base)
        # as text: with paths as objects, most of the time would go into making them
        here, there = f"{source}/{base}", f"{target}/{base}"
        for name in sorted(others):
            if name not in leave:
                _copy_file(here + name, there + name, linked, now)
    for base in reversed(made):
        with contextlib.suppress(PermissionError):
            if now is None:
                shutil.copystat(source / base, target / base)
            else:
                (target / base).chmod(0o755)
                os.utime(target / base, ns=(now, now))


def remove(place: Path) -> str | None:
    """Remove a file, a link or a tree. Never raises: one line about what is left, None where all is gone."""
    try:
        above = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{shown(str(place))}: {error.strerror}"
    try:
        left = _remove(place.name, above)
    finally:
        os.close(above)
    if not left:
        return None
    more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
    return f"{shown(str(place))} cannot be removed: {left[0]}{more}"


@contextlib.contextmanager
def scratch(folder: Path | None = None, prefix: str = "alai-") -> Generator[Path]:
    """A temporary folder, gone afterwards as far as it can be removed, whatever was put into it."""
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
    try:
        yield made
    finally:
        remove(made)


def stays_inside(root: Path, place: Path) -> bool:
    """Whether all links on the way to `place` lead below `root`. Those that end nowhere, or in a circle, may do so."""
    return Path(os.path.realpath(place)).is_relative_to(os.path.realpath(root))


def shown(name: str) -> str:
    """A file's name as text that can be encoded: bytes that are not UTF-8 as `\\xff`."""
    if name.isascii():
        return name
    try:
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return name.encode("utf-8", "backslashreplace").decode()


def _listed(folder: str, opening: bool) -> list[os.DirEntry[str]]:
    if opening and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        with contextlib.suppress(OSError):
            _unlock(folder)
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (PermissionError, FileNotFoundError, NotADirectoryError):
        return []


def _copy_file(source: str, target: str, linked: bool, now: int | None) -> None:
    found = os.lstat(source)
    if stat.S_ISLNK(found.st_mode):
        Path(target).symlink_to(Path(source).readlink())
    elif stat.S_ISREG(found.st_mode):
        if linked and _linked(source, target):
            return
        made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, stat.S_IRWXU)
        try:
            with contextlib.suppress(PermissionError):
                _pour(source, made, found.st_size)
            if now is None:
                os.fchmod(made, stat.S_IMODE(found.st_mode))
                os.utime(made, ns=(found.st_atime_ns, found.st_mtime_ns))
            else:
                os.fchmod(made, 0o755 if found.st_mode & stat.S_IXUSR else 0o644)
                os.utime(made, ns=(now, now))
        finally:
            os.close(made)


def _linked(source: str, target: str) -> bool:
    """Whether the file could be given a second name: not on another file system, nor where it has too many."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def _pour(source: str, target: int, expected: int) -> None:
    """Write the content of a file into an open one. `expected`: about how many bytes that is."""
    opened = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        while chunk := os.read(opened, min(expected + 1, _CHUNK)):
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(target, rest) :]
    finally:
        os.close(opened)


def _remove(name: str, above: int) -> list[str]:
    """What could not be removed of `name` in the folder `above`, and why."""
    left: list[str] = []
    try:
        if not stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=above)
            return left
        top = _entered(name, above)
    except FileNotFoundError:
        return left
    except OSError as error:
        return [str(error.strerror)]
    try:
        _empty(top, left)
    finally:
        os.close(top)
    if not left:
        _tried(left, name, lambda: os.rmdir(name, dir_fd=above))
    return left


def _empty(top: int, left: list[str]) -> None:
    """Every folder is moved to the top before it is emptied: neither depth nor the length of a path counts then."""
    mark = f".alai-{secrets.token_hex(8)}-"
    waiting = _sift(top, top, mark, 0, left)
    moved = len(waiting)
    while waiting:
        name = waiting.pop()
        try:
            inner = _entered(name, top)
        except OSError as error:
            _note(left, name, error)
            continue
        try:
            found = _sift(inner, top, mark, moved, left)
        finally:
            os.close(inner)
        moved += len(found)
        waiting += found
        _tried(left, name, lambda name=name: os.rmdir(name, dir_fd=top))


def _sift(folder: int, top: int, mark: str, number: int, left: list[str]) -> list[str]:
    """Remove what is no folder; move the folders to the top. Their names there."""
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    names: list[str] = []
    for name, is_folder in found:
        if not is_folder:
            _tried(left, name, lambda name=name: os.unlink(name, dir_fd=folder))
        elif folder == top:
            names.append(name)
        elif _tried(left, name, lambda name=name: _move(name, folder, f"{mark}{number + len(names)}", top)):
            names.append(f"{mark}{number + len(names)}")
    return names


def _move(name: str, folder: int, to: str, top: int) -> None:
    """A folder that is closed to its owner cannot be moved, since its `..` changes."""
    if not os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode & stat.S_IWUSR:
        _unlock(name, folder)
    os.rename(name, to, src_dir_fd=folder, dst_dir_fd=top)


def _entered(name: str, above: int) -> int:
    """The folder, opened, with its owner's rights given back where they were taken."""
    try:
        folder = os.open(name, _FOLDER, dir_fd=above)
    except PermissionError:
        _unlock(name, above)
        folder = os.open(name, _FOLDER, dir_fd=above)
    if os.fstat(folder).st_mode & stat.S_IRWXU != stat.S_IRWXU:
        with contextlib.suppress(OSError):
            os.fchmod(folder, stat.S_IRWXU)
    return folder


def _unlock(name: str, above: int | None = None) -> None:
    """Give a folder's owner all rights, and follow no link that took its place."""
    if os.chmod in os.supports_follow_symlinks:
        os.chmod(name, stat.S_IRWXU, dir_fd=above, follow_symlinks=False)
        return
    handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    try:
        Path(f"/proc/self/fd/{handle}").chmod(stat.S_IRWXU)
    finally:
        os.close(handle)


def _tried(left: list[str], name: str, act: Callable[[], None]) -> bool:
    try:
        act()
    except FileNotFoundError:
        return False
    except OSError as error:
        _note(left, name, error)
        return False
    return True


def _note(left: list[str], name: str, error: OSError) -> None:
    left.append(f"{shown(name)[:_NAMED]}: {error.strerror}")
