"""Moves a checked-out branch together with its index and files, leaving everything a person changed as it is.

For commits that exist already; `record` and `product` make them. The move happens under git's own index lock:

1. a folder `<git dir>/alai-move/<name>/` gets a journal (branch, old, new) that is on disk before anything else;
2. the journal is hard-linked to `index.lock`: taking git's lock and saying what for is one atomic step;
3. the new index and the new files are prepared in that folder;
4. the branch moves by compare-and-swap; from here on the move is finished, never undone;
5. each file is renamed into place, then the index, then lock and folder go.

A person's index entry or file is replaced only where it equals the old commit's. The writer, and every git process it
starts, holds a `flock` on the journal, so a journal that can be locked belongs to a dead writer: `recover` then undoes
(the branch has not moved) or finishes (it has) the move. Whether a lock is ours is told by its inode, never by its age.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reconciler.git import plain
from reconciler.git.errors import BranchMoved, Dirty, GitError, IndexLocked, WrongBranch
from reconciler.git.files import Disk, Entry, Slot
from reconciler.git.journal import Move
from reconciler.git.layout import layout
from reconciler.git.repository import raw_changes
from reconciler.git.run import decode, encode, run, text
from reconciler.git.settings import honoured

_MANY = 200
"""above this many paths one pass over the whole index is cheaper than asking for each"""
_BUSY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")


class Change:
    """One path of a move: what the old and the new commit have there, None for nothing."""

    __slots__ = ("new", "old", "path")

    def __init__(self, path: str, old: Entry | None, new: Entry | None) -> None:
        self.path = path
        self.old = old
        self.new = new


def changes(root: Path, old: str | None, new: str, pass_fds: Sequence[int] = ()) -> list[Change]:
    """What leads from `old` (None: nothing at all) to `new`, sorted by path."""
    base = old or text(root, "hash-object", "-t", "tree", os.devnull)
    raw = run(root, "diff-tree", "-r", "-z", "--no-renames", "--raw", base, new, pass_fds=pass_fds).stdout
    return [
        Change(path, (old_mode, gone) if gone else None, (new_mode, added) if added else None)
        for old_mode, new_mode, gone, added, path in raw_changes(raw)
    ]


class Checkout:
    """The working tree at `root` with `branch` checked out.

    `wait`: seconds to wait for another git's index lock.
    """

    def __init__(self, root: Path, branch: str, *, wait: float = 10.0) -> None:
        self.branch = branch
        self.ref = f"refs/heads/{branch}"
        self.wait = wait
        found = layout(root)
        if found.top is None:
            raise GitError(f"{root} is a bare repository: it has no working tree")
        self.root, self.git_dir, self.common = found.top, found.git_dir, found.common
        self.lock = self.git_dir / "index.lock"
        self._settings: tuple[str, ...] | None = None

    def _git(self, *args: str, **how: Any) -> subprocess.CompletedProcess[bytes]:
        """git in this working tree, with the settings that say how files look on this disk, and no others."""
        if self._settings is None:
            self._settings = honoured(self.git_dir, self.common)
        return run(self.root, *args, config=self._settings, **how)

    def tip(self) -> str | None:
        """The commit that the branch is at; None before its first commit."""
        done = run(self.root, "rev-parse", "--verify", "--quiet", self.ref, accept=(0, 1))
        return decode(done.stdout).strip() or None

    def require_branch(self) -> None:
        """Raises WrongBranch unless HEAD names the branch."""
        head = decode(plain.read(self.git_dir / "HEAD")).strip()
        if head != f"ref: {self.ref}":
            found = head.removeprefix("ref: refs/heads/") if head.startswith("ref:") else "no branch (a detached HEAD)"
            raise WrongBranch(f"{self.root} has {found} checked out, not {self.branch}")

    def require_free(self) -> None:
        """Raises IndexLocked while another git holds the index, after waiting for it."""
        deadline = time.monotonic() + self.wait
        while self.lock.is_symlink() or self.lock.exists():
            if time.monotonic() > deadline:
                raise IndexLocked(
                    f"{self.lock} is held by another git process for more than {self.wait:.0f} s; "
                    "end it, or remove the file if none is running"
                )
            time.sleep(0.02)

    def move(self, old: str | None, new: str, message: str, *, todo: list[Change] | None = None, strict: bool) -> None:
        """Move branch, index and files from `old` to `new`.

        `strict`: raises Dirty where anything tracked is changed or an untracked file is in the way, and moves nothing.
        Otherwise what a person changed stays as it is. Raises BranchMoved, WrongBranch, IndexLocked, GitError.
        """
        self.recover(patience=0.0)
        with Move.begin(self.git_dir, self.branch, old, new) as move:
            # A dead writer's lock is freed only once the git processes that it left have ended.
            move.take(self.wait, meanwhile=lambda: self.recover(patience=0.0))
            self.require_branch()
            todo = changes(self.root, old, new, move.fds) if todo is None else todo
            if strict:
                self._require_clean(todo, move)
            plan = self._prepare(todo, move)
            self._swap(old, new, message, move)
            move.landed = True
            self._finish(plan, move)
            move.landed = False

    def recover(self, patience: float = 10.0) -> bool:
        """Undo or finish what dead writers left. Returns whether there was anything.

        Living writers are left alone; `patience` is how long (seconds) to wait for git processes that outlive a writer.
        """
        found = False
        for move in Move.left_behind(self.git_dir, patience):
            with move:
                found = True
                if move.journal is not None:
                    self._recover(move, *move.journal)
        return found

    def _recover(self, move: Move, branch: str, old: str | None, new: str) -> None:
        left = Checkout(self.root, branch, wait=self.wait)
        for lock in (self.common / f"{left.ref}.lock", self.git_dir / "HEAD.lock"):
            _drop_stale(lock, new)
        tip = left.tip()
        contains = ("merge-base", "--is-ancestor", new, tip or new)
        if tip is None or self._git(*contains, accept=(0, 1, 128)).returncode:
            return  # the branch never moved, or a person took it back: leaving the block gives the lock up
        move.landed = True
        move.take(self.wait)
        try:
            left.require_branch()
            ours = {change.path for change in changes(self.root, old, new)}
            todo = [change for change in changes(self.root, old, tip) if change.path in ours]
            left._finish(left._prepare(todo, move), move)
        except WrongBranch:
            pass  # git itself has since brought index and files to another branch
        move.landed = False

    def _require_clean(self, todo: Sequence[Change], move: Move) -> None:
        busy = [name for name in _BUSY if (self.git_dir / name).exists()]
        if busy:
            raise Dirty(f"{self.root} is in the middle of something ({busy[0]})")
        status = ("status", "--porcelain=v1", "-z", "--untracked-files=no", "--ignore-submodules=all")
        changed = self._git(*status, pass_fds=move.fds).stdout
        if changed:
            raise Dirty(f"{self.root} has uncommitted changes: {decode(changed.split(bytes(1))[0][3:])}")
        disk = Disk(self.root, [change.path for change in todo if change.new is None])
        for change in todo:
            if change.old is None and disk.occupied(change.path):
                raise Dirty(f"{self.root} has an untracked {change.path}, which the new commit brings too")

    def _prepare(self, todo: Sequence[Change], move: Move) -> _Plan:
        """Decide what to touch, and lay the new index and the new files ready in the move's folder."""
        index = self.git_dir / "index"
        if index.exists():
            shutil.copyfile(index, move.index)
        entries, sparse = self._entries([change.path for change in todo], move)
        staged = _replaceable(todo, entries)
        disk = Disk(self.root, [change.path for change in staged if change.new is None])
        writes: list[tuple[Change, Slot]] = []
        for change in staged:
            if (slot := disk.slot(change.path, change.old, change.new, self._as_stored)) is not None:
                writes.append((change, slot))
        updates = b"".join(_index_line(change) for change in staged)
        env = {"GIT_INDEX_FILE": str(move.index)}
        if updates:
            self._git("update-index", "-z", "--index-info", data=updates, env=env, pass_fds=move.fds)
        if hidden := [encode(change.path) for change in staged if change.new and change.path in sparse]:
            mark = ("update-index", "-z", "--skip-worktree", "--stdin")
            self._git(*mark, data=b"\0".join(hidden), env=env, pass_fds=move.fds)
        wanted = b"".join(encode(change.path) + b"\0" for change, _ in writes if change.new)
        if wanted:
            prefix = f"--prefix={move.files}/"
            self._git("checkout-index", "-f", "-z", "--stdin", prefix, data=wanted, env=env, pass_fds=move.fds)
        return _Plan(bool(updates), writes)

    def _entries(self, paths: Sequence[str], move: Move) -> tuple[dict[str, Entry | None], set[str]]:
        """The index entries at, above and below the paths, and which of them a sparse checkout keeps off the disk.

        None stands for an entry that is not plain: unmerged.
        """
        found: dict[str, Entry | None] = {}
        sparse: set[str] = set()
        if not move.index.exists() or not paths:
            return found, sparse
        specs: list[str] = []
        if len(paths) <= _MANY:
            above = {parent for path in paths for parent in _parents(path)}
            # A wildcard matches a whole path only, so this finds a file where we need a folder, not the folder's files.
            specs = [f":(literal){path}" for path in paths] + [f":(glob){_exactly(parent)}" for parent in sorted(above)]
        listed = self._git("ls-files", "-s", "-t", "-z", "--", *specs, pass_fds=move.fds).stdout
        for line in listed.split(b"\0"):
            if line:
                meta, _, raw = line.partition(b"\t")
                tag, mode, oid, stage = meta.decode().split(" ")
                path = decode(raw)
                found[path] = (mode, oid) if stage == "0" else None
                if tag == "S":
                    sparse.add(path)
        return found, sparse

    def _as_stored(self, path: str) -> str | None:
        """The object name that git would give the file on disk, attributes such as line endings applied."""
        done = self._git("hash-object", "--", path, accept=(0, 128))
        return decode(done.stdout).strip() or None

    def _swap(self, old: str | None, new: str, message: str, move: Move) -> None:
        swap = ("update-ref", "--no-deref", "-m", message, self.ref, new, old or "0" * len(new))
        done = self._git(*swap, accept=range(256), pass_fds=move.fds)
        if done.returncode:
            tip = self.tip()
            if tip != old:
                raise BranchMoved(
                    f"{self.branch} in {self.root} is at {tip or 'no commit'}, not at {old or 'no commit'}"
                )
            complaint = done.stderr.decode("utf-8", "replace").partition("\n")[0]
            raise GitError(f"git update-ref in {self.root}: {complaint}")

    def _finish(self, plan: _Plan, move: Move) -> None:
        """Bring files and index forward. Only what `_prepare` found unchanged, and what is still so, is touched."""
        disk = Disk(self.root)
        written = [
            change
            for change, slot in plan.writes
            if disk.put(change.path, slot, move.files / change.path if change.new else None)
        ]
        if not plan.index:
            return
        fresh = [encode(change.path) for change in written if change.new]
        env = {"GIT_INDEX_FILE": str(move.index), "GIT_LITERAL_PATHSPECS": "1"}
        if 0 < len(fresh) <= _MANY:
            refresh = ("add", "--refresh", "--pathspec-from-file=-", "--pathspec-file-nul")
            self._git(*refresh, data=b"\0".join(fresh), env=env, accept=range(256), pass_fds=move.fds)
        elif fresh:
            self._git("update-index", "-q", "--refresh", env=env, accept=(0, 1), pass_fds=move.fds)
        move.index.replace(self.git_dir / "index")


class _Plan:
    """What `_prepare` laid ready: whether there is a new index, and the paths to write or remove on disk."""

    def __init__(self, index: bool, writes: list[tuple[Change, Slot]]) -> None:
        self.index = index
        self.writes = writes


def _replaceable(todo: Sequence[Change], entries: dict[str, Entry | None]) -> list[Change]:
    """The changes whose path the index still has as the old (or already as the new) commit; removals come first."""
    plain = [
        change
        for change in todo
        if not (change.path in entries and entries[change.path] is None)
        and entries.get(change.path) in (change.old, change.new)
    ]
    removed = [change for change in plain if change.new is None]
    staying = entries.keys() - {change.path for change in removed}
    folders = {parent for path in staying for parent in _parents(path)}
    free = [
        change
        for change in plain
        if change.new and change.path not in folders and not any(above in staying for above in _parents(change.path))
    ]
    return removed + free


def _index_line(change: Change) -> bytes:
    mode, oid = change.new or ("0", "0" * len((change.old or ("", "0" * 40))[1]))
    return f"{mode} {oid}\t".encode() + encode(change.path) + b"\0"


def _parents(path: str) -> Iterator[str]:
    at = path.find("/")
    while at > 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _exactly(path: str) -> str:
    """A glob that matches this path and nothing below it."""
    return "".join(f"\\{char}" if char in "\\*?[" else char for char in path[:-1]) + f"\\{path[-1]}"


def _drop_stale(lock: Path, new: str) -> None:
    """Remove a ref lock that a dead writer left: it names our commit or nothing, and does not change for a while."""
    before: os.stat_result | None = None
    for _ in range(25):
        try:
            now = lock.lstat()
            content = plain.read(lock, 4096).decode("ascii", "replace").strip()
        except FileNotFoundError:
            return
        same = before is None or (now.st_ino, now.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        if content not in ("", new) or not same:
            return
        before = now
        time.sleep(0.02)
    lock.unlink(missing_ok=True)
