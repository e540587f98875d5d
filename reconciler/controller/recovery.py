"""Mends what a killed controller left outside the factory's own branch: products half-way, folders of past runs."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from reconciler import trees
from reconciler.controller.factory import Factory
from reconciler.execute import text
from reconciler.git import advance
from reconciler.git.repository import GitError
from reconciler.model.errors import FactoryError
from reconciler.model.view import View
from reconciler.plan.resolve import resolve


def mend_products(factory: Factory, view: View) -> list[str]:
    """Bring index and files of the products after a branch that has moved already. Those that are gone wait.

    Never stops a start: what cannot be brought after is left, and named in a line each.
    """
    left: list[str] = []
    named = {found.repository for task in view.tasks.values() if (found := resolve(view, task).product)}
    for repository in sorted(named):
        try:
            path = factory.product_path(repository)
            if path.exists():
                advance.recover(str(path))
        except FactoryError:
            continue  # the plan says of its tasks what is wrong with it
        except (GitError, OSError, RecursionError) as error:
            left.append(f"product {repository} is left as it was found: {text.line(str(error), 200)}")
    return left


def sweep_runs(factory: Factory, live: Collection[str]) -> list[str]:
    """Remove the run folders of work that is over, and what is half filled. For a start: no worker is up yet.

    Never stops it: what cannot be removed is left, and named in a line each.
    """
    left: list[str] = []
    runs = _inside(factory.state / "runs", left)
    old = [folder for folder in runs if not any(belongs(folder.name, identifier) for identifier in live)]
    left += [said for folder in (*old, *_parts(factory, left)) if (said := trees.remove(folder))]
    return left


def _parts(factory: Factory, left: list[str]) -> Iterator[Path]:
    """Folders that were being filled by processes which are gone: their numbers are in the names."""
    for place in (factory.state, factory.state / "cache" / "blueprints"):
        for folder in _inside(place, left):
            name, _, rest = folder.name.partition("-")
            number = rest.partition("-")[0]
            if name == "part" and number.isdigit() and not _alive(int(number)):
                yield folder


def _inside(folder: Path, left: list[str]) -> list[Path]:
    """What lies in a folder of ours; nothing where a link stands in its place. One that cannot be read is `left`."""
    try:
        return [] if folder.is_symlink() else sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        left.append(f"{folder} is left as it was found: {text.line(str(error), 200)}")
        return []


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
