"""One factory repository, opened: where its parts lie. Nothing here decides anything."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.actual.store import Store
from reconciler.controller.lease import lock_file
from reconciler.controller.state import inspect
from reconciler.git.errors import NoRepository
from reconciler.git.repository import Repository
from reconciler.model.errors import FactoryError, Refused

if TYPE_CHECKING:
    from reconciler.knowledge.index import Index

STATE_README = "What is in flight. Git ignores it; delete it when nothing runs, all but `minions/`.\n"


Say = Callable[[str], None]
"""takes one line for the person at the keyboard"""


def to_nobody(line: str) -> None:
    """For callers that tell nothing."""
    del line


@dataclass(frozen=True)
class Factory:
    """`root` is the top folder of the factory repository's working tree."""

    root: Path
    repository: Repository
    state_folder: Path | None = None
    """default: `state/` in the factory"""
    acts: bool = False
    """opened by somebody who changes something, so only the pinned branch counts (see `standing`)"""
    say: Say = to_nobody
    """told which commit is spoken of, where that is not plain, and what is pinned"""

    @classmethod
    def open(cls, folder: Path, say: Say = to_nobody) -> Factory:
        """Find the factory that `folder` lies in, to look at it. Raises FactoryError where there is none."""
        try:
            repository = Repository.containing(folder)
        except NoRepository as error:
            raise FactoryError(
                f"{folder}: not a git repository; make a factory with: alai-reconcile init DIR"
            ) from error
        root = repository.root
        if not (root / "manifests").is_dir():
            raise FactoryError(f"{root}: no manifests/ here; make a factory with: alai-reconcile init DIR")
        return cls(root, repository, say=say)

    @property
    def state(self) -> Path:
        """The ignored folder, made on first use."""
        folder = self.state_folder or self.root / "state"
        if folder.is_symlink():
            raise Refused(f"{folder}: is a symbolic link; the state must lie in the factory itself")
        if not folder.is_dir():
            folder.mkdir(mode=0o700)
            (folder / "README.md").write_text(STATE_README)
        self._looked_at(folder)
        return folder

    def lock(self, name: str) -> Path:
        """The file to lock so that only one process is at something: beside git's own, where nobody tidies up."""
        return lock_file(self.root, name)

    @cached_property
    def _looked_at(self) -> Callable[[Path], None]:
        """Looks at the state once, before anything in it is opened."""
        return functools.cache(inspect)

    @cached_property
    def store(self) -> Store:
        store = Store(self.state / "factory.db")
        if store.replaced is not None:
            self.say(f"{store.path}: was written by another version ({store.replaced}); it is made anew from git.")
        return store

    @cached_property
    def knowledge(self) -> Index:
        from reconciler.knowledge.index import Index

        return Index(self.state / "knowledge.db", renew=True)

    def run_folder(self, job: str) -> Path:
        """Where a job leaves its evidence until it is committed."""
        return self.state / "runs" / job

    def product_path(self, repository: str) -> Path:
        """Absolute path of a local product. Raises Refused where it lies outside the Policy's roots or is none.

        A folder within a repository is no product: git would go up to whatever encloses it. Nor is the factory: its
        manifests say what is allowed, so no agent's work may be merged there.
        """
        path = (self.root / repository).resolve()
        roots = [(self.root / root).resolve() for root in self.store.config().policy.product_roots]
        if not any(path.is_relative_to(root) for root in roots):
            allowed = ", ".join(str(root) for root in roots)
            raise Refused(f"product {repository}: lies outside the folders that the Policy allows ({allowed})")
        if path == self.root.resolve():
            raise Refused(f"product {repository}: is the factory itself; agents work on other repositories only")
        if path.is_dir() and not ((path / ".git").exists() or (path / "objects").is_dir()):
            raise Refused(
                f"product {repository}: is no git repository of its own; run `git init` there, or name its top"
            )
        return path
