"""What a worker that was killed, or stopped in its tracks, left behind: ended and removed before the next begins."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import tempfile
import threading
import time
from pathlib import Path

from reconciler import trees
from reconciler.execute import fence

PATIENCE = 5.0
"""Seconds for a predecessor to end in order; it needs less than two. Only one that is stopped or stuck needs more."""
SCRATCH = "tmp"
_PROC = Path("/proc")


def only_worker(state: Path, stop: threading.Event) -> int:
    """Hold `worker.lock` for the life of this process; wait for a predecessor that is still ending, or end it.

    Workers are started under the controller's lock alone, so whoever still holds this one has lost its controller.
    """
    lock = os.open(state / "worker.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    patience = time.monotonic() + PATIENCE
    while not stop.is_set():
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > patience:
                _end(os.pread(lock, 32, 0))
            time.sleep(0.02)
        else:
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)
            return lock
    os._exit(0)


def own_scratch(state: Path) -> None:
    """Temporary files in a folder of ours, emptied first: a killed worker's would stay for ever elsewhere."""
    folder = state / SCRATCH
    _end_orphans(folder)
    trees.remove(folder)
    folder.mkdir(mode=0o700, exist_ok=True)
    tempfile.tempdir = str(folder)
    fence.sweep()


def _end(written: bytes) -> None:
    """Kill the worker with this process id; it leads a session of its own, which tells it from most others."""
    with contextlib.suppress(ValueError, ProcessLookupError, PermissionError):
        pid = int(written)
        if os.getsid(pid) == pid:
            os.kill(pid, signal.SIGKILL)


def _end_orphans(scratch: Path) -> None:
    """Commands without a sandbox outlive a killed worker. Their home is in our scratch folder: that tells them."""
    mark = b"HOME=" + os.fsencode(scratch) + b"/"
    for entry in _PROC.iterdir() if _PROC.is_dir() else ():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
