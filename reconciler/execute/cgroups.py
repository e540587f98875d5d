"""Where control groups can be made on this machine, and what a group is told: versions 1 and 2, root and not.

- Version 1: below our own group in the trees of `memory`, `pids` and `cpu`, where we may write there (root).
- Version 2: below the root for root; for an ordinary user below a group that systemd delegates. Where ours is none,
  the user's systemd is asked once a process to put us into one, as `systemd-run --user --scope` would.

See the kernel's admin-guide/cgroup-v1 and cgroup-v2, and systemd's CGROUP_DELEGATION.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_CONTROLLERS = ("memory", "pids", "cpu")
_LEAF = "main"
"""where our own processes go: a group that has groups below it must have no processes"""
_PATIENCE = 2.0


@dataclass(frozen=True)
class Limits:
    """At once; None is no limit."""

    processes: int | None
    memory: int | None


@dataclass(frozen=True)
class Tree:
    """Where groups are made: controller -> the folder of the group above."""

    version: int
    above: Mapping[str, Path]


@dataclass(frozen=True)
class Group:
    """One group, in one folder or in one a controller. `holds`: what is really limited."""

    version: int
    folders: tuple[Path, ...]
    holds: frozenset[str]

    @property
    def door(self) -> str:
        """The file that a process writes 0 to in order to go in.

        In version 1 one thread goes alone, which takes no lock that waits for the whole machine (tens of milliseconds).
        """
        return "tasks" if self.version == 1 else "cgroup.procs"

    def refused(self) -> bool:
        """Was a process refused for being one too many?"""
        return any(_count(folder / "pids.events", "max") for folder in self.folders if "pids" in self.holds)

    def killed(self) -> bool:
        """Was a process ended for want of memory?"""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        return any(_count(folder / name, "oom_kill") for folder in self.folders if "memory" in self.holds)


def make(name: str, limits: Limits) -> Group | None:
    """A new group; None where this machine has none to give."""
    found = tree()
    if found is None:
        return None
    folders: dict[Path, None] = {}
    holds: set[str] = set()
    for controller, above in found.above.items():
        folder = above / name
        try:
            folder.mkdir(exist_ok=folder in folders)
        except OSError:
            continue
        folders[folder] = None
        if all(_told(folder / file, value, needed=needed) for file, value, needed in _words(controller, limits, found)):
            holds.add(controller)
    return Group(found.version, tuple(folders), frozenset(holds)) if folders else None


def parents() -> list[Path]:
    """All folders in which groups of ours may lie."""
    found = tree()
    places = [ROOT, *(ROOT / controller for controller in _CONTROLLERS), *(found.above.values() if found else ())]
    return list(dict.fromkeys(place for place in places if place.is_dir()))


@functools.lru_cache(maxsize=1)
def described() -> str:
    """What is held on this machine, such as `cgroup v2`; empty where memory is not. Tried for real, once a process."""
    group = make(f"alai-probe-{os.getpid()}", Limits(processes=64, memory=2**26))
    if group is None:
        return ""
    for folder in group.folders:
        with contextlib.suppress(OSError):
            folder.rmdir()
    return f"cgroup v{group.version}" if {"memory", "pids"} <= group.holds else ""


@functools.lru_cache(maxsize=1)
def tree() -> Tree | None:
    """Looked for once a process; it may put this process into a group of its own."""
    try:
        own = Path("/proc/self/cgroup").read_text()
    except OSError:
        return None
    if not (ROOT / "cgroup.controllers").exists():
        return first_version(ROOT, own)
    if os.geteuid() == 0:
        return second_version(ROOT)
    place = _own_place(own)
    for base in (place.parent, place) if place.name == _LEAF else (place,):
        if _delegated(base):
            return _divided(base)
    return _divided(made) if (made := _asked_systemd()) else None


def first_version(root: Path, own: str) -> Tree | None:
    """`own` is the content of /proc/self/cgroup: `number:controllers:path` a line."""
    places = {
        name: path for _, names, path in (line.split(":", 2) for line in own.splitlines()) for name in names.split(",")
    }
    above: dict[str, Path] = {}
    for controller in _CONTROLLERS:
        mount = root / controller
        ours = mount / places.get(controller, "/").lstrip("/")
        place = next((place for place in (ours, mount) if os.access(place / "cgroup.procs", os.W_OK)), None)
        if place is not None:
            above[controller] = place
    return Tree(1, above) if above else None


def second_version(base: Path) -> Tree | None:
    """Below a group whose controllers are handed on to those below it."""
    try:
        handed = (base / "cgroup.subtree_control").read_text().split()
    except OSError:
        return None
    above = {controller: base for controller in _CONTROLLERS if controller in handed}
    return Tree(2, above) if above and os.access(base, os.W_OK) else None


def _words(controller: str, limits: Limits, found: Tree) -> list[tuple[str, str, bool]]:
    """File, value, and whether it must be taken for the limit to hold.

    Of the CPU a group gets the share of one process, however many it has: it is enough to be one.
    """
    if controller == "pids":
        return [("pids.max", str(limits.processes or "max"), True)]
    if controller == "cpu":
        return []
    if found.version == 1:
        most = str(limits.memory or -1)
        return [
            ("memory.limit_in_bytes", most, True),
            ("memory.memsw.limit_in_bytes", most, False),
            ("memory.kmem.tcp.limit_in_bytes", most, False),
        ]
    most = str(limits.memory or "max")
    return [("memory.max", most, True), ("memory.swap.max", "0", False), ("memory.oom.group", "1", False)]


def _told(file: Path, value: str, *, needed: bool) -> bool:
    try:
        file.write_text(value)
    except OSError:
        return not needed
    return True


def _count(file: Path, word: str) -> int:
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return 0
    return sum(int(line[1]) for line in lines if len(line) == 2 and line[0] == word)


def _own_place(own: str) -> Path:
    path = next((line[3:] for line in own.splitlines() if line.startswith("0::")), "/")
    return ROOT / path.lstrip("/")


def _delegated(base: Path) -> bool:
    """Did systemd give this group away? It marks those that it did."""
    try:
        return os.getxattr(base, "user.delegate") == b"1" and os.access(base / "cgroup.procs", os.W_OK)
    except (OSError, AttributeError):
        return False


def _divided(base: Path) -> Tree | None:
    """With our own processes in a leaf, so that groups can be made beside it."""
    try:
        (base / _LEAF).mkdir(exist_ok=True)
        for pid in (base / "cgroup.procs").read_text().split():
            (base / _LEAF / "cgroup.procs").write_text(pid)
        (base / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in _CONTROLLERS))
    except OSError:
        with contextlib.suppress(OSError):
            (base / "cgroup.subtree_control").write_text("+memory +pids")
    return second_version(base)


def _asked_systemd() -> Path | None:
    """A group that the user's systemd has put this process into, as its own; None where there is none to ask."""
    busctl = shutil.which("busctl", path="/usr/bin:/bin")
    if busctl is None or not os.environ.get("XDG_RUNTIME_DIR"):
        return None
    unit = f"alai-{os.getpid()}.scope"
    call = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"]
    wanted = ["StartTransientUnit", "ssa(sv)a(sa(sv))", unit, "fail", "3", "PIDs", "au", "1", str(os.getpid())]
    wanted += ["Delegate", "b", "true", "CollectMode", "s", "inactive-or-failed", "0"]
    try:
        asked = subprocess.run(
            [busctl, "--user", "--quiet", "call", *call, *wanted], capture_output=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    deadline = time.monotonic() + (_PATIENCE if asked.returncode == 0 else 0)
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            place = _own_place(Path("/proc/self/cgroup").read_text())
            if place.name == unit and _delegated(place):
                return place
        time.sleep(0.005)
    return None
