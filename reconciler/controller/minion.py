"""Minions: one task, one worktree, one result, on any repository. A factory of their own runs them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from reconciler.controller import report
from reconciler.controller.apply import apply
from reconciler.controller.events import Event, Listener, silent
from reconciler.controller.factory import Factory, Say, to_nobody
from reconciler.controller.lease import Busy, lease
from reconciler.controller.manage import add, resume
from reconciler.controller.minion_home import PIPELINE, existing_home, open_home, project
from reconciler.controller.observe import observe
from reconciler.controller.writer import one
from reconciler.model.errors import FactoryError
from reconciler.model.refs import Ref
from reconciler.model.vocabulary import Phase

TIED = "task"
"""label: the task of the factory at hand that a minion works on"""
FOLDER = "manifests/minions"
TAKEN = ("description", "acceptance", "paths", "domain", "type", "complexity", "company", "blueprint", "budget")
"""from a task that a minion is tied to"""
ENDED = (Phase.DONE, Phase.REJECTED, Phase.FAILED, Phase.HUMAN, Phase.CANCELLED)
NEEDS_PERSON = 4
"""exit code, as in the contract"""
AGAIN = 1.0
"""Seconds between two looks while another process runs the minions."""


@dataclass(frozen=True)
class Ended:
    """How a run of minions ended: their rows, and the contract's exit code."""

    rows: list[report.Row]
    exit_code: int


def enqueue(folder: Path, text: str, where: Path, *, task: str | None = None, say: Say = to_nobody) -> report.Row:
    """Write a minion's task down for the next `run`. Raises Refused where it cannot work in `where`'s project."""
    factory, name = _write(folder, text, where, task, say, suspend=True)
    return _row(factory, name)


def run(
    folder: Path,
    text: str,
    where: Path,
    *,
    task: str | None = None,
    listener: Listener = silent,
    say: Say = to_nobody,
) -> Ended:
    """Run one minion to its end; the one of a run that was killed, where the very same is asked for again.

    Raises Refused where it cannot work in the project that `where` lies in.
    """
    factory, name = _write(folder, text, where, task, say, suspend=False)
    return _drive(factory, [name], listener)


def run_queue(folder: Path, *, listener: Listener = silent, say: Say = to_nobody) -> Ended:
    """Run what was enqueued, and what a run that was killed has left."""
    factory, _ = open_home(folder, say)
    observe(factory)
    waiting = {str(row["name"]): row["phase"] for row in _rows(factory) if row["phase"] not in ENDED}
    for name, phase in waiting.items():
        if phase == Phase.SUSPENDED:
            resume(factory, Ref("Task", name))
    return _drive(factory, list(waiting), listener)


def minions(folder: Path, *, ended: bool) -> list[report.Row]:
    """Those that have ended, or those that have not, the latest first."""
    factory = existing_home(folder)
    if factory is None:
        return []
    observe(factory)
    rows = [row for row in _rows(factory) if (row["phase"] in ENDED) == ended]
    return sorted(rows, key=lambda row: str(row["updated_at"] or row["created_at"]), reverse=True)


def _write(folder: Path, text: str, where: Path, task: str | None, say: Say, *, suspend: bool) -> tuple[Factory, str]:
    root, branch = project(where)
    factory, source = open_home(folder, say)
    more: dict[str, object] = {"pipeline": PIPELINE, "product": {"repository": str(root), "branch": branch}}
    labels = {"project": root.name}
    if task is not None:
        if source is None:
            raise FactoryError(f"--task {task}: there is no factory here; name it with: alai-reconcile -C DIR minion")
        ref = Ref("Task", task)
        item = one(source.store.find(ref), ref, [item.name for item in source.store.objects("Task")])
        more |= {key: item.spec[key] for key in TAKEN if key in item.spec}
        labels[TIED] = task
    if suspend:
        more["suspend"] = True
    elif (left := _left(factory, text, more, labels)) is not None:
        return factory, left
    return factory, add(factory, text, labels=labels, more=more, folder=FOLDER).name


def _left(factory: Factory, text: str, more: dict[str, object], labels: dict[str, str]) -> str | None:
    """A minion that is just the same, has not ended, and is nobody's any more: its run was killed."""
    observe(factory)
    waiting = {row["name"] for row in _rows(factory) if row["phase"] not in (*ENDED, Phase.SUSPENDED)}
    wanted = {"title": text, **more}
    same = (
        item.name
        for item in factory.store.objects("Task")
        if item.name in waiting and item.spec == wanted and item.labels == labels
    )
    name = next(same, None)
    if name is not None:
        try:
            with lease(factory.lock("controller"), "minion"):
                return name
        except Busy:
            pass
    return None


def _drive(factory: Factory, names: list[str], listener: Listener) -> Ended:
    """Reconcile until these have ended, here or in the process that is at it already."""
    code, told = 0, False
    while any(_row(factory, name)["phase"] not in ENDED for name in names):
        try:
            code = apply(factory, listener=listener).exit_code
        except Busy as busy:
            if not told:
                listener(Event("waiting", names[0], str(busy)))
            told = True
            time.sleep(AGAIN)
            continue
        if code:
            break
    rows = [_row(factory, name) for name in names]
    return Ended(rows, 0 if all(row["phase"] == Phase.DONE for row in rows) else code or NEEDS_PERSON)


def _rows(factory: Factory) -> list[report.Row]:
    view = factory.store.view_all()
    tasks = [task for task in view.tasks.values() if task.spec.pipeline == PIPELINE]
    known = {row["name"]: row for row in report.task_rows(factory, view)}
    return [_minion(factory, known[task.name], task.spec.product.repository) for task in tasks if task.spec.product]


def _row(factory: Factory, name: str) -> report.Row:
    observe(factory)
    return next(row for row in _rows(factory) if row["name"] == name)


def _minion(factory: Factory, row: report.Row, repository: str) -> report.Row:
    branch = factory.store.config().pipelines[PIPELINE].branch.replace("{task}", str(row["name"]))
    artifacts = str(factory.root / str(row["evidence"])) if row["evidence"] else None
    return {
        **{key: row[key] for key in ("name", "title", "phase", "reason", "message", "company", "model", "host")},
        **{key: row[key] for key in ("attempts", "cost_usd", "tokens", "created_at", "updated_at")},
        "project": repository,
        "branch": branch if row["product_commit"] else None,
        "commit": row["product_commit"],
        "artifacts": artifacts,
    }
