"""What the kernel itself holds a command to: a control group of its own for memory, processes and a share of the CPU.

In a group counts what no look at processes finds: files in memory, shared memory, what stands in sockets. Where no
group can be made (a container, an ordinary user without systemd) there is none, and the watchdog in `process` counts
what it can see. Where groups come from is `cgroups`.

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

from reconciler.execute import cgroups

_OWN = 8
"""processes of ours around the command: shell, sandbox"""
_OWN_MEMORY = 16 * 2**20
_ENTER = 'until [ "$1" = -- ]; do echo 0 > "$1" || exit 125; shift; done; shift; exec "$@"'
_PATIENCE = 2.0
_numbers = itertools.count()


@dataclass(frozen=True)
class Fence:
    """The command that stays inside, and whether it has run into the fence."""

    argv: Sequence[str]
    group: cgroups.Group | None
    processes: int | None = None
    memory: int | None = None

    @property
    def counts(self) -> bool:
        """Whether the kernel counts the command's memory and processes."""
        return self.group is not None and {"memory", "pids"} <= self.group.holds

    def hit(self) -> str:
        """Why it was stopped by the kernel, or a process of it was; empty where nothing was."""
        if self.group is None:
            return ""
        if self.group.refused():
            return f"more than {self.processes} processes at once"
        return f"more than {self.memory} bytes of memory" if self.group.killed() else ""


@contextlib.contextmanager
def fenced(argv: Sequence[str], processes: int | None, memory: int | None = None) -> Generator[Fence]:
    """`argv`, so that it and all it starts never have more `processes` and bytes of `memory`, where that can be had.

    What still runs in the group on leaving is ended.
    """
    group = None
    if processes is not None or memory is not None:
        limits = cgroups.Limits(
            processes=None if processes is None else processes + _OWN,
            memory=None if memory is None else memory + _OWN_MEMORY,
        )
        group = cgroups.make(f"{_name(tempfile.gettempdir())}-{os.getpid()}-{next(_numbers)}", limits)
    if group is None:
        yield Fence(argv, None)
        return
    try:
        doors = [str(folder / group.door) for folder in group.folders]
        entering = ["/bin/sh", "-c", _ENTER, "sh", *doors, "--", *argv]
        yield Fence(entering, group, processes, memory)
    finally:
        _remove(group.folders)


def groups(temporary: str) -> list[Path]:
    """The groups of all processes, dead ones too, whose folder for temporary files is or was this one."""
    return [group for parent in cgroups.parents() for group in parent.glob(f"{_name(temporary)}-*")]


def sweep() -> None:
    """End what runs in groups of a killed process that had our folder for temporary files, and remove them.

    For a start: nobody else may be at work with that folder.
    """
    _remove(groups(tempfile.gettempdir()))


def _name(temporary: str) -> str:
    return f"alai-{hashlib.sha256(os.fsencode(temporary)).hexdigest()[:12]}"


def _remove(folders: Sequence[Path]) -> None:
    """The last processes may take a moment to leave; a group that stays is empty and harmless."""
    left = list(folders)
    deadline = time.monotonic() + _PATIENCE
    while left := [folder for folder in left if not _removed(folder)]:
        if time.monotonic() > deadline:
            return
        time.sleep(0.005)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            for pid in (folder / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
        return False
    return True
