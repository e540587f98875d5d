"""A second lock below the mounts: the kernel's Landlock forbids writing outside some folders, whatever is mounted.

This file is run inside the sandbox too, as text: `python -c TEXT abi folder... -- program...`. Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import sys

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""system calls, the same on every architecture"""
_NO_NEW_PRIVILEGES = 38
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
    """The version that this kernel knows; 0 for none."""
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
        raise Unavailable("no ruleset")
    for folder in folders:
        there = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        allowed = handled & ~_DEVICES if os.path.isdir(folder) else handled & (_WRITE | _TRUNCATE)  # noqa: PTH112
        rule = ctypes.create_string_buffer(allowed.to_bytes(8, sys.byteorder) + there.to_bytes(4, sys.byteorder), 12)
        if libc.syscall(_ADD, ruleset, 1, rule, 0):
            raise Unavailable(folder)
        os.close(there)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.syscall(_RESTRICT, ruleset, 0):
        raise Unavailable("not enforced")
    os.close(ruleset)


def main(arguments: list[str]) -> None:
    version, rest = int(arguments[0]), arguments[1:]
    end = rest.index("--")
    restrict(version, rest[:end])
    os.execvp(rest[end + 1], rest[end + 1 :])


if __name__ == "__main__":
    main(sys.argv[1:])
