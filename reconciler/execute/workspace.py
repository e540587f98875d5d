"""The folders an execution works in: checkouts of the product that are always given back, and the blueprint's files."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from reconciler import trees
from reconciler.execute.work import Ended
from reconciler.git import product
from reconciler.git.repository import Repository
from reconciler.model.vocabulary import Reason, Verdict

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def settle(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run a blocking function in a thread; when cancelled, wait for its end, so that nothing goes on behind us."""
    task = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


@contextlib.asynccontextmanager
async def checkout(repository: str, commit: str, folder: Path) -> AsyncGenerator[Path]:
    """The product at `commit` in `folder`, removed afterwards whatever happens. Raises GitError."""
    try:
        await settle(product.add_worktree, repository, commit, folder)
        yield folder
    finally:
        await settle(product.remove_worktree, repository, folder)


def fresh(run_dir: Path) -> Path:
    """An empty run folder, also where an earlier run of the same job was killed half-way; gives its `evidence/`.

    Raises Ended where what lies there cannot be removed.
    """
    for name in ("work", "clean"):
        product.remove_worktree("", run_dir / name)
    if left := trees.remove(run_dir):
        raise Ended(Verdict.ERROR, Reason.INTERNAL, left)
    evidence = run_dir / "evidence"
    evidence.mkdir(parents=True)
    return evidence


def blueprint_files(factory: Path, commit: str, folder: str, private: Path | None) -> Path | None:
    """The blueprint's folder as the trusted commit has it; None where it has none there. Raises GitError.

    It is kept by content under `state/cache`, so that thousands of executions share one copy. Commands without a
    sandbox could change that copy: for them it is written to `private`.
    """
    repository = Repository(factory)
    listed = repository.changed(None, commit, [folder])
    if not folder or not listed:
        return None
    if private is not None:
        repository.export(commit, folder, private)
        return private
    content = "".join(f"{entry.mode} {entry.new} {entry.path}\n" for entry in listed)
    cache = factory / "state" / "cache" / "blueprints"
    kept = cache / hashlib.sha256(content.encode()).hexdigest()[:32]
    if kept.is_dir():
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    # by the process's number the controller finds what a killed one leaves
    with tempfile.TemporaryDirectory(dir=cache, prefix=f"part-{os.getpid()}-", ignore_cleanup_errors=True) as building:
        repository.export(commit, folder, Path(building) / "files")
        # somebody else may have been faster, with the same content
        with contextlib.suppress(OSError):
            (Path(building) / "files").rename(kept)
    return kept
