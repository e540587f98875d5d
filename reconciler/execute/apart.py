"""Runs a function on strangers' text in a process of its own, which is ended when it takes too long or too much.

A thread would not do: what matches an expression lets no other thread run. The processes stay and wait for the next
call, so that one costs a millisecond or two. Knows nothing of gates.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar, cast

_T = TypeVar("_T")
_HEAD = 8
"""bytes that say how long a message is"""
_IDLE = 4
"""processes that are kept for the next call"""
MEMORY = 2 * 2**30
"""bytes of address space that one may have"""
_idle: list[_Helper] = []
_lock = threading.Lock()


class TooLong(Exception):
    """It did not come to an end in time."""

    def __init__(self, wall: float) -> None:
        super().__init__(f"it did not come to an end within {wall:g} s")


class Broke(Exception):
    """It raised something, or its process died. The message says what."""


async def apart(function: Callable[..., _T], *args: object, wall: float) -> _T:
    """`function(*args)` elsewhere; both must be importable values. `wall`: seconds. Raises TooLong, Broke.

    Where the caller is cancelled, it is ended.
    """
    asked = pickle.dumps((function, args), pickle.HIGHEST_PROTOCOL)
    with _lock:
        helper = _idle.pop() if _idle else None
    helper = helper if helper and helper.alive() else await asyncio.to_thread(_Helper)
    task = asyncio.ensure_future(asyncio.to_thread(helper.ask, asked, wall))
    try:
        well, answer = await asyncio.shield(task)
    except BaseException:
        helper.end()
        with contextlib.suppress(BaseException):
            await task
        raise
    with _lock:
        if len(_idle) < _IDLE:
            _idle.append(helper)
        else:
            helper.end()
    if not well:
        raise Broke(answer)
    return cast("_T", answer)


class _Helper:
    """One process that is asked one thing after another."""

    def __init__(self) -> None:
        # -P: nothing is imported from the folder that we happen to be in
        argv = [sys.executable, "-P", "-m", "reconciler.execute.apart"]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._stdin, self._stdout = cast("BinaryIO", self._process.stdin), cast("BinaryIO", self._process.stdout)

    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, asked: bytes, wall: float) -> tuple[bool, Any]:
        """Whether it went well, and what came of it. Raises TooLong, Broke."""
        until = time.monotonic() + wall
        try:
            self._stdin.write(_head(asked) + int(wall + 1).to_bytes(_HEAD, "big") + asked)
            self._stdin.flush()
            length = int.from_bytes(self._read(_HEAD, until, wall), "big")
            return pickle.loads(self._read(length, until, wall))
        except (OSError, EOFError) as error:
            self.end()
            raise Broke("its process died: it may have needed too much memory") from error

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        for pipe in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):
                pipe.close()

    def _read(self, count: int, until: float, wall: float) -> bytes:
        found = bytearray()
        handle = self._stdout.fileno()
        while len(found) < count:
            ready, _, _ = select.select([handle], [], [], max(until - time.monotonic(), 0))
            if not ready:
                raise TooLong(wall)
            chunk = os.read(handle, min(count - len(found), 1 << 20))
            if not chunk:
                raise EOFError
            found += chunk
        return bytes(found)


def _head(message: bytes) -> bytes:
    return len(message).to_bytes(_HEAD, "big")


def _serve() -> None:
    """Answer until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    asked, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints is no answer
    while head := asked.read(_HEAD):
        seconds = int.from_bytes(asked.read(_HEAD), "big")
        _bound(seconds)
        message = asked.read(int.from_bytes(head, "big"))
        try:
            function, args = pickle.loads(message)
            answer = pickle.dumps((True, function(*args)), pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            answer = pickle.dumps((False, f"{type(error).__name__}: {str(error)[:300]}"))
        told.write(_head(answer) + answer)
        told.flush()


def _bound(seconds: int) -> None:
    """The kernel ends us after so much more CPU time, also where whoever asked is gone."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    limit = int(used.ru_utime + used.ru_stime) + seconds + 1
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))


if __name__ == "__main__":
    _serve()
