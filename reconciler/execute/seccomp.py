"""The system calls that no sandboxed program is given, as a filter for the kernel: a program of classic BPF.

Nothing is loaded here: `program` makes bytes, and `locks` hands them to the kernel inside the sandbox. What is denied
is what reaches past the namespaces (keys, new namespaces, mounts, the kernel's rarely used machinery); what is left
out on purpose is `ptrace` and its kin: debuggers and leak checkers need it, and it finds the sandbox's own processes.

Numbers: linux/arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h. Filter: seccomp(2).
"""

from __future__ import annotations

import errno
import functools
import platform
import struct
import sys

_BOTH = {
    "clone3": 435, "fsconfig": 431, "fsmount": 432, "fsopen": 430, "fspick": 433, "io_uring_enter": 426,
    "io_uring_register": 427, "io_uring_setup": 425, "mount_setattr": 442, "move_mount": 429, "open_tree": 428,
    "open_tree_attr": 467, "quotactl_fd": 443,
}  # fmt: skip
_X86_64 = _BOTH | {
    "acct": 163, "add_key": 248, "bpf": 321, "chroot": 161, "clone": 56, "delete_module": 176, "finit_module": 313,
    "init_module": 175, "io_setup": 206, "ioperm": 173, "iopl": 172, "kexec_file_load": 320, "kexec_load": 246,
    "keyctl": 250, "mount": 165, "msgget": 68, "open_by_handle_at": 304, "perf_event_open": 298, "pivot_root": 155,
    "quotactl": 179, "reboot": 169, "request_key": 249, "setns": 308, "shmget": 29, "socket": 41, "socketpair": 53,
    "swapoff": 168, "swapon": 167, "syslog": 103, "umount2": 166, "unshare": 272, "userfaultfd": 323,
}  # fmt: skip
_GENERIC = _BOTH | {
    "acct": 89, "add_key": 217, "bpf": 280, "chroot": 51, "clone": 220, "delete_module": 106, "finit_module": 273,
    "init_module": 105, "io_setup": 0, "kexec_file_load": 294, "kexec_load": 104, "keyctl": 219, "mount": 40,
    "msgget": 186, "open_by_handle_at": 265, "perf_event_open": 241, "pivot_root": 41, "quotactl": 60, "reboot": 142,
    "request_key": 218, "setns": 268, "shmget": 194, "socket": 198, "socketpair": 199, "swapoff": 225, "swapon": 224,
    "syslog": 116, "umount2": 39, "unshare": 97, "userfaultfd": 282,
}  # fmt: skip
MACHINES = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _GENERIC), "riscv64": (0xC00000F3, _GENERIC)}
"""machine -> what the kernel calls it (linux/audit.h), and the numbers of its system calls"""

_ARGUED = frozenset({"clone", "clone3", "io_setup", "msgget", "shmget", "socket", "socketpair"})
"""denied by what they are asked, or in another way than the rest"""
_NAMESPACES = 0x7E020000
"""CLONE_NEW* but NEWTIME, which clone does not know"""
_FAMILIES = (1, 2, 10, 16)
"""unix, inet, inet6, netlink; not vsock, which leads to the machine that this one is a guest of"""
_X32 = 0x40000000
SMALL_SEGMENT = 65536
"""bytes of shared memory of System V in one piece, where nothing counts it; PostgreSQL asks for 56"""

_LOAD, _EQUAL, _ATLEAST, _MORE, _ANY, _RETURN = 0x20, 0x15, 0x35, 0x25, 0x45, 0x06
_NUMBER, _ARCH, _FIRST, _SECOND = 0, 4, 16, 24
"""where in seccomp_data: the call, the architecture, the low halves of the first two arguments"""
ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000


class Unsupported(Exception):
    """There is no table of system calls for this machine."""


@functools.lru_cache(maxsize=8)
def program(machine: str | None = None, *, counted: bool = True) -> bytes:
    """The filter for a machine (default: this one). Raises Unsupported.

    `counted`: shared memory and messages of System V count as memory of the command. Where they do not, only small
    segments are given, and no queues.
    """
    machine = machine or platform.machine()
    if sys.byteorder != "little" or machine not in MACHINES:
        raise Unsupported(f"there is no table of system calls for {machine}")
    architecture, numbers = MACHINES[machine]
    code = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER)]
    if machine == "x86_64":
        code += [(_ATLEAST, 0, 1, _X32), _refuse(errno.ENOSYS)]
    for name in sorted(numbers.keys() - _ARGUED):
        code += _when(numbers[name], [_refuse(errno.EPERM)])
    # what knows only the new call falls back to the old one, whose arguments can be judged; what knows io_setup falls
    # back to threads: all users of the machine share one count of what it takes (fs.aio-max-nr)
    for name in ("clone3", "io_setup"):
        code += _when(numbers[name], [_refuse(errno.ENOSYS)])
    code += _when(numbers["clone"], [(_LOAD, 0, 0, _FIRST), (_ANY, 0, 1, _NAMESPACES), _refuse(errno.EPERM), _allow()])
    for name in ("socket", "socketpair"):
        known = [(_EQUAL, len(_FAMILIES) - at, 0, family) for at, family in enumerate(_FAMILIES)]
        code += _when(numbers[name], [(_LOAD, 0, 0, _FIRST), *known, _refuse(errno.EAFNOSUPPORT), _allow()])
    if not counted:
        code += _when(numbers["msgget"], [_refuse(errno.ENOSPC)])
        large = [(_LOAD, 0, 0, _SECOND + 4), (_EQUAL, 0, 2, 0), (_LOAD, 0, 0, _SECOND), (_MORE, 0, 1, SMALL_SEGMENT)]
        code += _when(numbers["shmget"], [*large, _refuse(errno.ENOSPC), _allow()])
    code.append(_allow())
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)


_Instruction = tuple[int, int, int, int]
"""code, jump if true, jump if false, operand"""


def _when(number: int, then: list[_Instruction]) -> list[_Instruction]:
    return [(_EQUAL, 0, len(then), number), *then]


def _refuse(error: int) -> _Instruction:
    return (_RETURN, 0, 0, _ERROR | error)


def _allow() -> _Instruction:
    return (_RETURN, 0, 0, ALLOW)
