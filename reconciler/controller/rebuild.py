"""The database from git alone: to repair it, and to prove that it holds nothing that git does not say."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

from reconciler.controller.factory import Factory
from reconciler.controller.lease import lease
from reconciler.controller.observe import observe, project
from reconciler.controller.standing import accept, standing

SHOWN = 20
"""Differences that are printed of each table."""


def rebuild(factory: Factory) -> int:
    """Project everything again. Returns the number of rows. What is in flight stays.

    Raises Busy while a controller works here: what it plans with must not be taken away from under it.
    """
    with lease(factory.lock("controller"), "rebuild"):
        found = standing(factory)
        project(factory, None, found.commit)
        accept(factory, found)
    return sum(len(rows) for rows in factory.store.dump().values())


def check(factory: Factory) -> list[str]:
    """The rows in which the database differs from a fresh one; none where it is right."""
    commit = observe(factory)
    with tempfile.TemporaryDirectory(dir=factory.state, prefix=f"part-{os.getpid()}-") as folder:
        fresh = _beside(factory, Path(folder))
        project(fresh, None, commit)
        expected, found = fresh.store.dump(), factory.store.dump()
        fresh.store.close()
    lines: list[str] = []
    for table in sorted(expected.keys() | found.keys()):
        missing = set(expected.get(table, [])) - set(found.get(table, []))
        surplus = set(found.get(table, [])) - set(expected.get(table, []))
        lines += [f"{table}: missing {row}" for row in sorted(missing, key=repr)[:SHOWN]]
        lines += [f"{table}: not in git {row}" for row in sorted(surplus, key=repr)[:SHOWN]]
    return lines


def _beside(factory: Factory, folder: Path) -> Factory:
    """The same repository with a state of its own."""
    return replace(factory, state_folder=folder)
