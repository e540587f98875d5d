"""Mends what a killed controller left outside the factory's own branch: products half-way, folders of past runs."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Collection

from reconciler.controller.factory import Factory
from reconciler.git import product
from reconciler.git.repository import GitError
from reconciler.model.errors import FactoryError
from reconciler.model.view import View
from reconciler.plan.resolve import resolve


def mend_products(factory: Factory, view: View) -> None:
    """Bring index and files of the products after a branch that has moved already. Those that are gone wait."""
    named = {found.repository for task in view.tasks.values() if (found := resolve(view, task).product)}
    for repository in sorted(named):
        with contextlib.suppress(GitError, FactoryError):
            product.recover(str(factory.product_path(repository)))


def sweep_runs(factory: Factory, live: Collection[str]) -> None:
    """Remove the run folders of work that is over, and what is half filled. For a start: no worker is up yet."""
    runs = factory.state / "runs"
    for folder in runs.iterdir() if runs.is_dir() else ():
        if not any(belongs(folder.name, identifier) for identifier in live):
            shutil.rmtree(folder, ignore_errors=True)
    _sweep_parts(factory)


def _sweep_parts(factory: Factory) -> None:
    """Remove folders that were being filled by processes which are gone: their numbers are in the names."""
    for pattern in ("part-*", "cache/blueprints/part-*"):
        for folder in factory.state.glob(pattern):
            number = folder.name.split("-")[1]
            if number.isdigit() and not _alive(int(number)):
                shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def belongs(job: str, execution: str) -> bool:
    """Whether this job, an attempt or a merge, is one of this execution."""
    return job == execution or job.startswith(f"{execution}.merge.")
