"""How much a command has added to a folder: many small files fill a disk just as one large one does.

What is free on the file system is looked at often, since that costs nothing; the folder itself only on suspicion, and
once the command has ended: a file with holes takes no room on the disk, and all of it when it is read.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from reconciler import trees

MOST_FILES = 200_000
"""files that one command may add"""
_SLACK = 0.1
"""seconds: clocks of file systems are coarse; more would count what was checked out just before"""


class Room:
    """Begins to count when it is made. `limit` is in bytes."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit = folder, limit
        self._began = time.time() - _SLACK
        self._bytes, self._files = self._free()

    def overdrawn(self) -> bool:
        """Has more been added than may be?"""
        left, files = self._free()
        if self._bytes - left <= self._limit and self._files - files <= MOST_FILES:
            return False
        try:
            if self._added():
                return True
        except OSError:
            return True  # so deep that nobody can look: what lies there may be anything
        # somebody else on this machine: from here on
        self._bytes, self._files = left, files
        return False

    def exceeded(self) -> bool:
        """As `overdrawn`, after the end of the command, and whatever the file system says."""
        try:
            return self._added()
        except OSError:
            return False  # whoever uses the folder next says what is wrong with it

    def _free(self) -> tuple[int, int]:
        try:
            there = os.statvfs(self._folder)
        except OSError:
            return 0, 0
        return there.f_bavail * there.f_frsize, there.f_favail

    def _added(self) -> bool:
        size = count = 0
        for folder, _, others in trees.walk(self._folder):
            for name in others:
                try:
                    there = (self._folder / folder / name).lstat()
                except OSError:
                    continue
                if there.st_ctime >= self._began:
                    size += max(there.st_size, there.st_blocks * 512)
                    count += 1
            if size > self._limit or count > MOST_FILES:
                return True
        return False


class InnerRoom:
    """The same for a folder that only the command sees, on a file system of its own that was empty at first."""

    def __init__(self, processes: Callable[[], Iterable[int]], folder: str, limit: int) -> None:
        self._processes, self._folder, self._limit = processes, folder, limit
        self._place: int | None = None

    def __del__(self) -> None:
        if self._place is not None:
            os.close(self._place)

    def overdrawn(self) -> bool:
        if self._place is None:
            self._place = self._find()
        if self._place is None:
            return False
        there = os.statvfs(self._place)
        used, files = (there.f_blocks - there.f_bfree) * there.f_frsize, there.f_files - there.f_ffree
        return used > self._limit or files > MOST_FILES

    def _find(self) -> int | None:
        """The folder as one of the processes sees it; None before there is one, or where we may not look."""
        for pid in self._processes():
            with contextlib.suppress(OSError):
                return os.open(f"/proc/{pid}/root{self._folder}", os.O_PATH | os.O_DIRECTORY)
        return None
