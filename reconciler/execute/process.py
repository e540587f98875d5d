"""One child process, watched: bounded output, wall limit, memory and process limits of the whole tree, a sure end.

Knows nothing of sandboxes. Whatever happens (limit, cancellation, an error here), the process group is dead on return.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from reconciler.execute import memory, text
from reconciler.execute.fence import Fence, fenced
from reconciler.execute.room import MOST_FILES, InnerRoom, Room

_GRACE = 2.0
_TICK = 0.05
_LOOK = 0.5
_PROC = Path("/proc")
_DISK = f"more than {{}} bytes, or {MOST_FILES} files, of disk"


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended. `exit` is None where it was ended by us; `output` holds stdout and stderr, as they came."""

    exit: int | None
    output: bytes
    seconds: float
    timed_out: bool = False
    stopped: str = ""
    """why it was ended by us, in words; empty where it ended by itself"""

    @property
    def ok(self) -> bool:
        return self.exit == 0

    def text(self) -> str:
        return self.output.decode("utf-8", "replace")

    def tail(self, lines: int = 5) -> str:
        """The last lines that say anything, for a message."""
        return text.tail(self.text(), lines)


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What a command may use: seconds of wall time, bytes of output and memory, processes at once."""

    wall: float
    output: int = 1_000_000
    memory: int | None = None
    processes: int | None = None
    disk: int | None = None
    """bytes that it may add below `grows`, in however many files"""
    grows: Path | None = None
    inside: str | None = None
    """as `grows`, but a folder of the command's own view of the files, empty at first and held in memory"""
    apart: bool = False
    """it has file systems in memory and a network of its own, which count as its memory"""


async def run(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], bounds: Bounds) -> Completed:
    """Run `argv` in a session of its own, with no input. Raises OSError where it cannot be started."""
    with fenced(argv, bounds.processes, bounds.memory) as fence:
        return await _run(fence, cwd, env, bounds)


async def _run(fence: Fence, cwd: Path, env: Mapping[str, str], bounds: Bounds) -> Completed:
    began = time.monotonic()
    child = await asyncio.create_subprocess_exec(
        *fence.argv,
        cwd=cwd,
        env=dict(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    sink = _Sink(bounds.output)
    reader = asyncio.create_task(_drain(child, sink))
    ended = asyncio.create_task(child.wait())
    try:
        stopped = await watch(child.pid, ended, bounds, fence)
        if stopped:
            signal_group(child.pid, signal.SIGTERM)
            await asyncio.wait({ended}, timeout=_GRACE)
    finally:
        # also what the command left behind in its group: it would hold the pipe open
        signal_group(child.pid, signal.SIGKILL)
        await _settled(ended, reader)
    return Completed(
        exit=None if stopped else child.returncode,
        output=sink.value(),
        seconds=time.monotonic() - began,
        timed_out=stopped.startswith("timeout"),
        stopped=stopped,
    )


async def watch(
    pid: int, ended: asyncio.Future[int], bounds: Bounds, fence: Fence, *, tick: float = _TICK, look: float = _LOOK
) -> str:
    """Wait for the end; say why it must be brought about where a limit is passed. Empty: it ended by itself.

    `tick`, `look`: seconds between looks at what is told for nothing, and at every process.
    """
    began = looked = time.monotonic()
    before = _alive()
    room = _room(pid, bounds)
    while True:
        left = bounds.wall - (time.monotonic() - began)
        if left <= 0:
            return f"timeout after {bounds.wall:g} s"
        done, _ = await asyncio.wait({ended}, timeout=min(left, tick))
        if why := fence.hit():
            _kill_all(_tree(pid))
            return why
        if done:
            much = isinstance(room, Room) and await asyncio.to_thread(room.exceeded)
            return _DISK.format(bounds.disk) if much else ""
        if room is not None and room.overdrawn():
            signal_group(pid, signal.SIGKILL)
            return _DISK.format(bounds.disk)
        if fence.counts or (bounds.processes is None and bounds.memory is None):
            continue
        # counting directory entries is cheap; the tree is walked when the count is suspicious, or at times
        now = time.monotonic()
        if now - looked < look and (bounds.processes is None or _alive() - before <= bounds.processes):
            continue
        looked = now
        tree = _tree(pid)
        if why := _passed(tree, bounds):
            _kill_all(tree)
            return why


def _passed(tree: Mapping[int, int], bounds: Bounds) -> str:
    if bounds.processes is not None and len(tree) > bounds.processes:
        return f"more than {bounds.processes} processes at once"
    if bounds.memory is not None and memory.held(tree, own=bounds.apart) > bounds.memory:
        return f"more than {bounds.memory} bytes of memory"
    return ""


def _room(pid: int, bounds: Bounds) -> Room | InnerRoom | None:
    if bounds.disk is None:
        return None
    if bounds.inside is not None:
        return InnerRoom(lambda: _tree(pid), bounds.inside, bounds.disk)
    return Room(bounds.grows, bounds.disk) if bounds.grows is not None else None


async def _drain(child: asyncio.subprocess.Process, sink: _Sink) -> None:
    assert child.stdout is not None
    while chunk := await child.stdout.read(65536):
        sink.add(chunk)


async def _settled(ended: asyncio.Task[int], reader: asyncio.Task[None]) -> None:
    """Reap the child and the pipe even while being cancelled; a process that escaped its group cannot hold us up."""
    await asyncio.shield(ended)
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(reader, timeout=1.0)


def signal_group(pid: int, number: signal.Signals) -> None:
    """To the process and all that it started in its group; nothing where they are gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _alive() -> int:
    try:
        return sum(1 for name in os.listdir(_PROC) if name.isdigit())  # noqa: PTH208
    except OSError:
        return 0


def _tree(root: int) -> dict[int, int]:
    """Process id -> resident bytes, for `root` and all below it. Empty where there is no /proc."""
    page = os.sysconf("SC_PAGE_SIZE")
    children: dict[int, list[int]] = {}
    resident: dict[int, int] = {}
    try:
        names = os.listdir(_PROC)  # noqa: PTH208
    except OSError:
        return {}
    for name in names:
        if not name.isdigit():
            continue
        try:
            fields = (_PROC / name / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(name))
        resident[int(name)] = int(fields[21]) * page
    found: dict[int, int] = {}
    todo = [root]
    while todo:
        pid = todo.pop()
        if pid not in found:
            found[pid] = resident.get(pid, 0)
            todo.extend(children.get(pid, ()))
    return found


def _kill_all(tree: Mapping[int, int]) -> None:
    for pid in tree:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


class _Sink:
    """Keeps the head and the tail of a stream, and says how much fell out between."""

    def __init__(self, limit: int) -> None:
        self._half = max(limit // 2, 1)
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    def add(self, chunk: bytes) -> None:
        room = self._half - len(self._head)
        if room > 0:
            self._head += chunk[:room]
            chunk = chunk[room:]
        self._tail += chunk
        excess = len(self._tail) - self._half
        if excess > 0:
            self._dropped += excess
            del self._tail[:excess]

    def value(self) -> bytes:
        if not self._dropped:
            return bytes(self._head + self._tail)
        return bytes(self._head) + f"\n[... {self._dropped} bytes left out ...]\n".encode() + bytes(self._tail)
