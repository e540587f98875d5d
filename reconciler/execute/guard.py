"""Puts back what a command changed where the rules do not allow it: for what no mount can close.

Nothing else may be at work in the folder meanwhile.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from reconciler import trees

LARGEST = 128 * 2**20
"""bytes that are kept aside for one command"""
MOST = 20_000
"""files that are kept aside for one command"""


class TooMuch(Exception):
    """More is forbidden than can be kept aside."""


class Guard:
    """Before the command: keeps all files below `regions` that `refuse` names a reason for. After it: `restore`."""

    def __init__(self, root: Path, regions: Sequence[str], aside: Path, refuse: Callable[[str], str | None]) -> None:
        """Raises TooMuch."""
        self._root, self._regions, self._aside, self._refuse = root, regions, aside, refuse
        self._known: dict[str, tuple[int, ...]] = {}
        size = 0
        for path in self._walk():
            if refuse(path) is None:
                continue
            there = (root / path).lstat()
            size += there.st_size
            if size > LARGEST or len(self._known) >= MOST:
                raise TooMuch
            self._known[path] = _signature(there)
            _copy(root / path, aside / str(len(self._known)))
        self._kept = {path: aside / str(number) for number, path in enumerate(self._known, 1)}

    def restore(self) -> list[tuple[str, str]]:
        """Make every refused path as it was; those that were not, each with the reason why it is refused."""
        undone: list[tuple[str, str]] = []
        found = {path: why for path in self._walk() if (why := self._refuse(path)) is not None}
        for path, why in found.items():
            if path not in self._known:
                (self._root / path).unlink()
                undone.append((path, why))
        for path, before in self._known.items():
            if path in found and _signature((self._root / path).lstat()) == before:
                continue
            _make_way(self._root, path)
            _copy(self._kept[path], self._root / path)
            undone.append((path, self._refuse(path) or ""))
        trees.remove(self._aside)
        return undone

    def _walk(self) -> Iterator[str]:
        """Every file and link below the regions but git's own."""
        for region in self._regions:
            top = self._root / region
            if not top.is_dir() or top.is_symlink():
                if os.path.lexists(top):
                    yield region
                continue
            # a folder that nobody may enter hides nothing
            for folder, names, files in trees.walk(top, opening=True):
                names[:] = [name for name in names if name != ".git"]
                yield from (f"{region}/{folder}{name}" if region else folder + name for name in files if name != ".git")


def _signature(there: os.stat_result) -> tuple[int, ...]:
    """What cannot stay the same when the file does not: nobody can set the time of change."""
    return there.st_ino, there.st_mode, there.st_size, there.st_mtime_ns, there.st_ctime_ns


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = source.lstat().st_mode
    if stat.S_ISLNK(mode):
        target.symlink_to(source.readlink())
    elif stat.S_ISREG(mode):
        shutil.copy2(source, target, follow_symlinks=False)


def _make_way(root: Path, path: str) -> None:
    """Remove whatever lies where a file, and the folders to it, have to be."""
    place = root
    for part in path.split("/"):
        place = place / part
        last = place == root / path
        if place.is_symlink() or (place.exists() and (last or not place.is_dir())):
            trees.remove(place)
