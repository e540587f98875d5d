"""How git is told which repository to work on without reading that repository's configuration.

git reads a repository's configuration from its common folder, and can be told where that is (GIT_COMMON_DIR). So each
repository gets a common folder of ours: a configuration that we wrote, and links to what is data (objects, refs, what
is shallow, the plain attributes and excludes). Whatever the repository's own configuration names (programs, addresses,
other files, remotes that promise objects) is in no git process that we start, and neither are its hooks, grafts and
replacements. There is nothing to list and nothing to forget.

The folders are temporary, made once a process in under a millisecond. They hold links and never go stale.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

from reconciler.git import configfile, plain
from reconciler.git.errors import GitError
from reconciler.git.layout import Layout

_PREFIX = "alai-git-"
_LINKED = ("objects", "refs", "packed-refs", "shallow", "info/attributes", "info/exclude")
"""what is data; a link to what is not there is to git as if there were nothing"""
_YOUNG = 60.0
"""seconds in which a folder may belong to a process that is about to hold it"""
_lock = threading.Lock()
_made: dict[tuple[Path, bool, str], Path] = {}
_base: tuple[int, Path] | None = None


def variables(found: Layout) -> dict[str, str]:
    """The variables that tell git to work on this repository, isolated. Raises GitError."""
    plain.require_below(found.git_dir, found.common)
    told = {"GIT_DIR": str(found.git_dir), "GIT_COMMON_DIR": str(_common(found))}
    return told if found.top is None else {**told, "GIT_WORK_TREE": str(found.top)}


def object_format(common: Path) -> str:
    """`sha1` or `sha256`. Raises GitError for a repository that is kept in a way that we cannot read."""
    try:
        raw = plain.read(common / "config", configfile.MOST).lower()
    except OSError:
        return "sha1"
    if b"objectformat" not in raw and b"refstorage" not in raw:
        return "sha1"  # nearly always; it saves the parsing
    said = configfile.read(common / "config")
    refs, objects = said.get("extensions.refstorage", "files"), said.get("extensions.objectformat", "sha1")
    if refs != "files":
        told = "run in it: git refs migrate --ref-format=files"
        raise GitError(f"{common} keeps its branches as {refs!r}, which is not supported: {told}")
    if objects not in ("sha1", "sha256"):
        raise GitError(f"{common} names its objects by {objects!r}, which is not supported")
    return objects


def _configuration(kind: str, *, bare: bool) -> str:
    """All that git is told by a file in a folder of ours. `kind`: see `object_format`."""
    core = f"[core]\n\trepositoryformatversion = {int(kind != 'sha1')}\n\tbare = {str(bare).lower()}\n"
    core += "\tlogAllRefUpdates = false\n"
    return core if kind == "sha1" else f"{core}[extensions]\n\tobjectFormat = {kind}\n"


def borrow(found: Layout, git_dir: Path) -> None:
    """Make a git folder with nothing of its own that borrows a repository's objects; a few files, in 1 ms."""
    for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
        (git_dir / folder).mkdir(parents=True)
    (git_dir / "objects/info/alternates").write_bytes(os.fsencode(found.objects.resolve()) + b"\n")
    with contextlib.suppress(FileNotFoundError):
        (git_dir / "shallow").write_bytes(plain.read(found.common / "shallow"))
    (git_dir / "HEAD").write_text("ref: refs/heads/none\n")
    (git_dir / "config").write_text(_configuration(object_format(found.common), bare=False))


def _common(found: Layout) -> Path:
    kind = object_format(found.common)
    key = (found.common, found.top is None, kind)
    with _lock:
        base = _own_base()
        made = _made.get(key)
        if made is None or not (made / "config").exists():
            made = _made[key] = _make(base, found, kind)
        return made


def _make(base: Path, found: Layout, kind: str) -> Path:
    folder = Path(tempfile.mkdtemp(dir=base))
    (folder / "config").write_text(_configuration(kind, bare=found.top is None))
    for name in _LINKED:
        link = folder / name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(found.common / name)
    return folder


def _own_base() -> Path:
    """The folder of this process's folders, removed at its end. What killed processes left is removed here."""
    global _base
    if _base is None or _base[0] != os.getpid() or not _base[1].is_dir():
        _made.clear()
        _sweep()
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(fd, fcntl.LOCK_SH)  # held as long as we live: no sweep takes it, nor does systemd's
        _base = (os.getpid(), folder)
    return _base[1]


def _sweep() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                there = os.fstat(fd)
                if there.st_uid == os.geteuid() and there.st_mtime < time.time() - _YOUNG:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(fd)


@atexit.register
def close() -> None:
    """Remove this process's folders: for an end that runs no exit functions. They are made anew where needed."""
    if _base is not None and _base[0] == os.getpid():  # a forked child leaves them to its parent
        shutil.rmtree(_base[1], ignore_errors=True)
