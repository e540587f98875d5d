"""The second lock, the bound on the disk, and the profile that macOS is given."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.execute import bubblewrap, locks, seatbelt
from reconciler.execute.enclosure import enclose
from reconciler.execute.sandbox import Sandbox
from reconciler.execute.toolchain import toolchain
from reconciler.model.spec import Limits

needs_landlock = pytest.mark.skipif(not locks.abi(), reason="this kernel has no Landlock")


@needs_landlock
def test_landlock_alone_keeps_a_process_to_its_folders(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").write_text("old")
    script = "echo a > in/a; mv in/a in/b; echo new > out; rm out; ln -s x link; mknod in/dev c 1 3; cat out"
    start = "import os, sys; from reconciler.execute import locks; locks.restrict(locks.abi(), ['in']); "
    argv = [sys.executable, "-c", f"{start}os.execvp('sh', sys.argv[1:])", "sh", "-c", script]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "old"
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == ["in", "in/b", "out"]


@needs_landlock
def test_the_sandbox_says_that_it_has_both_locks_and_uses_them(tmp_path: Path) -> None:
    sandbox = Sandbox.detect()
    assert sandbox
    assert f"+ seccomp + landlock {locks.abi()}" in sandbox.name
    # a mount that root could write to, were it not for the second lock
    done = asyncio.run(
        sandbox.run(["/bin/sh", "-c", "echo x > /dev/shm/x && echo x > /tmp/x && echo ok"], root=tmp_path)
    )
    assert "ok" in done.text()


def test_a_variable_of_the_loader_is_there_for_the_program_alone(tmp_path: Path) -> None:
    sandbox = Sandbox.detect()
    assert sandbox
    given = {"LD_PRELOAD": "/no/such/library.so", "PYTHONHOME": "/no/such/python"}
    words = ["/bin/sh", "-c", 'echo "$LD_PRELOAD $PYTHONHOME"']
    made = enclose(sandbox, words, scratch=tmp_path, env=given)
    done = subprocess.run(made.argv, cwd=made.cwd, env=made.env, capture_output=True, text=True, check=False)
    assert done.stdout.split() == list(given.values())
    # the loader says so once for each program that it starts with it
    assert done.stderr.count("/no/such/library.so") == 1


@needs_landlock
def test_in_the_sandbox_a_writable_mount_that_was_not_meant_is_closed_by_the_second_lock(tmp_path: Path) -> None:
    sandbox = Sandbox.detect()
    assert sandbox
    assert sandbox.bwrap
    tmp_path.chmod(0o777)
    options = [*bubblewrap.system_options(toolchain()), "--bind", str(tmp_path), "/product", "--tmpfs", "/tmp", "--"]
    for meant in (True, False):
        writable = [*bubblewrap.SCRATCH, *(["/product"] if meant else [])]
        argv = [sandbox.bwrap, *options, *sandbox.locked(["touch", f"/product/{meant}"], writable)]
        assert (subprocess.run(argv, capture_output=True, check=False).returncode == 0) is meant
    assert [path.name for path in tmp_path.iterdir()] == ["True"]


def test_many_small_files_do_not_fill_the_disk(tmp_path: Path) -> None:
    script = "[open(f'{i}', 'wb').write(b'x' * 20000) for i in range(20000)]"
    sandbox = Sandbox.detect(Limits(disk="5MiB"))
    assert sandbox
    done = asyncio.run(sandbox.run(["python3", "-c", script], root=tmp_path, timeout=30))
    assert "of disk" in done.stopped
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 300 * 2**20


def test_files_with_holes_count_as_what_is_read_of_them(tmp_path: Path) -> None:
    sandbox = Sandbox.detect(Limits(disk="5MiB"))
    assert sandbox
    few, many = (f"for i in $(seq {count}); do truncate -s 1M $i.part; done" for count in (4, 41))
    assert asyncio.run(sandbox.run(["/bin/sh", "-c", few], root=tmp_path)).ok
    done = asyncio.run(sandbox.run(["/bin/sh", "-c", many], root=tmp_path))
    assert not done.ok
    assert done.stopped == "more than 5242880 bytes, or 200000 files, of disk"
    assert sum(path.stat().st_blocks for path in tmp_path.iterdir()) < 100


@pytest.mark.parametrize("place", ["/product", "/dev/shm", "/tmp"])
def test_what_is_thrown_away_does_not_fill_the_memory(tmp_path: Path, place: str) -> None:
    sandbox = Sandbox.detect(Limits(disk="20MiB"))
    assert sandbox
    script = f"cd {place}; for i in $(seq 100); do head -c 10000000 /dev/zero > $i || exit 1; done"
    done = asyncio.run(sandbox.run(["/bin/sh", "-c", script], root=tmp_path, access="discard", timeout=30))
    assert not done.ok
    assert "of disk" in done.stopped or "No space left" in done.text()
    assert not list(tmp_path.iterdir())


def test_the_profile_for_macos_forbids_all_but_what_is_named() -> None:
    text = seatbelt.profile(
        root=Path("/w/a b"),
        home=Path("/t/home"),
        readable=[Path("/Users/x/.pyenv/versions/3")],
        writable=[Path("/w/a b/app")],
        closed=[Path('/w/a b/app/se"cret')],
    )
    lines = text.splitlines()
    assert lines[:2] == ["(version 1)", "(deny default)"]
    assert lines[-1] == "(deny network*)"
    assert '(allow file-write* (subpath "/t/home") (subpath "/w/a b/app"))' in lines
    assert '(deny file-write* (subpath "/w/a b/app/se\\"cret"))' in lines
    assert '(deny file-write* file-read* (subpath "/w/a b/.git"))' in lines
    assert lines.index('(deny file-write* (subpath "/w/a b/app/se\\"cret"))') > lines.index(
        '(allow file-write* (subpath "/t/home") (subpath "/w/a b/app"))'
    )
    assert '/Users/x"' not in text
    with pytest.raises(ValueError, match="cannot be named"):
        seatbelt.profile(root=Path("/w/a\nb"), home=Path("/h"), readable=[], writable=[])
