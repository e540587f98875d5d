"""Look at an object until it is as somebody wants it. Changes nothing; others move it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from reconciler.controller import report
from reconciler.controller.factory import Factory
from reconciler.controller.observe import observe
from reconciler.controller.writer import one
from reconciler.model.errors import FactoryError
from reconciler.model.refs import Ref
from reconciler.model.vocabulary import Phase
from reconciler.plan.status import status

POLL = 0.5
"""Seconds between two looks."""


@dataclass(frozen=True)
class Waited:
    """The phase in the end, and whether it is the one that was waited for."""

    phase: str
    met: bool


def wait(factory: Factory, ref: Ref, condition: str, timeout: float) -> Waited:
    """Look until the object's phase is `condition`, or it is `settled`. Raises FactoryError for an unknown one."""
    if condition != "settled" and condition not in list(Phase):
        raise FactoryError(f"{condition}: not a phase; write settled, {', '.join(Phase)}")
    deadline = time.monotonic() + timeout
    while True:
        observe(factory)
        phase, settled = _standing(factory, ref)
        if phase == condition or (condition == "settled" and settled):
            return Waited(phase, True)
        if time.monotonic() >= deadline:
            return Waited(phase, False)
        time.sleep(min(POLL, max(0.0, deadline - time.monotonic())))


def _standing(factory: Factory, ref: Ref) -> tuple[str, bool]:
    view = factory.store.view_all()
    now = time.time()
    if ref.kind == "Task" and ref.name in view.tasks:
        found = status(view, view.tasks[ref.name], now)
        return str(found.phase), found.settled
    if ref.kind == "Goal" and ref.name in view.goals:
        tasks = report.task_rows(factory, view, now)
        row = next(row for row in report.goal_rows(view, tasks) if row["name"] == ref.name)
        settled = all(status(view, task, now).settled for task in view.tasks.values() if task.spec.goal == ref.name)
        return str(row["phase"]), settled and row["tasks"] > 0
    one([], ref, [*view.tasks, *view.goals])
    raise AssertionError("unreachable")
