"""The journal of a move that is under way (see `checkout`): who holds it, whether git's index lock is its own.

It is sealed: one that came along with a repository is no work of ours to be completed.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import logging
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from reconciler.git import plain
from reconciler.git.errors import IndexLocked
from reconciler.git.layout import owners
from reconciler.git.seal import holds, seal

FOLDER = "alai-move"
_MOST = 65_536
"""bytes of a journal"""
_MOVES = 1000
"""journals of killed writers in one repository: each later writer tidies up"""
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
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
        self.journal = _journal(os.pread(fd, _MOST, 0))

    @classmethod
    def begin(cls, git_dir: Path, branch: str, old: str | None, new: str) -> Move:
        """Write the journal durably."""
        plain.require_folder(git_dir / FOLDER)
        folder = git_dir / FOLDER / secrets.token_hex(8)
        folder.mkdir(parents=True)
        fd = os.open(folder / "journal.json", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.write(fd, written(folder, branch, old, new))
        os.fsync(fd)
        for each in (folder, folder.parent):
            _sync(each)
        return cls(folder, fd)

    @classmethod
    def left_behind(cls, git_dir: Path, patience: float) -> Iterator[Move]:
        """The moves of dead writers, each taken over. Git processes that outlive a writer are waited for (seconds)."""
        moves = git_dir / FOLDER
        if not _own(moves):
            return
        plain.require_few(moves, _MOVES)
        for folder in sorted(moves.iterdir()):
            try:
                move = cls._adopt(folder, patience) if _own(folder) else None
            except FileNotFoundError:
                continue  # its writer finished meanwhile
            except OSError as error:
                _leave(folder, error)
                continue
            if move is not None:
                yield move

    @classmethod
    def _adopt(cls, folder: Path, patience: float) -> Move | None:
        deadline = time.monotonic() + patience
        young = time.time() - folder.stat().st_mtime < _YOUNG
        try:
            fd = os.open(folder / "journal.json", os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            if not young:
                with contextlib.suppress(OSError):
                    folder.rmdir()
            return None
        if not _plain(os.fstat(fd)):
            os.close(fd)
            _leave(folder)
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
        if move.journal is not None and not _sealed(folder, os.pread(fd, _MOST, 0)):
            os.close(fd)
            _leave(folder)
            return None
        try:
            move.clear()
        except OSError:
            os.close(fd)
            raise
        return move

    def clear(self) -> None:
        """Remove what was laid ready: it is made anew, since nobody can tell who put there what a dead writer left.

        Links are removed, never followed. Raises OSError, also for a folder that holds what no writer puts there.
        """
        for path in (self.files, self.index, self.folder / "index.lock"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        if more := {entry.name for entry in self.folder.iterdir()} - {self.file.name}:
            raise FileExistsError(f"it holds {min(more)}")

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
                raise IndexLocked(
                    f"{self.lock} is held by another git process for more than {wait:.0f} s; "
                    "end it, or remove the file if none is running"
                )
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
        self.clear()
        self.file.unlink(missing_ok=True)
        os.close(self.fd)
        self.folder.rmdir()


def written(folder: Path, branch: str, old: str | None, new: str) -> bytes:
    """The journal of a move as it lies in its folder. Raises Refused where it cannot be sealed."""
    proof = seal(folder, branch, old or "", new)
    return json.dumps({"branch": branch, "old": old, "new": new, "pid": os.getpid(), "seal": proof}).encode()


def _sealed(folder: Path, raw: bytes) -> bool:
    """Whether one of this user's processes wrote the journal, which is whole, for the folder in which it lies."""
    values = json.loads(raw)
    return holds(values.get("seal"), folder, values["branch"], values["old"] or "", values["new"])


def _journal(raw: bytes) -> tuple[str, str | None, str] | None:
    """(branch, old, new); None where the writer died before it was whole, or where no writer wrote it."""
    try:
        values = json.loads(raw)
        branch, old, new = values["branch"], values["old"], values["new"]
        named = all(part not in ("", ".", "..") for part in branch.split("/")) and "\0" not in branch
        commits = _COMMIT.fullmatch(new) and (old is None or _COMMIT.fullmatch(old))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return (branch, old, new) if named and commits else None


def _own(folder: Path) -> bool:
    """Whether it is a folder of ours and no link to one. What is there otherwise is named, and left alone."""
    try:
        there = folder.lstat()
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(there.st_mode) and there.st_uid in owners():
        return True
    _leave(folder)
    return False


def _plain(there: os.stat_result) -> bool:
    return stat.S_ISREG(there.st_mode) and there.st_uid in owners()


@functools.cache
def _warned(told: str) -> None:
    logging.getLogger(__name__).warning(told)  # once a process: recovery looks again and again


def _leave(folder: Path, why: Exception | None = None) -> None:
    _warned(f"{folder} was not written by us, so it is left as it is; remove it" + (f" ({why})" if why else ""))


def _sync(target: int | Path) -> None:
    if isinstance(target, int):
        os.fsync(target)
        return
    fd = os.open(target, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
