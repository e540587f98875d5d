"""Where the parts of a repository lie, found by looking at its files: no git process, no configuration of its own.

A `.git` file, a linked worktree's entry and `core.worktree` are words of whoever packed the folder. Two places belong
together only where each names the other, so that nobody's folder is worked on because a foreign one points at it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from reconciler.git import configfile, plain
from reconciler.git.errors import GitError, NoRepository

_MOST = 4096
"""bytes of a file that holds one path"""
_WORKTREES = 1000
"""linked working trees of one repository"""


class Layout(NamedTuple):
    """`git_dir` is the working tree's own (HEAD, index), `common` what all working trees share. `top`: None for bare"""

    top: Path | None
    git_dir: Path
    common: Path

    @property
    def objects(self) -> Path:
        return self.common / "objects"

    def foreign(self) -> Path | None:
        """A part of it that belongs to another user than this process's (or the one who called sudo)."""
        ours = owners()
        parts = (self.git_dir, self.common) if self.top is None else (self.top, self.git_dir, self.common)
        return next((part for part in parts if part.stat().st_uid not in ours), None)


def owners() -> set[int]:
    """The users whose files this process works on: its own, and the one who called sudo."""
    return {os.geteuid(), int(os.environ.get("SUDO_UID", "0"))} if os.geteuid() == 0 else {os.geteuid()}


class Worktree(NamedTuple):
    """A working tree of a repository, with what its HEAD says: a ref's full name, or a commit."""

    layout: Layout
    head: str


def layout(root: Path) -> Layout:
    """The repository whose top (or bare folder) is `root`. Raises GitError, NoRepository where there is none."""
    root = root.absolute()
    entry = root / ".git"
    if entry.is_symlink():
        raise GitError(f"{entry} is a link to another repository: make a clone of that one, and name it instead")
    if entry.is_dir():
        found = Layout(root, entry, _common(entry))
    elif entry.is_file():
        git_dir = _named(root, _line(entry, "gitdir:"))
        found = Layout(root, git_dir, _common(git_dir))
        if not _agree(found):
            raise GitError(
                f"{entry} names {git_dir}, which does not name {root} in turn: run `git worktree repair` there"
            )
    elif (root / "HEAD").is_file() and (root / "objects").is_dir() and (root / "refs").is_dir():
        found = Layout(None, root, _common(root))
    else:
        raise NoRepository(f"{root} is not a git repository" if root.is_dir() else f"{root}: there is no such folder")
    if not found.objects.is_dir() or not (found.git_dir / "HEAD").exists():
        raise GitError(f"{root} is no whole git repository: its HEAD or its objects are missing")
    plain.require(found.git_dir, found.common)
    return found


def containing(folder: Path) -> Path:
    """The top of the working tree that `folder` lies in. Raises NoRepository."""
    if not folder.is_dir():
        raise NoRepository(f"{folder} is not a folder")
    folder = folder.resolve()
    for place in (folder, *folder.parents):
        if (place / ".git").exists():
            return place
    raise NoRepository(f"{folder} lies in no git repository with a working tree")


def worktrees(own: Layout) -> list[Worktree]:
    """The working trees of a repository that are there, `own` among them: the main one and the linked ones."""
    common, main = own.common, own.common.parent
    found = {} if own.top is None else {own.git_dir: Worktree(own, _head(own.git_dir))}
    if common.name == ".git" and (main / ".git").is_dir():
        found[common] = Worktree(Layout(main, common, common), _head(common))
    plain.require_few(common / "worktrees", _WORKTREES)
    for git_dir in sorted((common / "worktrees").glob("*")):
        with contextlib.suppress(OSError, GitError):  # pruned half-way, or on a disk that is not there
            linked = Layout(_named(git_dir, _line(git_dir / "gitdir")).parent, git_dir, common)
            if _agree(linked):
                found[git_dir] = Worktree(linked, _head(git_dir))
    return list(found.values())


def _agree(found: Layout) -> bool:
    """Whether the git folder that a `.git` file names is this working tree's: it must say so itself."""
    top, git_dir, common = found
    assert top is not None
    try:
        if git_dir != common:
            back = _named(git_dir, _line(git_dir / "gitdir"))
            return back == (top / ".git").resolve() and _named(top, _line(top / ".git", "gitdir:")) == git_dir
    except (OSError, GitError):
        return False
    worktree = configfile.read(common / "config").get("core.worktree")
    return worktree is not None and _named(git_dir, worktree) == top.resolve()


def _common(git_dir: Path) -> Path:
    entry = git_dir / "commondir"
    return _named(git_dir, _line(entry)) if entry.is_file() else git_dir


def _head(git_dir: Path) -> str:
    """What HEAD says: a ref's full name, or a commit; empty where it cannot be read."""
    try:
        return _line(git_dir / "HEAD").removeprefix("ref:").strip()
    except OSError:
        return ""


def _line(file: Path, prefix: str = "") -> str:
    said = os.fsdecode(plain.read(file, _MOST)).rstrip("\r\n")
    if "\n" in said or "\0" in said or not said.startswith(prefix):
        raise GitError(f"{file} does not hold one path")
    return said.removeprefix(prefix).strip()


def _named(base: Path, path: str) -> Path:
    return (base / path).resolve()
