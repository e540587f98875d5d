"""One controller per factory: a file lock that the kernel lets go of when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from reconciler.model.errors import Refused


@contextmanager
def lease(path: Path, operation: str, wait: float = 0.0) -> Generator[None]:
    """Hold the controller's lock while the block runs. Waits up to `wait` seconds. Raises Refused naming the holder."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(handle, path, wait)
        os.ftruncate(handle, 0)
        os.pwrite(
            handle, json.dumps({"pid": os.getpid(), "operation": operation, "since": int(time.time())}).encode(), 0
        )
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, path: Path, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            raise Refused(f"{path}: {_holder(handle)} works on this factory; wait for it, or stop it") from None


def _holder(handle: int) -> str:
    try:
        held = json.loads(os.pread(handle, 4096, 0))
        return f"`{held['operation']}` (process {held['pid']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
