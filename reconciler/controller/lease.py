"""One controller per factory: a file lock that the kernel lets go of when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from reconciler.model.errors import FactoryError, Refused


class Busy(Refused):
    """Another process holds the lease."""


@contextmanager
def lease(path: Path, operation: str, wait: float = 0.0) -> Generator[Callable[[], None]]:
    """Hold the controller's lock while the block runs. Waits up to `wait` seconds. Raises Busy naming the holder.

    Gives a check for a long block: it raises FactoryError where the lock's file is not the one that is held any more.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(handle, path, wait)
        os.ftruncate(handle, 0)
        os.pwrite(
            handle, json.dumps({"pid": os.getpid(), "operation": operation, "since": int(time.time())}).encode(), 0
        )
        yield lambda: _require_held(handle, path)
    finally:
        os.close(handle)


def _require_held(handle: int, path: Path) -> None:
    try:
        there, ours = path.stat(), os.fstat(handle)
    except FileNotFoundError:
        there = ours = None
    if there is None or ours is None or (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
        raise FactoryError(f"{path.parent} was removed while this ran: nothing is lost; run it again")


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
