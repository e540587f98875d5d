"""A task's place in its pipeline: what it came from and what followed."""

from __future__ import annotations

import time

from reconciler.controller import report
from reconciler.controller.factory import Factory
from reconciler.controller.manage import edit_object
from reconciler.controller.observe import observe
from reconciler.controller.writer import one
from reconciler.desired import edit
from reconciler.model.refs import Ref
from reconciler.model.view import View


def trail(factory: Factory, name: str) -> list[report.Row]:
    """Rows from the first ancestor to the last descendant; findings' tasks included. Raises FactoryError."""
    observe(factory)
    view = factory.store.view_all()
    ref = Ref("Task", name)
    one(factory.store.find(ref), ref, list(view.tasks))
    while (origin := view.tasks[name].spec.origin) is not None and origin.task in view.tasks:
        name = origin.task
    found = report.standings(factory, view, time.time())
    return [report.task_row(factory, view, view.tasks[item], found[item]) for item in _descendants(view, name)]


def _descendants(view: View, root: str) -> list[str]:
    """The root and all that came from it, parents before children."""
    children: dict[str, list[str]] = {}
    for name, task in sorted(view.tasks.items()):
        if task.spec.origin is not None:
            children.setdefault(task.spec.origin.task, []).append(name)
    order: list[str] = []
    stack = [root]
    while stack:
        name = stack.pop()
        order.append(name)
        stack.extend(reversed(children.get(name, [])))
    return order


def create(factory: Factory, ref: Ref, pipeline: str) -> None:
    """Write `spec.pipeline` into the task's manifest, as one commit. Raises FactoryError for an unknown pipeline."""
    observe(factory)
    wanted = Ref("Pipeline", pipeline)
    one(factory.store.find(wanted), wanted, list(factory.store.config().pipelines))
    edit_object(factory, ref, "pipeline", lambda text, item: edit.set_spec(text, ref, "pipeline", pipeline, item.owner))
