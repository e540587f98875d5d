"""What a program is put under from within the sandbox, below the mounts, by the first process there.

A session keyring of its own, Landlock, a filter of system calls (`seccomp`), limits, and a small share of what the
kernel counts by user. It is run as text, `python -I -S -c TEXT ...`, so it imports the standard library only, and
little of that: it is part of the cost of every command. What cannot be done ends it, with 125, before the program.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import sys
import time

CAPABILITIES = {"CAP_SETPCAP": 8, "CAP_SYS_RESOURCE": 24}
"""that it needs, in a namespace where they mean little, and gives up"""
REFUSED = 125
LATER = "ALAI_LATER_"
"""before the name of a variable that the program has, and nothing that comes before it: `LD_PRELOAD`, say"""
SHARE = 4
"""one command may use up a quarter of what the user may"""
FEWEST_SIGNALS = 512
"""that may wait, timers included, however little the user may have: ordinary programs need some"""

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""system calls of Landlock, the same on every architecture"""
_KEYCTL = {"x86_64": 250}.get(os.uname().machine, 219)
_CAPSET = {"x86_64": 126}.get(os.uname().machine, 91)
_JOIN_SESSION_KEYRING = 1
_KEYS_PATIENCE = 100
"""hundredths of a second: keyrings of commands that have ended are counted until the kernel has cleaned up"""
_SET_SECCOMP, _DROP, _NO_NEW_PRIVILEGES = 22, 24, 38
_FILTER = 2
_COUNTED = {
    "max_inotify_instances": "inotify/max_user_instances",
    "max_inotify_watches": "inotify/max_user_watches",
    "max_fanotify_groups": "fanotify/max_user_groups",
    "max_fanotify_marks": "fanotify/max_user_marks",
}
"""what this namespace may have (below /proc/sys/user) -> what all of the user's may (below /proc/sys/fs)"""
_PIPE, _FILE_SIZE = 13, 25
"""signals that Python does not want to die of, and other programs do"""
_WRITE = 1 << 1
_TRUNCATE = 1 << 14
_ALL = sum(1 << bit for bit in (1, *range(4, 13)))
"""write, remove, and make anything"""
_DEVICES = (1 << 6) | (1 << 11)
"""make device files: nobody"""
_REFER = 1 << 13
_SCOPED = 0b11
"""no abstract sockets of others, no signals to others"""


class Unavailable(Exception):
    """The kernel does not do it."""


def abi() -> int:
    """The version of Landlock that this kernel knows; 0 for none."""
    if sys.platform != "linux":
        return 0
    return max(ctypes.CDLL(None).syscall(_CREATE, None, 0, 1), 0)


def restrict(version: int, folders: list[str]) -> None:
    """From now on this process and all it starts write below `folders` only, for good. Raises Unavailable."""
    libc = ctypes.CDLL(None, use_errno=True)
    handled = _ALL | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    rules = (ctypes.c_uint64 * 3)(handled, 0, _SCOPED if version >= 6 else 0)
    ruleset = libc.syscall(_CREATE, rules, 8 if version < 4 else 16 if version < 6 else 24, 0)
    if ruleset < 0:
        raise Unavailable("Landlock: no ruleset")
    for folder in folders:
        there = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        allowed = handled & ~_DEVICES if os.path.isdir(folder) else handled & (_WRITE | _TRUNCATE)  # noqa: PTH112
        rule = ctypes.create_string_buffer(allowed.to_bytes(8, sys.byteorder) + there.to_bytes(4, sys.byteorder), 12)
        if libc.syscall(_ADD, ruleset, 1, rule, 0):
            raise Unavailable(f"Landlock: {folder}")
        os.close(there)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.syscall(_RESTRICT, ruleset, 0):
        raise Unavailable("Landlock: not enforced")
    os.close(ruleset)


def own_keys() -> None:
    """An empty session keyring in place of the user's. Raises Unavailable."""
    libc = ctypes.CDLL(None, use_errno=True)
    for _ in range(_KEYS_PATIENCE):
        if libc.syscall(_KEYCTL, _JOIN_SESSION_KEYRING, None) >= 0:
            return
        # no keys in this kernel, or somebody around us allows nobody to use them: there is nothing to leave behind
        if ctypes.get_errno() in (errno.ENOSYS, errno.EPERM):
            return
        time.sleep(0.01)
    raise Unavailable(f"session keyring: {os.strerror(ctypes.get_errno())}")


def own_share() -> None:
    """What the kernel counts for the user: here a part of it, so that the user keeps the rest. Raises Unavailable."""
    for here, all_together in _COUNTED.items():
        place = f"/proc/sys/user/{here}"
        try:
            most = max(min(int(_read(place)), int(_read(f"/proc/sys/fs/{all_together}"))) // SHARE, 1)
        except FileNotFoundError:
            continue
        with open(place, "w") as limit:  # noqa: PTH123
            limit.write(str(most))
        if int(_read(place)) != most:
            raise Unavailable(place)
    # signals that wait, and timers, are counted for the user in all namespaces together
    limited([f"SIGPENDING={share_of_signals(resource.getrlimit(resource.RLIMIT_SIGPENDING)[1])}"])


def share_of_signals(users: int) -> int:
    """What one command may have of the signals that may wait for the user's programs (-1: without end)."""
    return FEWEST_SIGNALS if users == resource.RLIM_INFINITY else max(users // SHARE, FEWEST_SIGNALS)


def _read(place: str) -> str:
    with open(place) as file:  # noqa: PTH123
        return file.read()


def without_capabilities() -> None:
    """Give up those that setting up took. Raises Unavailable."""
    libc = ctypes.CDLL(None, use_errno=True)
    dropped = [libc.prctl(_DROP, number, 0, 0, 0) for number in CAPABILITIES.values()]
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if any(dropped) or libc.syscall(_CAPSET, header, none):
        raise Unavailable(f"capabilities: {os.strerror(ctypes.get_errno())}")


def filtered(code: bytes) -> None:
    """From now on this process and all it starts make the system calls of this filter only. Raises Unavailable."""
    libc = ctypes.CDLL(None, use_errno=True)
    kept = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(16)
    program[0:2] = (len(code) // 8).to_bytes(2, sys.byteorder)
    program[8:16] = ctypes.addressof(kept).to_bytes(8, sys.byteorder)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(_SET_SECCOMP, _FILTER, program, 0, 0):
        raise Unavailable(f"seccomp: {os.strerror(ctypes.get_errno())}")


def limited(limits: list[str]) -> None:
    """`name=number` each; a hard limit that is lower already stays."""
    for limit in limits:
        name, _, number = limit.partition("=")
        kind = getattr(resource, f"RLIMIT_{name}")
        most, there = int(number), resource.getrlimit(kind)[1]
        value = most if there == resource.RLIM_INFINITY else min(most, there)
        resource.setrlimit(kind, (value, value))


def main(arguments: list[str]) -> None:
    """`FILTER LIMITS ABI FOLDER... -- PROGRAM...`: hexadecimal, separated by commas, a number."""
    code, limits, version, *rest = arguments
    end = rest.index("--")
    command = rest[end + 1 :]
    try:
        limited(limits.split(","))
        own_share()
        without_capabilities()
        own_keys()
        if int(version):
            restrict(int(version), rest[:end])
        filtered(bytes.fromhex(code))
    except (Unavailable, OSError, ValueError) as error:
        sys.stderr.write(f"the sandbox cannot be set up: {error}\n")
        os._exit(REFUSED)
    for name in [name for name in os.environ if name.startswith(LATER)]:
        os.environ[name.removeprefix(LATER)] = os.environ.pop(name)
    for signal in (_PIPE, _FILE_SIZE):
        ctypes.CDLL(None).signal(signal, None)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        os._exit(127 if isinstance(error, (FileNotFoundError, NotADirectoryError)) else 126)


if __name__ == "__main__":
    main(sys.argv[1:])
