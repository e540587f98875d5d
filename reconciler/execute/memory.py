"""What a command holds in memory, as far as a look from outside tells: where no control group counts it.

Resident pages of all its processes, files in memory that a process has open, and, where the sandbox gave it file
systems and a network of its own, what those hold. Not seen: a file in memory that is on its way through a socket, and
parts of a shared mapping that nobody has mapped any more.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

_PROC = Path("/proc")
_BLOCK = 512
_INODE = 1024
"""bytes of the kernel's memory that an empty file takes, about"""
_FILES = ("/tmp", "/dev/shm")


def held(tree: Mapping[int, int], *, own: bool) -> int:
    """Bytes. `tree`: process id -> resident bytes. `own`: it has file systems and a network of its own."""
    return sum(tree.values()) + _unmapped(tree) + (_apart(tree) if own else 0)


def _unmapped(processes: Iterable[int]) -> int:
    """Files that are in memory and in no folder, each once; those that are mapped count twice, which is safe."""
    found: dict[tuple[int, int], int] = {}
    for pid in processes:
        with contextlib.suppress(OSError), os.scandir(_PROC / str(pid) / "fd") as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if os.readlink(entry.path).startswith("/memfd:"):  # noqa: PTH115
                        there = entry.stat()
                        found[there.st_dev, there.st_ino] = there.st_blocks * _BLOCK
    return sum(found.values())


def _apart(processes: Iterable[int]) -> int:
    """The file systems and sockets of the newest process that is inside already."""
    outside = (_PROC / "self/ns/net").stat().st_ino
    for pid in sorted(processes, reverse=True):
        there = _PROC / str(pid)
        with contextlib.suppress(OSError):
            if (there / "ns/net").stat().st_ino == outside:
                continue
            files = [os.statvfs(there / f"root{place}") for place in _FILES]
            kept = sum((at.f_blocks - at.f_bfree) * at.f_frsize + (at.f_files - at.f_ffree) * _INODE for at in files)
            return kept + _sockets(pid) * _buffer()
    return 0


def _sockets(pid: int) -> int:
    """How many there are in its network; the kernel tells it for all sorts together."""
    for line in (_PROC / str(pid) / "net/sockstat").read_text().splitlines():
        if line.startswith("sockets: used "):
            return int(line.split()[2])
    return 0


def _buffer() -> int:
    """What one socket may hold at most."""
    return 2 * int((_PROC / "sys/net/core/wmem_max").read_text())
