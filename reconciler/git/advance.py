"""Moves a product's branch to accepted work, with index and files where a person has it checked out and clean.

How work comes about is not known here (see `product`), nor how a checkout is moved and recovered (see `checkout`).
"""

from __future__ import annotations

import contextlib
import shlex
import time
from enum import StrEnum
from pathlib import Path

from reconciler.git import plain
from reconciler.git.checkout import Checkout
from reconciler.git.errors import BranchMoved, Dirty, GitError, IndexLocked, WrongBranch
from reconciler.git.journal import FOLDER
from reconciler.git.layout import Layout, layout, worktrees
from reconciler.git.product import tip
from reconciler.git.run import decode, run

_STALE = 60.0
"""seconds after which a lock of git's index is taken for one that was left behind"""


class Advance(StrEnum):
    """What came of moving a branch."""

    MOVED = "moved"
    DIRTY = "dirty"
    """it is checked out somewhere with changes that the move would have to overwrite; nothing was touched"""
    RACED = "raced"
    """it is no longer where the work was computed for; nothing was touched"""


def advance(path: str, branch: str, old: str, new: str, patience: float = 10.0) -> Advance:
    """Move the product's branch from `old` to `new`, with index and files where it is checked out and clean.

    Doing it again after a crash finishes the job. Raises IndexLocked where another git holds the index for more than
    `patience` seconds, and GitError where git cannot do it.
    """
    product = Path(path).resolve()
    try:
        checked_out = _checked_out(product, branch)
        if checked_out is None:
            return _swap(product, branch, old, new)
        checkout = Checkout(checked_out, branch, wait=patience)
        checkout.recover()
        if (now := checkout.tip()) != old:
            return Advance.MOVED if now == new else Advance.RACED
        checkout.move(old, new, "alai-reconcile: merge", strict=True)
    except (BranchMoved, WrongBranch):
        return Advance.RACED
    except Dirty:
        return Advance.DIRTY
    return Advance.MOVED


def require_free(path: str, branch: str) -> None:
    """Raises IndexLocked where a lock of git's lies longer than any git works: a git that was killed left it behind."""
    with contextlib.suppress(Dirty, FileNotFoundError):
        place = _checked_out(Path(path).resolve(), branch)
        lock = None if place is None else layout(place).git_dir / "index.lock"
        if lock is not None and (age := time.time() - lock.lstat().st_mtime) > _STALE:
            raise IndexLocked(
                f"{lock} has been there for {age:.0f} s, so nothing could be merged: end the git process that holds "
                f"it, or, if none runs: rm {shlex.quote(str(lock))}"
            )


def recover(path: str) -> None:
    """Finish or undo moves of checked-out branches whose process was killed. Costs next to nothing where none was."""
    for found in worktrees(layout(Path(path).resolve())):
        if found.layout.top is not None and any(found.layout.git_dir.glob(f"{FOLDER}/*")):
            Checkout(found.layout.top, "").recover()


def _swap(product: Path, branch: str, old: str, new: str) -> Advance:
    ref = f"refs/heads/{branch}"
    done = run(product, "update-ref", "--no-deref", "-m", "alai-reconcile: merge", ref, new, old, accept=range(256))
    if done.returncode == 0 or (now := tip(str(product), branch)) == new:
        return Advance.MOVED
    if now == old:
        raise GitError(f"git update-ref in {product}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return Advance.RACED


def _checked_out(product: Path, branch: str) -> Path | None:
    """The working tree, main or linked, that has the branch checked out. Raises Dirty where one is being rebased."""
    found: Path | None = None
    for place, ref in worktrees(layout(product)):
        if not ref.startswith("refs/"):
            _refuse_rebase(place, branch)
        if ref == f"refs/heads/{branch}":
            found = place.top
    return found


def _refuse_rebase(place: Layout, branch: str) -> None:
    """A rebase detaches HEAD and moves the branch at its end: moving it meanwhile would spoil the person's rebase."""
    for state in ("rebase-merge", "rebase-apply"):
        with contextlib.suppress(FileNotFoundError):
            if decode(plain.read(place.git_dir / state / "head-name")).strip() == f"refs/heads/{branch}":
                raise Dirty(f"{place.top} is in the middle of a rebase of {branch}")
