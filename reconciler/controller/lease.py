"""One controller per factory: a file lock that the kernel lets go of when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from reconciler.git import plain
from reconciler.git.layout import layout
from reconciler.model.errors import FactoryError, Refused

FOLDER = "alai-locks"
"""in the git folder, beside the journals of moves: outside of `state/`, which people delete"""


class Busy(Refused):
    """Another process holds the lease."""


def lock_file(root: Path, name: str) -> Path:
    """The lock of this name for the repository whose top is `root`."""
    folder = layout(root).git_dir / FOLDER
    plain.require_folder(folder)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / name


@contextmanager
def lease(path: Path, operation: str, wait: float = 0.0, needs: Path | None = None) -> Generator[Callable[[], None]]:
    """Hold the lock while the block runs. Waits up to `wait` seconds. Raises Busy naming the holder, Refused.

    Gives a check for a long block: it raises FactoryError where the lock's file, or the folder that the block needs,
    is not the one any more that was there at the beginning.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Refused(f"{path}: cannot be locked: {error.strerror}; move it away") from error
    folder = None if needs is None else needs.stat()
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Refused(f"{path}: cannot be locked: it is no plain file; move it away")
        _acquire(handle, path, wait)
        os.ftruncate(handle, 0)
        os.pwrite(
            handle, json.dumps({"pid": os.getpid(), "operation": operation, "since": int(time.time())}).encode(), 0
        )
        yield lambda: _require_held(os.fstat(handle), path, folder, needs)
    finally:
        os.close(handle)


def _require_held(lock: os.stat_result, path: Path, folder: os.stat_result | None, needs: Path | None) -> None:
    for before, place in ((lock, path), (folder, needs)):
        if before is not None and place is not None and not _same(before, place):
            raise FactoryError(f"{place} was removed while this ran: nothing is lost; run it again")


def _same(before: os.stat_result, place: Path) -> bool:
    try:
        return os.path.samestat(before, place.stat())
    except FileNotFoundError:
        return False


def _acquire(handle: int, path: Path, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            raise Busy(f"{path}: {_holder(handle)} works on this factory; wait for it, or stop it") from None


def _holder(handle: int) -> str:
    try:
        held = json.loads(os.pread(handle, 4096, 0))
        return f"`{held['operation']}` (process {held['pid']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
