"""A kernel's own limit on how many processes a command may have, for the one user whom `ulimit -u` does not bind: root.

A cgroup of the command's own. Where none can be made (an ordinary user, who is bound by the ulimit; a read-only or
missing cgroup file system) there is none, and only the watchdog in `process` counts.

A group outlives its maker: its name tells whose temporary files it went with, and `sweep` finds it by that.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import signal
import tempfile
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

_MOUNTS = (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))
"""version 1 has a tree a controller; version 2 one tree for all"""
_OWN = 8
"""processes of ours around the command: shell, sandbox"""
_ENTER = 'echo $$ > "$1" && shift && exec "$@"'
_PATIENCE = 2.0
_numbers = itertools.count()


@dataclass(frozen=True)
class Fence:
    """The command that stays inside, and whether it has run into the fence."""

    argv: Sequence[str]
    group: Path | None

    def hit(self) -> bool:
        """Was a process refused for being one too many?"""
        if self.group is None:
            return False
        try:
            return (self.group / "pids.events").read_text().split() != ["max", "0"]
        except OSError:
            return False


@contextlib.contextmanager
def fenced(argv: Sequence[str], processes: int | None) -> Generator[Fence]:
    """`argv`, so that it and all it starts never have more than `processes` processes, where that can be had."""
    group = _make(processes + _OWN) if processes is not None and os.geteuid() == 0 else None
    if group is None:
        yield Fence(argv, None)
        return
    try:
        yield Fence(["/bin/sh", "-c", _ENTER, "sh", str(group / "cgroup.procs"), *argv], group)
    finally:
        _remove(group)


def groups(temporary: str) -> list[Path]:
    """The groups of all processes, dead ones too, whose folder for temporary files is or was this one."""
    return [group for mount in _MOUNTS for group in mount.glob(f"{_name(temporary)}-*")]


def sweep() -> None:
    """End what runs in groups of a killed process that had our folder for temporary files, and remove them.

    For a start: nobody else may be at work with that folder.
    """
    for group in groups(tempfile.gettempdir()):
        with contextlib.suppress(OSError, ValueError):
            for pid in (group / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
        _remove(group)


def _name(temporary: str) -> str:
    return f"alai-{hashlib.sha256(os.fsencode(temporary)).hexdigest()[:12]}"


def _make(limit: int) -> Path | None:
    for mount in _MOUNTS:
        group = mount / f"{_name(tempfile.gettempdir())}-{os.getpid()}-{next(_numbers)}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / "pids.max").write_text(str(limit))
        except OSError:
            _remove(group)
            continue
        return group
    return None


def _remove(group: Path) -> None:
    """The last processes may take a moment to leave; a group that stays is empty and harmless."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            return group.rmdir()
        except FileNotFoundError:
            return None
        except OSError:
            time.sleep(0.01)
    return None
