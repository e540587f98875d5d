"""The journal of a move that is under way (see `checkout`): who holds it, whether git's index lock is its own."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from reconciler.git.errors import IndexLocked

FOLDER = "alai-move"
_YOUNG = 10.0
"""seconds in which a folder without a whole journal may belong to a writer that is about to write it"""


class Move:
    """One move's folder, held by a `flock` on its journal. Leaving the block gives up our index lock and the folder."""

    def __init__(self, folder: Path, fd: int) -> None:
        self.lock = folder.parent.parent / "index.lock"
        self.landed = False
        """the branch has moved, index and files have not followed: leaving the block now keeps lock and journal"""
        self.folder = folder
        self.fd = fd
        self.fds = (fd,)
        self.file = folder / "journal.json"
        self.index = folder / "index"
        self.files = folder / "files"
        self.journal = _journal(self.file)

    @classmethod
    def begin(cls, git_dir: Path, branch: str, old: str | None, new: str) -> Move:
        """Write the journal durably."""
        folder = git_dir / FOLDER / secrets.token_hex(8)
        folder.mkdir(parents=True)
        fd = os.open(folder / "journal.json", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.write(fd, json.dumps({"branch": branch, "old": old, "new": new, "pid": os.getpid()}).encode())
        os.fsync(fd)
        for each in (folder, folder.parent):
            _sync(each)
        return cls(folder, fd)

    @classmethod
    def left_behind(cls, git_dir: Path, patience: float) -> Iterator[Move]:
        """The moves of dead writers, each taken over. Git processes that outlive a writer are waited for (seconds)."""
        for folder in sorted((git_dir / FOLDER).glob("*")):
            move = cls._adopt(folder, patience)
            if move is not None:
                yield move

    @classmethod
    def _adopt(cls, folder: Path, patience: float) -> Move | None:
        deadline = time.monotonic() + patience
        young = time.time() - folder.stat().st_mtime < _YOUNG
        try:
            fd = os.open(folder / "journal.json", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            if not young:
                with contextlib.suppress(OSError):
                    folder.rmdir()
            return None
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(fd)
                    return None
                time.sleep(0.02)
        gone = os.fstat(fd).st_nlink == 0  # its writer finished while we waited
        move = None if gone else cls(folder, fd)
        if move is None or (move.journal is None and young):
            os.close(fd)
            return None
        return move

    def take(self, wait: float, meanwhile: Callable[[], object] | None = None) -> None:
        """Take git's index lock, by linking the journal to it. Raises IndexLocked after `wait` seconds."""
        deadline = time.monotonic() + wait
        while True:
            try:
                os.link(self.file, self.lock)
                return
            except FileExistsError:
                if self.owns():
                    return
            if time.monotonic() > deadline:
                raise IndexLocked(f"{self.lock} is held by another git process for more than {wait:.0f} s")
            if meanwhile is not None:
                meanwhile()
            time.sleep(0.02)

    def owns(self) -> bool:
        """Whether git's index lock is a link to this journal."""
        try:
            there, ours = self.lock.lstat(), os.fstat(self.fd)
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def __enter__(self) -> Move:
        return self

    def __exit__(self, *_: object) -> None:
        if self.landed:
            os.close(self.fd)
            return
        if self.owns():
            self.lock.unlink()
        for path in (self.files, self.index, self.folder / "index.lock"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        self.file.unlink(missing_ok=True)
        os.close(self.fd)
        self.folder.rmdir()


def _journal(file: Path) -> tuple[str, str | None, str] | None:
    """(branch, old, new); None where the writer died before it was whole."""
    try:
        values = json.loads(file.read_bytes())
        return values["branch"], values["old"], values["new"]
    except ValueError:
        return None


def _sync(target: int | Path) -> None:
    if isinstance(target, int):
        os.fsync(target)
        return
    fd = os.open(target, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
