"""Manifests that nobody should send, through the commands: each refused by place and name, nothing else touched."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import run
from tests.cli import hostile
from tests.e2e.factory import TinyFactory

LINE = re.compile(r"^(?P<path>\S.*?):\d+:\d+: ((?P<object>[\w.\\-]+/\S+): )?\S.*$")
FOLDER = "manifests/hostile"
SECONDS = 45
"""generous: the machine may be busy; a bomb would take minutes"""
LATE = ("dangling", "self", "cycle", "duplicate", "blueprint-extends-itself")
"""faults that are only looked for where every file could be read"""
PICKED = ("flow-list-100000", "utf-16", "huge", "name-0", "steering-key-1", "cycle-long")


def refused(factory: TinyFactory, *arguments: str) -> dict[str, list[str]]:
    """The lines of a command that must refuse, by file. Nothing raw, no traceback, in time.

    Within this process: there are hundreds of them.
    """
    began = time.monotonic()
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.chdir(factory.root), contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        ended = run(list(arguments))
    assert time.monotonic() - began < SECONDS, arguments
    said = output.getvalue() + errors.getvalue()
    assert ended == 1, f"{arguments} ended with {ended}: {said[-2000:]}"
    assert "Traceback" not in said
    assert [character for character in said if character != "\n" and not character.isprintable()] == []
    found: dict[str, list[str]] = {}
    for line in errors.getvalue().splitlines():
        if line.startswith("This speaks of commit "):
            continue  # who only looks is then answered from the last good one
        match = LINE.match(line)
        assert match, f"{arguments}: {line[:300]}"
        assert len(line) < 2_000
        found.setdefault(match["path"], []).append(line)
    return found


def outside(factory: TinyFactory) -> dict[str, tuple[int, int, bytes]]:
    """What lies beside the factory: sizes, times of change and contents."""
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_size, path.read_bytes() if path.is_file() else b"")
        for path in sorted(factory.folder.rglob("*"))
        if not path.is_relative_to(factory.root)
    }


def test_every_hostile_manifest_is_refused_by_place_wherever_it_lies(factory: TinyFactory) -> None:
    cases = hostile.broken()
    assert len(cases) >= 200
    paths = {f"{FOLDER}/{name}.yaml" for name in cases}
    late = {path for path in paths if path.removeprefix(f"{FOLDER}/").startswith(LATE)}
    good, beside = factory.head, outside(factory)
    (factory.root / FOLDER).mkdir()
    for name, content in cases.items():
        (factory.root / FOLDER / f"{name}.yaml").write_bytes(content)
    assert refused(factory, "validate", "--worktree").keys() >= paths
    assert refused(factory, "validate", FOLDER).keys() >= paths
    assert refused(factory, "diff", "--worktree").keys() >= paths - late - {f"{FOLDER}/deep-Fleet-3.yaml"}
    factory.commit()
    assert refused(factory, "validate").keys() >= paths
    for command in ("diff", "apply"):
        assert refused(factory, command).keys() >= paths - late - {f"{FOLDER}/deep-Fleet-3.yaml"}
    for path in paths - late:
        (factory.root / path).unlink()
    factory.commit()
    assert refused(factory, "diff").keys() == refused(factory, "validate").keys() >= late
    shutil.rmtree(factory.root / FOLDER)
    factory.commit()
    assert "Nothing differs." in factory.ok("diff")
    assert factory.git("diff", good, "HEAD", "--stat") == ""
    assert outside(factory) == beside


def test_one_bad_file_leaves_the_store_at_the_last_good_commit(factory: TinyFactory) -> None:
    cases = hostile.broken()
    factory.task("good", "Write good")
    factory.commit()
    factory.ok("diff", code=2)
    bad = factory.root / "manifests" / "bad.yaml"
    for name in PICKED:
        bad.write_bytes(cases[name])
        for arguments in (("validate", "--worktree"), ("validate", "manifests/bad.yaml"), ("diff", "--worktree")):
            assert refused(factory, *arguments).keys() == {"manifests/bad.yaml"}, name
        factory.commit(name)
        head = factory.head
        for command in ("validate", "diff", "apply"):
            assert refused(factory, command).keys() == {"manifests/bad.yaml"}, name
        assert factory.head == head
        bad.unlink()
        factory.commit(f"without {name}")
        assert [item["address"] for item in factory.json("diff", code=2)["changes"]] == ["Task/good"]
    assert factory.ok("rebuild", "--check")


@pytest.fixture
def canary(factory: TinyFactory) -> Path:
    """A manifest outside the repository that would add a task if it were read."""
    target = factory.folder / "outside.yaml"
    target.write_text(hostile.task("canary", "  title: CANARY\n"))
    os.utime(target, (1, 1))
    return target


def test_links_pipes_sockets_and_folders_are_named_and_not_entered(factory: TinyFactory, canary: Path) -> None:
    folder = factory.root / FOLDER
    folder.mkdir()
    links = {
        "file": canary,
        "relative": Path("../../../outside.yaml"),
        "inside": Path("../policy.yaml"),
        "loop": Path("loop.yaml"),
        "nowhere": Path("/nonexistent/x.yaml"),
        "device": Path("/dev/zero"),
        "process": Path("/proc/self/environ"),
        "directory": factory.folder,
    }
    for name, target in links.items():
        (folder / f"{name}.yaml").symlink_to(target)
    (folder / "linked").symlink_to(factory.folder, target_is_directory=True)
    committed = {f"{FOLDER}/{name}.yaml" for name in links} | {f"{FOLDER}/linked"}
    os.mkfifo(folder / "pipe.yaml")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(folder)
        listener.bind("socket.yaml")
        os.chdir(here)
        (folder / "folder.yaml").mkdir()
        (folder / "folder.yaml" / "inner.yaml").write_text("kind: [\n")
        expected = committed | {f"{FOLDER}/{name}.yaml" for name in ("pipe", "socket", "folder.yaml/inner")}
        for arguments in (("validate", "--worktree"), ("validate", FOLDER), ("validate", ".")):
            assert refused(factory, *arguments).keys() == expected, arguments
        for path in sorted(expected):
            assert refused(factory, "validate", path).keys() == {path}
        assert "lies outside" in factory.cli("validate", str(canary)).stderr
        assert "lies outside" in factory.cli("validate", "../outside.yaml").stderr
        assert "lies outside" in factory.cli("validate", f"{FOLDER}/linked/outside.yaml").stderr
        assert refused(factory, "diff", "--worktree").keys() >= committed
    factory.commit()
    expected = committed | {f"{FOLDER}/folder.yaml/inner.yaml"}
    for command in ("validate", "diff", "apply"):
        assert refused(factory, command).keys() == expected - {f"{FOLDER}/linked"} | {
            path for path in refused(factory, command) if path.endswith("linked")
        }
    assert canary.stat().st_atime == 1, "the file outside was read"
    shutil.rmtree(folder)
    factory.commit()
    assert "Nothing differs." in factory.ok("diff")


NAMES = (b"new\nline.yaml", b"\x1b[31m.yaml", b"-C.yaml", b"--worktree.yaml", b".hidden.yaml", b"b\xff.yaml",
         "\u202egol.yaml".encode(), b"a b.yaml", b'q".yaml', b"*.yaml", b":(top)x.yaml", b"x" * 250 + b".yaml",
         b"..yaml")  # fmt: skip


def test_odd_file_names_are_named_harmlessly(factory: TinyFactory) -> None:
    folder = factory.root / FOLDER
    folder.mkdir()
    for name in NAMES:
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text("kind: [\n")
    for arguments in (("validate", "--worktree"), ("validate", FOLDER), ("diff", "--worktree")):
        assert len(refused(factory, *arguments)) == len(NAMES), arguments
    factory.commit()
    for command in ("validate", "diff", "apply"):
        assert len(refused(factory, command)) == len(NAMES), command
    for name in NAMES:
        given = os.fsdecode(b"./" + os.fsencode(FOLDER) + b"/" + name)
        assert len(refused(factory, "validate", given)) == 1
    shutil.rmtree(folder)
    factory.commit()
    assert "Nothing differs." in factory.ok("diff")


def test_a_submodule_among_the_manifests_is_refused(factory: TinyFactory) -> None:
    entry = f"160000,{factory.head},manifests/sub.yaml"
    factory.git("update-index", "--add", "--cacheinfo", entry)
    factory.git("update-index", "--add", "--cacheinfo", entry.replace("sub.yaml", "module"))
    factory.git("commit", "-qm", "submodules")
    for command in ("validate", "diff", "apply"):
        assert "manifests/sub.yaml" in refused(factory, command)


def _good(folder: Path) -> Iterator[Path]:
    for root in ("manifests", "companies"):
        for path in sorted((folder / root).rglob("*.yaml")):
            if not {"templates", "config", "skills"} & set(path.parts):
                yield path


def test_mutations_of_good_manifests_never_break_a_command(tmp_path: Path) -> None:
    factory = TinyFactory(tmp_path, {"GIT_AUTHOR_NAME": "Pat", "GIT_AUTHOR_EMAIL": "pat@example.org"})
    factory.root.mkdir(parents=True)
    factory.ok("init", ".")
    files = {path: path.read_text() for path in _good(factory.root)}
    wrong = 0
    for seed in range(3):
        sure: set[str] = set()
        for number, (path, text) in enumerate(files.items()):
            what, data = hostile.mutated(text, seed * 10_000 + number)
            path.write_bytes(data)
            if what in ("bytes", "steer", "rename"):
                sure.add(path.relative_to(factory.root).as_posix())
        found = refused(factory, "validate", "--worktree")
        assert found.keys() >= sure, sorted(sure - found.keys())
        assert refused(factory, "diff", "--worktree").keys() >= sure
        wrong += len(found)
    assert wrong > 60
    for path, text in files.items():
        path.write_text(text)
    assert factory.cli("validate", "--worktree").returncode == 0


def test_data_and_souls_are_printed_without_what_a_terminal_would_obey(factory: TinyFactory) -> None:
    title = "Right \u202eto\u200b left, grün"
    factory.write("manifests/t.yaml", hostile.task("hidden", f'  title: "{title}"\n'))
    factory.write("companies/works/CLAUDE.md", "# Soul\x1b[31m\x9b\u202e\n")
    factory.commit()
    for output in ("json", "yaml", "text"):
        said = factory.ok("list", "-o", output) + factory.ok("company", "show", "works", "-o", output)
        assert [character for character in said if character != "\n" and not character.isprintable()] == []
    assert factory.tasks()["hidden"]["title"] == title, "the value itself is as it was written"
