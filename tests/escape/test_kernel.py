"""What the kernel holds a command to below the mounts: keys, namespaces, sockets, memory of all sorts.

Each attack is tried twice where that is cheap: inside, and where the one protection is left out, to see that it bites.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.execute import bubblewrap, cgroups, locks
from reconciler.execute.process import Completed
from reconciler.execute.sandbox import Sandbox
from reconciler.execute.toolchain import toolchain
from reconciler.model.spec import Limits

X86 = os.uname().machine == "x86_64"
KEYCTL, ADD_KEY = (250, 248) if X86 else (219, 217)
needs_cgroup = pytest.mark.skipif(not cgroups.described(), reason="this machine gives no control groups")
LIBC = "import ctypes, os, socket, sys; l = ctypes.CDLL(None, use_errno=True); e = ctypes.get_errno\n"
SECRET = b"canary-of-the-keyring"


def sandbox(**fields: object) -> Sandbox:
    limits = {"memory": "128MiB", "disk": "20MiB", "processes": 80}
    cgroup = fields.pop("cgroup", None)
    found = Sandbox.detect(Limits(**{**limits, **fields}))  # type: ignore[arg-type]
    assert found, "this machine has no sandbox that works"
    return found if cgroup is None else msgspec.structs.replace(found, cgroup=str(cgroup))


def python(root: Path, text: str, within: Sandbox | None = None) -> Completed:
    return asyncio.run((within or sandbox()).run(["python3", "-c", LIBC + text], root=root, timeout=20))


def unlocked(text: str) -> str:
    """The same in bubblewrap as it was: mounts and namespaces alone."""
    bwrap = sandbox().bwrap
    assert bwrap
    without = ("--disable-userns", "--cap-add", *locks.CAPABILITIES)
    options = [word for word in bubblewrap.system_options(toolchain()) if word not in without]
    argv: Sequence[str] = [bwrap, *options, "--tmpfs", "/tmp", "--", bubblewrap.OWN_PYTHON, "-c", LIBC + text]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20).stdout


@pytest.fixture
def keyring() -> Iterator[None]:
    """A key of the person who starts the factory, in a session keyring that only this thread's children have."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(KEYCTL, 1, None) < 0:
        pytest.skip("this machine lets nobody use keys")
    assert libc.syscall(ADD_KEY, b"user", b"my-token", SECRET, len(SECRET), -3) > 0
    yield
    libc.syscall(KEYCTL, 1, None)


STEAL = f"""
key = l.syscall({KEYCTL}, 10, -3, b"user", b"my-token", 0)
kept = ctypes.create_string_buffer(100)
print("read", l.syscall({KEYCTL}, 11, key, kept, 100), kept.value)
print("planted", l.syscall({ADD_KEY}, b"user", b"planted", b"x", 1, -3))
try: print("listed", "my-token" in open("/proc/keys").read())
except OSError as error: print("listed", error)
"""


@pytest.mark.usefixtures("keyring")
def test_keys_of_the_user_are_not_read_listed_or_planted(tmp_path: Path) -> None:
    said = python(tmp_path, STEAL).text()
    assert "read -1 b''" in said
    assert "planted -1" in said
    assert "listed [Errno" in said
    assert SECRET.decode() in unlocked(STEAL)


@pytest.mark.usefixtures("keyring")
def test_the_session_keyring_is_a_fresh_one_even_where_nothing_forbids_to_use_it() -> None:
    start = (
        "import os, sys; from reconciler.execute import locks; locks.own_keys(); os.execv(sys.executable, sys.argv[1:])"
    )
    for first, stolen in ((start, False), ("import os, sys; os.execv(sys.executable, sys.argv[1:])", True)):
        argv = [sys.executable, "-c", first, sys.executable, "-c", LIBC + STEAL]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        assert (SECRET.decode() in done.stdout) is stolen


NAMESPACES = """
flags = dict(user=0x10000000, net=0x40000000, mnt=0x20000, pid=0x20000000, ipc=0x8000000, uts=0x4000000)
if sys.argv[1:] : flags = {"user": flags["user"]}
print("unshared", [name for name, flag in flags.items() if l.unshare(flag) == 0])
"""


def test_there_is_no_namespace_inside_and_no_capability(tmp_path: Path) -> None:
    status = (
        "told = [line.split() for line in open('/proc/self/status') if line.startswith(('Cap', 'Seccomp:', 'NoNew'))]\n"
    )
    status += "print([word for _, word in told])"
    said = python(tmp_path, NAMESPACES + status).text()
    assert "unshared []" in said
    zero = "0" * 16
    assert str([*[zero] * 5, "1", "2"]) in said
    assert "'user'" in unlocked(NAMESPACES)


def test_no_user_namespace_is_given_even_without_the_filter() -> None:
    bwrap = sandbox().bwrap
    assert bwrap
    argv = [bwrap, *bubblewrap.system_options(toolchain()), "--", bubblewrap.OWN_PYTHON, "-c", LIBC + NAMESPACES, "one"]
    assert "unshared []" in subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def test_what_is_rarely_used_in_the_kernel_is_out_of_reach(tmp_path: Path) -> None:
    numbers = {"io_uring": 425, "fsopen": 430, "open_tree": 428, "mount_setattr": 442}
    numbers |= {"bpf": 321, "userfaultfd": 323, "perf": 298} if X86 else {"bpf": 280, "userfaultfd": 282, "perf": 241}
    text = f"print([name for name, n in {numbers}.items() if l.syscall(n, 0, 0, 0, 0, 0) >= 0 or e() != 1])\n"
    text += "for family in (17, 40, 38, 31):\n try: socket.socket(family, 3); print('open', family)\n"
    text += " except OSError as error: print(error.errno)\n"
    assert python(tmp_path, text).text().split() == ["[]", "97", "97", "97", "97"]


def test_ordinary_programs_get_what_they_need(tmp_path: Path) -> None:
    text = """
import concurrent.futures, multiprocessing, subprocess, threading
threading.Thread(target=print, args=("thread",)).start()
print(subprocess.run(["sh", "-c", "exit 3"]).returncode, multiprocessing.Pool(2).map(abs, [-1]))
for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
    socket.socket(family, socket.SOCK_STREAM if family != socket.AF_NETLINK else socket.SOCK_RAW).close()
server = socket.create_server(("127.0.0.1", 0)); socket.create_connection(server.getsockname())
print(len(socket.socketpair()), os.memfd_create("x") > 0, l.shmget(0, 4096, 0o1600) >= 0, l.inotify_init() > 0)
if (child := os.fork()) == 0: os._exit(40 + l.ptrace(0, 0, 0, 0))
print("traced", os.waitpid(child, 0)[1] >> 8)
"""
    done = python(tmp_path, text)
    assert done.ok, done.text()
    assert "3 [1]" in done.text()
    assert "2 True True True" in done.text()
    assert "traced 40" in done.text()
    piped = asyncio.run(sandbox().run(["sh", "-c", "yes | head -1"], root=tmp_path))
    assert piped.text() == "y\n"


HOLD = {
    "files in memory": "for i in range(60):\n f = os.memfd_create('x')\n for _ in range(8): os.write(f, b'x' * 2**20)",
    "shared memory": """
l.shmat.restype = ctypes.c_void_p
for i in range(60):
    s = l.shmget(0, 2**23, 0o1600)
    if s < 0: sys.exit("no more")
    at = l.shmat(s, None, 0); ctypes.memset(at, 1, 2**23); l.shmdt(ctypes.c_void_p(at))
""",
    "sockets": """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
kept = []
try:
    for i in range(1900):
        a, b = socket.socketpair(); a.setblocking(False); kept.append((a, b))
        try:
            while True: a.send(b"x" * 65536)
        except BlockingIOError: pass
except OSError as error: sys.exit(error.strerror)
""",
    "empty files": "for i in range(400_000): os.mknod(f'/tmp/{i}')",
}  # fmt: skip

MEMORY = f"more than {128 * 2**20} bytes of memory"
HELD = "all of it is held"
ALL_HELD = f"print({HELD!r}, flush=True)\nimport time; time.sleep(60)"


@needs_cgroup
@pytest.mark.parametrize("what", HOLD)
def test_the_kernel_counts_memory_of_every_sort(tmp_path: Path, what: str) -> None:
    done = python(tmp_path, HOLD[what] + f"\n{ALL_HELD}")
    assert not done.ok
    # either the kernel ended it, or what it asked for was not to be had
    assert done.stopped == MEMORY or (done.exit and "memory" in done.text().lower()), done
    assert HELD not in done.text()


@pytest.mark.parametrize("what", HOLD)
def test_where_nothing_counts_it_a_look_from_outside_finds_it(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "tree", lambda: None)
    done = python(tmp_path, HOLD[what] + f"\n{ALL_HELD}", sandbox(cgroup=""))
    assert not done.ok
    assert done.stopped == MEMORY or (done.exit and "no more" in done.text()), done


@pytest.mark.parametrize("less", [{"landlock": 0}, {"cgroup": ""}, {"landlock": 0, "cgroup": ""}], ids=str)
def test_the_rest_holds_on_a_machine_without_landlock_or_control_groups(tmp_path: Path, less: dict[str, Any]) -> None:
    outside = """
for place in ("/usr/x", "/x", "/etc/x", "/dev/x"):
    try: open(place, "w"); print("wrote", place)
    except OSError as error: print("refused", error.errno)
open("mine", "w").write("kept")
"""
    done = python(tmp_path, NAMESPACES + STEAL + outside, msgspec.structs.replace(sandbox(), **less))
    assert done.ok, done.text()
    assert "unshared []" in done.text()
    assert "read -1 b''" in done.text()
    assert done.text().count("refused 30") == 4
    assert (tmp_path / "mine").read_text() == "kept"


def test_watchers_of_files_are_left_to_the_user(tmp_path: Path) -> None:
    text = "n = 0\nwhile l.inotify_init() >= 0: n += 1\nprint(n)"
    most = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text())
    done = python(tmp_path, text)
    assert int(done.text()) <= most // locks.SHARE
    assert int(unlocked(text)) > most // locks.SHARE


def test_timers_and_signals_that_wait_are_left_to_the_user(tmp_path: Path) -> None:
    most = resource.getrlimit(resource.RLIMIT_SIGPENDING)[1]
    number, enough = (222 if X86 else 107), locks.share_of_signals(most) + 1
    text = f"t = 0\nfor _ in range({enough}): t += l.syscall({number}, 0, None, ctypes.byref(ctypes.c_int())) == 0\n"
    made = int(python(tmp_path, text + "print(t)").text())
    assert 0 < made < enough
    assert made <= max(most // locks.SHARE, locks.FEWEST_SIGNALS)
    if most > 2 * enough:
        assert int(unlocked(text + "print(t)")) == enough


@pytest.mark.parametrize(("users", "share"), [(96_365, 24_091), (600, 512), (0, 512), (resource.RLIM_INFINITY, 512)])
def test_a_command_has_a_quarter_of_the_users_signals_and_some_hundreds_at_least(users: int, share: int) -> None:
    assert locks.share_of_signals(users) == share


def test_what_the_whole_machine_has_for_asynchronous_reading_is_not_given(tmp_path: Path) -> None:
    number = 206 if X86 else 0
    text = f"print(l.syscall({number}, 1, ctypes.byref(ctypes.c_ulong())), e())"
    assert python(tmp_path, text).text().split() == ["-1", str(errno.ENOSYS)]
    assert unlocked(text).split()[0] == "0"


def test_nothing_runs_where_a_lock_does_not_hold(tmp_path: Path) -> None:
    found = sandbox()
    broken = msgspec.structs.replace(found, landlock=7)
    argv = broken.locked(["touch", "/product/x"], writable=["/no/such/folder"])
    assert broken.bwrap
    options = [*bubblewrap.system_options(toolchain()), "--bind", str(tmp_path), "/product", "--"]
    done = subprocess.run([broken.bwrap, *options, *argv], capture_output=True, text=True, check=False)
    assert done.returncode == locks.REFUSED
    assert "the sandbox cannot be set up" in done.stderr
    assert not list(tmp_path.iterdir())
