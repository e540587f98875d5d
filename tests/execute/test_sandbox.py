"""The sandbox, tried for real: what a command inside cannot do, and how it is brought to an end."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.execute.process import Completed
from reconciler.execute.sandbox import Access, Sandbox, _probe
from reconciler.execute.toolchain import toolchain
from reconciler.model.spec import Limits


def detected(**limits: object) -> Sandbox:
    found = Sandbox.detect(Limits(**limits))  # type: ignore[arg-type]
    assert found, "this machine has no sandbox that works"
    return found


def sh(sandbox: Sandbox, root: Path, text: str, *, access: Access = "write", timeout: float = 20) -> Completed:
    return asyncio.run(sandbox.run(["/bin/sh", "-c", text], root=root, access=access, timeout=timeout))


def running(mark: str) -> bool:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return mark in listed.stdout


def test_there_is_no_network_not_even_the_machines_own_loopback(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        script = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
        assert not sh(detected(), tmp_path, f'python3 -c "{script}"').ok
    assert "lo" in sh(detected(), tmp_path, "cat /proc/net/dev").text()
    assert "eth" not in sh(detected(), tmp_path, "cat /proc/net/dev").text()


def test_there_is_no_home_and_nothing_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "not-for-you")
    done = sh(detected(), tmp_path, f"env; ls -a ~; ls {Path.home()}/.ssh {tmp_path}; cat /proc/1/environ")
    assert "not-for-you" not in done.text()
    assert "HOME=/tmp/home" in done.text()
    assert done.text().count("No such file") == 2


def test_a_command_cannot_tell_by_names_that_it_is_judged(tmp_path: Path) -> None:
    done = sh(detected(), tmp_path, 'hostname || cat /proc/sys/kernel/hostname; test "$USER" = "$LOGNAME" && env')
    said = done.text().lower()
    assert said.splitlines()[0] == "localhost"
    assert not [word for word in ("sandbox", "agent", "alai", "blueprint") if word in said]


def test_a_command_writes_in_the_workspace_and_nowhere_else(tmp_path: Path) -> None:
    places = "/x /usr/x /etc/x /product/../x /bin/x"
    text = f"echo a > here; for to in {places}; do echo a > $to; done; ls -d /x /usr/x /etc/x"
    done = sh(detected(), tmp_path, text)
    assert (tmp_path / "here").read_text() == "a\n"
    assert done.text().count("Read-only file system") == 5
    assert not Path("/usr/x").exists()


def test_what_is_read_only_stays_and_what_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    assert not sh(detected(), tmp_path, "echo new > a", access="read").ok
    assert sh(detected(), tmp_path, "echo new > a; rm -f a; echo b > b; test -f b", access="discard").ok
    plain = Sandbox.plain()
    assert sh(plain, tmp_path, "echo new > a; rm a; echo b > b; test -f b", access="discard").ok
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_gits_own_folder_is_hidden_and_cannot_be_replaced(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text("secret")
    done = sh(detected(), tmp_path, "ls -A .git; mv .git x; rm -rf .git; echo > .git/config")
    assert "config" not in done.text().split("\n")[0].split()
    assert (tmp_path / ".git/config").read_text() == "secret"


def test_a_command_has_no_capabilities_and_cannot_become_root(tmp_path: Path) -> None:
    done = sh(detected(), tmp_path, "id -u; grep CapEff /proc/self/status; mount -t tmpfs x /tmp")
    assert done.text().split()[:3] == ["1000", "CapEff:", "0000000000000000"]
    assert not done.ok


@pytest.mark.parametrize("kind", ["bubblewrap", "plain"])
def test_a_timeout_ends_grandchildren_too(tmp_path: Path, kind: str) -> None:
    sandbox = detected() if kind == "bubblewrap" else Sandbox.plain()
    mark = f"sleep 91.{os.getpid()}"
    done = sh(sandbox, tmp_path, f"({mark} & {mark}) & trap '' TERM; {mark}; {mark}", timeout=0.5)
    assert (done.exit, done.timed_out) == (None, True)
    assert done.seconds < 6
    assert not running(mark)


def test_what_a_command_leaves_running_ends_with_it(tmp_path: Path) -> None:
    mark = f"sleep 92.{os.getpid()}"
    began = time.monotonic()
    assert sh(detected(), tmp_path, f"setsid nohup {mark} & sleep 0.1; exit 0").ok
    assert time.monotonic() - began < 5
    assert not running(mark)


def test_output_is_bounded_while_it_is_read(tmp_path: Path) -> None:
    done = sh(detected(output_bytes=10_000), tmp_path, "echo first; yes | head -c 50000000; echo last")
    assert len(done.output) < 11_000
    assert done.text().startswith("first")
    assert done.text().endswith("last\n")
    assert "bytes left out" in done.text()


def test_a_fork_bomb_is_ended(tmp_path: Path) -> None:
    began = time.monotonic()
    done = sh(detected(processes=60), tmp_path, "bomb() { bomb | bomb & }; bomb; sleep 30")
    assert time.monotonic() - began < 20
    assert not done.ok
    assert "processes" in done.stopped or "fork" in done.text().lower()
    deadline = time.monotonic() + 5
    while running("bomb()") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not running("bomb()")


def test_memory_and_file_size_are_limited(tmp_path: Path) -> None:
    sandbox = detected(memory="200MiB", disk="10MiB")
    assert not sh(sandbox, tmp_path, "python3 -c 'x = bytearray(400 * 2**20)'").ok
    assert not sh(sandbox, tmp_path, "head -c 50000000 /dev/zero > big").ok
    assert (tmp_path / "big").stat().st_size <= 10 * 2**20


def test_arguments_are_never_read_as_shell_text(tmp_path: Path) -> None:
    done = asyncio.run(detected().run(["printf", "%s|", "$(touch x)", "; touch x", "a b"], root=tmp_path))
    assert done.text() == "$(touch x)|; touch x|a b|"
    assert not (tmp_path / "x").exists()


def test_a_missing_program_is_an_exit_code(tmp_path: Path) -> None:
    assert asyncio.run(detected().run(["no-such-program"], root=tmp_path)).exit == 127


def test_the_usual_tools_are_there(tmp_path: Path) -> None:
    usual = [tool for tool in ("git", "make", "node") if shutil.which(tool)]
    tools = " && ".join(f"{tool} --version" for tool in (*usual, "python3"))
    done = sh(detected(), tmp_path, tools)
    assert done.ok, done.text()


def test_the_toolchain_never_shows_a_home_folder() -> None:
    for folder in toolchain().folders:
        assert not Path.home().is_relative_to(folder)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can become someone else")
def test_an_ordinary_user_gets_the_same_sandbox(tmp_path: Path) -> None:
    sandbox = detected()
    assert sandbox.bwrap
    base = ["--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--ro-bind", "/", "/", "id", "-u"]
    done = subprocess.run(
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", sandbox.bwrap, *base],
        capture_output=True, text=True, cwd="/",
    )  # fmt: skip
    if "Permission denied" in done.stderr:
        pytest.skip("the interpreter lies in root's home")
    assert done.stdout.strip() == "1000", done.stderr


def test_of_etc_only_what_programs_need_is_there(tmp_path: Path) -> None:
    shown = set(sh(detected(), tmp_path, "ls -A /etc").text().split())
    assert "passwd" in shown
    assert not shown & {
        "shadow",
        "gshadow",
        "sudoers",
        "ssh",
        "machine-id",
        "hostname",
        "environment",
        "fstab",
        "cron.d",
    }
    assert len(shown) < 20


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, Path.touch])
def test_what_lies_in_the_shared_temporary_folder_does_not_change_what_the_sandbox_can(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = detected()
    make(tmp_path / "x")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    _probe.cache_clear()
    assert detected() == before
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_program_of_its_name_in_the_folder_where_a_person_is_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "bwrap").write_text(f"#!/bin/sh\ntouch {ran}\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f".:{os.environ['PATH']}")
    _probe.cache_clear()
    try:
        assert Sandbox.detect() is not None
    finally:
        _probe.cache_clear()
    assert not ran.exists()
