"""The filter of system calls: what it answers for every table, and what the kernel makes of it."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from reconciler.execute import seccomp

MACHINES = sorted(seccomp.MACHINES)
KILL, X32 = 0x80000000, 0x40000000
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def answer(machine: str, name: str | int, *arguments: int, architecture: int = 0, counted: bool = True) -> int:
    """What the program says, by the rules of seccomp(2): an interpreter of the few instructions that it uses."""
    own, numbers = seccomp.MACHINES[machine]
    number = numbers[name] if isinstance(name, str) else name
    data = struct.pack("<IIQ6Q", number, architecture or own, 0, *(*arguments, *[0] * 6)[:6])
    code = [struct.unpack_from("<HBBI", program, at) for program in (seccomp.program(machine, counted=counted),)
            for at in range(0, len(program), 8)]  # fmt: skip
    at = loaded = 0
    while True:
        operation, yes, no, operand = code[at]
        at += 1
        match operation:
            case 0x20:
                loaded = struct.unpack_from("<I", data, operand)[0]
            case 0x06:
                return operand
            case 0x15:
                at += yes if loaded == operand else no
            case 0x25:
                at += yes if loaded > operand else no
            case 0x35:
                at += yes if loaded >= operand else no
            case _:
                assert operation == 0x45
                at += yes if loaded & operand else no


def refused(error: int) -> int:
    return 0x00050000 | error


@pytest.mark.parametrize("machine", MACHINES)
def test_what_reaches_past_the_namespaces_is_refused_and_the_rest_is_given(machine: str) -> None:
    keys = ("keyctl", "add_key", "request_key")
    mounts = ("mount", "umount2", "move_mount", "open_tree", "fsopen", "fsmount", "fspick", "mount_setattr", "chroot")
    rest = ("unshare", "setns", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "kexec_load", "init_module")
    for name in (*keys, *mounts, *rest, "pivot_root", "reboot", "swapon"):
        assert answer(machine, name) == refused(errno.EPERM), name
    for name in ("clone3", "io_setup"):
        assert answer(machine, name) == refused(errno.ENOSYS), name
    assert answer(machine, "clone", 0x3D0F00 & ~0x20000) == seccomp.ALLOW
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert answer(machine, "clone", 17 | flag) == refused(errno.EPERM)
    for number in set(range(480)) - set(seccomp.MACHINES[machine][1].values()):
        assert answer(machine, number, 1, 2, 3) == seccomp.ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_of_the_families_of_sockets_only_the_ordinary_are_given(machine: str) -> None:
    for call in ("socket", "socketpair"):
        given = [family for family in range(50) if answer(machine, call, family, 1) == seccomp.ALLOW]
        assert given == [1, 2, 10, 16]
        assert answer(machine, call, 40, 1) == refused(errno.EAFNOSUPPORT)


@pytest.mark.parametrize("machine", MACHINES)
def test_system_calls_of_another_architecture_end_the_program(machine: str) -> None:
    others = [architecture for name, (architecture, _) in seccomp.MACHINES.items() if name != machine]
    for foreign in (*others, 0x40000003, 0x40000028):
        assert answer(machine, 0, architecture=foreign) == KILL
    if machine == "x86_64":
        assert answer(machine, X32 | 250) == refused(errno.ENOSYS)


@pytest.mark.parametrize("machine", MACHINES)
def test_shared_memory_that_nothing_counts_comes_in_small_pieces_only(machine: str) -> None:
    assert answer(machine, "shmget", 0, 2**30) == seccomp.ALLOW
    assert answer(machine, "shmget", 0, 56, counted=False) == seccomp.ALLOW
    for much in (seccomp.SMALL_SEGMENT + 1, 2**32, 2**40 + 1):
        assert answer(machine, "shmget", 0, much, counted=False) == refused(errno.ENOSPC)
    assert answer(machine, "msgget", counted=False) == refused(errno.ENOSPC)
    assert answer(machine, "msgget") == seccomp.ALLOW


def test_a_machine_without_a_table_has_no_filter() -> None:
    with pytest.raises(seccomp.Unsupported, match="vax"):
        seccomp.program("vax")


@pytest.mark.parametrize("machine", sorted(HEADERS))
def test_the_numbers_are_those_of_the_kernels_headers(machine: str) -> None:
    header = HEADERS[machine]
    if not header.exists():
        pytest.skip(f"there is no {header}")
    found = dict(re.findall(r"#define __NR(?:3264)?_([a-z]\w*)\s+(\d+)", header.read_text()))
    numbers = seccomp.MACHINES[machine][1]
    assert {name: int(found[name]) for name in numbers if name in found} | {"open_tree_attr": 467} == numbers
