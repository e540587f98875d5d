"""What a program sees inside bubblewrap, as arguments and variables; both sorts of sandboxed programs share it.

Commands have a workspace (`sandbox`), programs that are talked with have none (`enclosure`). Nothing is run here.
"""

from __future__ import annotations

import functools
import os
import pwd
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.execute import locks, seccomp
from reconciler.execute.toolchain import OWN_PYTHON, Toolchain

HOME = "/tmp/home"
SCRATCH = ("/tmp", "/dev")
"""what every program may write to"""
UID = 1000

LIMIT_PROCESSES = (
    'most() { (ulimit -u "$1") 2>/dev/null && ulimit -u "$1" || '
    '{ (ulimit -p "$1") 2>/dev/null && ulimit -p "$1"; }; }; '
)
"""a shell's function `most N`: dash knows -p where bash knows -u"""

_ETC = (
    "alternatives", "fonts", "group", "hosts", "java-17-openjdk", "java-21-openjdk", "java-25-openjdk", "ld.so.cache",
    "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf", "passwd", "pki/tls/certs", "ssl/certs",
)  # fmt: skip

_SHARED = ("--size", str(256 * 2**20), "--tmpfs", "/dev/shm", "--remount-ro", "/dev")
"""memory that looks like files has a size"""
_UNSEEN = ("/proc/keys", "/proc/key-users")
"""they name the keys of the user outside"""


def bare(path: str, home: str, temporary: str) -> dict[str, str]:
    """An allow-list: nothing of the controller's own environment gets in but the program path."""
    return {
        "PATH": path,
        "HOME": home,
        "TMPDIR": temporary,
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "USER": _user(),
        "LOGNAME": _user(),
        "SHELL": "/bin/sh",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@functools.lru_cache(maxsize=1)
def _user() -> str:
    """The name that this machine gives to the user that a program is inside: work must not see that it is judged."""
    try:
        return pwd.getpwuid(UID).pw_name
    except KeyError:
        return "user"


@functools.lru_cache(maxsize=8)
def system_options(tools: Toolchain) -> tuple[str, ...]:
    """bubblewrap's arguments for an ordinary user with no network, the system read-only, and nothing else yet."""
    options = [
        "--unshare-all", "--unshare-user", "--disable-userns", "--uid", str(UID), "--gid", str(UID),
        "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "localhost",
        "--ro-bind", "/usr", "/usr",
    ]  # fmt: skip
    for capability in locks.CAPABILITIES:
        options += ["--cap-add", capability]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/") / name
        if path.is_symlink():
            options += ["--symlink", os.readlink(path), str(path)]  # noqa: PTH115
        elif path.is_dir():
            options += ["--ro-bind", str(path), str(path)]
    for name in _ETC:
        options += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    options += ["--ro-bind-try", "/nix/store", "/nix/store", "--proc", "/proc", "--dev", "/dev", *_SHARED]
    for name in _UNSEEN:
        options += ["--ro-bind", "/dev/null", name] if Path(name).exists() else []
    for folder in tools.folders:
        options += ["--ro-bind", folder, folder]
    for link, target in tools.links:
        options += ["--symlink", target, link]
    for name in tools.hidden:
        options += ["--ro-bind", "/dev/null", name]
    return tuple(options)


def locked(
    argv: Sequence[str], *, landlock: int, counted: bool, writable: Sequence[str], limits: Mapping[str, int]
) -> list[str]:
    """`argv` behind the locks that our own Python puts on inside; nothing of it runs where one does not hold.

    `landlock`: its version, 0 for none. `counted`: by a control group, memory of all sorts. `writable`: where Landlock
    lets it write. `limits`: the kernel's names without RLIMIT_, in the kernel's units.
    """
    told = ",".join(f"{name}={number}" for name, number in limits.items())
    filtered = seccomp.program(counted=counted).hex()
    return [OWN_PYTHON, "-I", "-S", "-c", _text(), filtered, told, str(landlock), *writable, "--", *argv]


@functools.lru_cache(maxsize=1)
def _text() -> str:
    return Path(locks.__file__).read_text()
