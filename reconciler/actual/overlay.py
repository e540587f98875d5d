"""A view of objects that are in no commit yet, such as the working tree's, with the outcomes that the store knows."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from reconciler.actual import loading
from reconciler.model.objects import Object
from reconciler.model.refs import Ref
from reconciler.model.spec import SPECS, GoalSpec, Spec, TaskSpec
from reconciler.model.view import GoalState, TaskState, View


def view_of(conn: sqlite3.Connection, commit: str, objects: Sequence[Object]) -> View:
    """Everything, as it would be planned if `objects` were what the commit says."""
    lives = {live.execution.task: live for live in loading.load_live(conn)}
    attempts, altered = loading.load_evidence(conn, None)
    numbers = loading.last_numbers(conn, None, lives)
    said = loading.load_classifications(conn, None)
    committed = loading.load_goals(conn, None)
    tasks = {
        item.name: TaskState(
            object=item,
            spec=msgspec.convert(item.spec, TaskSpec),
            attempts=attempts.get(item.name, ()),
            altered=altered.get(item.name, ()),
            last_number=numbers.get(item.name, 0),
            live=lives.get(item.name),
            classification=said.get(item.name),
        )
        for item in sorted(objects, key=lambda item: item.ref)
        if item.ref.kind == "Task"
    }
    return View(
        commit=commit,
        config=_config(objects),
        goals={item.name: _goal(item, committed.get(item.name)) for item in objects if item.ref.kind == "Goal"},
        tasks=tasks,
        orphans=tuple(live for name, live in lives.items() if name not in tasks),
        goals_with_tasks=frozenset(task.spec.goal for task in tasks.values() if task.spec.goal),
        spent=loading.load_spent(conn),
    )


def _goal(item: Object, known: GoalState | None) -> GoalState:
    spec = msgspec.convert(item.spec, GoalSpec)
    return msgspec.structs.replace(known, object=item, spec=spec) if known else GoalState(object=item, spec=spec)


def _config(objects: Sequence[Object]) -> loading.Config:
    named: dict[str, dict[str, Spec]] = {kind: {} for kind in SPECS}
    paths: dict[Ref, str] = {}
    for item in sorted(objects, key=lambda item: (item.ref, item.position)):
        if item.name not in named[item.ref.kind]:
            named[item.ref.kind][item.name] = item.decoded()
            paths[item.ref] = item.position.path
    return loading.config_of(named, paths)
