"""What a command may see and take: nothing of the person's, of the kernel's privileges, or more than its limits say."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.model.vocabulary import Verdict
from tests.escape.conftest import CANARY, Prison, Told

KEYCTL, ADD_KEY, SESSION = 250, 248, -3
NUMBERED = pytest.mark.skipif(platform.machine() != "x86_64", reason="calls the kernel by the numbers of x86_64")
LIBC = ctypes.CDLL(None, use_errno=True)


def python(code: str) -> str:
    return f"cat > /tmp/tried.py <<'X'\n{code}\nX\npython3 /tmp/tried.py; exit 1"


def output(told: Told) -> str:
    return "\n".join(str(line.get("output")) for line in told.transcript)


LOOKS = {
    "keys and histories in the home folder": (
        "cat {home}/.ssh/id_ed25519 {home}/.aws/credentials {home}/.netrc; ls -la {home} /home /root; exit 1"
    ),
    "environments and folders of all processes": (
        "for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/environ; readlink $p/cwd $p/root; ls -l $p/fd; done; exit 1"
    ),
    "the root of the first process": "ls /proc/1/root/home /proc/1/cwd; cat /proc/1/root/etc/shadow; exit 1",
    "other worktrees and the factory's state": (
        "cat {other}/x {factory}/state/index.db; ls {outside}; find / -xdev -name index.db; exit 1"
    ),
    "files of the system": "cat /etc/shadow /etc/ssh/sshd_config /etc/machine-id; exit 1",
    "a socket in the file system": (
        "python3 -c \"import socket; socket.socket(socket.AF_UNIX).connect('{outside}/path.sock')\"; exit 1"
    ),
    "an abstract socket": (
        "python3 -c \"import socket; socket.socket(socket.AF_UNIX).connect('\\0{abstract}')\"; exit 1"
    ),
    "loopback": "python3 -c \"import socket; socket.create_connection(('127.0.0.1', {port}), 2)\"; exit 1",
}


@pytest.mark.parametrize("what", LOOKS, ids=lambda what: what.replace(" ", "-"))
def test_a_command_finds_nothing_when_it_looks_at(what: str, prison: Prison) -> None:
    home, other = prison.outside / "home", prison.outside / "other-task/work"
    for path in (home / ".aws/credentials", home / ".netrc", other / "x"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CANARY)
    abstract = f"alai-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as named, socket.socket(socket.AF_UNIX) as unnamed:
        for server, address in ((named, str(prison.outside / "path.sock")), (unnamed, f"\0{abstract}")):
            server.bind(address)
            server.listen()
            server.setblocking(False)
        told = prison.shell(
            LOOKS[what].format(
                home=home, other=other, factory=prison.factory.path, outside=prison.outside,
                abstract=abstract, port=prison.port,
            )
        )  # fmt: skip
        for server in (named, unnamed):
            with pytest.raises(BlockingIOError):
                server.accept()
    assert not prison.visited()
    assert CANARY not in told.everything
    assert "root:*" not in told.everything
    assert told.transcript[0]["exit"] == 1


KEYS = f"""import ctypes, struct
call = ctypes.CDLL(None).syscall
found = ctypes.create_string_buffer(4096)
n = call({KEYCTL}, 11, {SESSION}, found, 4096)
for key in struct.unpack(f"{{n // 4}}i", found.raw[:n]) if n > 0 else ():
    held = ctypes.create_string_buffer(4096)
    m = call({KEYCTL}, 11, key, held, 4096)
    print("key", held.raw[:max(m, 0)])
print("planted", call({ADD_KEY}, b"user", b"planted", b"x", 1, {SESSION}))
try:
    print(open("/proc/keys").read())
except OSError as error:
    print(error)
"""


@NUMBERED
def test_the_keyring_of_the_session_is_neither_read_nor_written(prison: Prison) -> None:
    if LIBC.syscall(KEYCTL, 1, b"alai-attack") < 0 or (
        LIBC.syscall(ADD_KEY, b"user", b"mine-of-alai", CANARY.encode(), len(CANARY), SESSION) < 0
    ):
        pytest.skip("this kernel lends no keyrings")
    said = output(prison.shell(python(KEYS)))
    assert CANARY not in said
    assert "mine-of-alai" not in said
    assert "planted -1" in said
    found = ctypes.create_string_buffer(4096)
    size = LIBC.syscall(KEYCTL, 11, SESSION, found, 4096)
    names: list[bytes] = []
    for key in struct.unpack(f"{size // 4}i", found.raw[:size]):
        name = ctypes.create_string_buffer(256)
        LIBC.syscall(KEYCTL, 6, key, name, 256)
        names.append(name.value)
    assert not [name for name in names if b"planted" in name]


PRIVILEGES = {
    "a user namespace": "libc.unshare(0x10000000)",
    "a network namespace": "libc.unshare(0x40000000)",
    "a mount namespace": "libc.unshare(0x00020000)",
    "a namespace by clone": "libc.syscall(56, 0x10000011, 0, 0, 0, 0)",
    "a namespace by clone3": "libc.syscall(435, (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17), 88)",
    "a mount": "libc.mount(b'x', b'/tmp', b'tmpfs', 0, None)",
    "an unmount of git's folder": "libc.umount2(b'/product/.git', 2)",
    "a file system": "libc.syscall(430, b'tmpfs', 0)",
    "another root": "libc.chroot(b'/usr')",
    "bpf": "libc.syscall(321, 0, ctypes.create_string_buffer(128), 128)",
    "userfaultfd": "libc.syscall(323, 0)",
    "io_uring": "libc.syscall(425, 8, ctypes.create_string_buffer(256))",
    "perf": "libc.syscall(298, ctypes.create_string_buffer(128), 0, -1, -1, 0)",
    "a socket of the machine's host": "libc.socket(40, 1, 0)",
    "a packet socket": "libc.socket(17, 3, 0)",
    "a raw socket": "libc.socket(2, 3, 1)",
    "a bluetooth socket": "libc.socket(31, 3, 1)",
    "a key": "libc.syscall(248, b'user', b'k', b'x', 1, -3)",
    "a request for a key": "libc.syscall(249, b'user', b'k', 0, -3)",
    "a look at keys": "libc.syscall(250, 0, -3, 0)",
    "a look into another process": "libc.ptrace(16, 1, 0, 0)",
}


@NUMBERED
def test_the_kernel_refuses_every_privilege(prison: Prison) -> None:
    tries = "\n".join(f"tried({name!r}, lambda: {call})" for name, call in PRIVILEGES.items())
    code = f"""import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def tried(name, call):
    ctypes.set_errno(0)
    given = call()
    print("GIVEN" if given != -1 else "refused", name, errno.errorcode.get(ctypes.get_errno()), flush=True)
{tries}
print([line.strip() for line in open("/proc/self/status") if line.startswith(("CapEff", "NoNewPrivs", "Seccomp:"))])
"""
    said = output(prison.shell(python(code)))
    assert [line for line in said.splitlines() if line.startswith("GIVEN")] == []
    assert len(re.findall("^refused ", said, re.M)) == len(PRIVILEGES)
    assert re.search(r"CapEff:\\t0{16}.*NoNewPrivs:\\t1.*Seccomp:\\t2", said), said


MEMORY = {
    "files in memory that nobody maps": """import os, time
held = []
for i in range(70):
    f = os.memfd_create(str(i)); held.append(f); n = 0
    while n < 17 * 2**20: n += os.write(f, b'x' * 2**20)
""",
    "shared memory that is let go of": """import ctypes, time
libc = ctypes.CDLL(None, use_errno=True); libc.shmat.restype = ctypes.c_void_p
for i in range(64):
    s = libc.shmget(0, 16 * 2**20, 0o1600)
    if s < 0: raise OSError('shmget')
    p = libc.shmat(s, None, 0); ctypes.memset(p, 1, 16 * 2**20); libc.shmdt(ctypes.c_void_p(p))
""",
    "buffers of sockets": """import resource, socket, time
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]; resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = []; n = 0
while n < 700 * 2**20:
    a, b = socket.socketpair(); a.setblocking(False); held.append((a, b))
    try:
        while True: n += a.send(b'x' * 65536)
    except BlockingIOError: pass
""",
    "empty files": """import os, time
for i in range(600000): os.mknod(f'/tmp/f{i}')
""",
}


def available() -> int:
    """MiB that the machine could give."""
    text = Path("/proc/meminfo").read_text()
    return int(text[text.index("MemAvailable:") :].split()[1]) // 1024


@contextmanager
def lowest() -> Iterator[list[int]]:
    """What of the machine's memory was left, at its worst: [before, lowest]."""
    seen = [available(), available()]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            seen[1] = min(seen[1], available())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("what", MEMORY, ids=lambda what: what.replace(" ", "-"))
def test_a_command_cannot_hold_more_memory_than_its_limit_by(what: str, prison: Prison) -> None:
    code = MEMORY[what] + "print('held', flush=True); time.sleep(4); print('still alive', flush=True)"
    with lowest() as seen:
        told = prison.shell(python(code), policy=prison.brief_policy(memory="256MiB", disk="200MiB"))
    assert "still alive" not in output(told)
    assert told.result
    assert told.result.message
    assert told.transcript[0]["exit"] != 0
    # others on this machine take some meanwhile
    assert seen[0] - seen[1] < 800, f"{seen[0] - seen[1]} MiB"


def test_sparse_files_count_as_large_as_they_say(prison: Prison) -> None:
    with lowest() as seen:
        told = prison.shell("for i in $(seq 41); do truncate -s 4M t$i; done; echo made; sleep 3")
    assert told.result
    assert told.result.ended is Verdict.FAILED
    assert "disk" in told.result.message
    assert seen[0] - seen[1] < 800


def test_watches_on_files_are_left_for_the_person(prison: Prison) -> None:
    code = """import ctypes, time
libc = ctypes.CDLL(None); n = 0
while n < 100000 and libc.inotify_init() >= 0: n += 1
print('instances', n, flush=True); time.sleep(1.5)
"""
    given: list[int] = []

    def look() -> None:
        deadline = time.monotonic() + 6
        while time.monotonic() < deadline:
            fd = LIBC.inotify_init()
            given.append(fd)
            if fd >= 0:
                os.close(fd)
            time.sleep(0.05)

    thread = threading.Thread(target=look)
    thread.start()
    prison.shell(python(code))
    thread.join()
    assert min(given) >= 0, "the person's own programs get none"
