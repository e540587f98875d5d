"""Which tasks cannot move because what they depend on cannot: a fixed point over dependencies and lineage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.model.vocabulary import Phase
from reconciler.plan.status import Survey


def stuck(survey: Survey, held: Mapping[str, bool]) -> dict[str, bool]:
    """Names of tasks that something held keeps from moving -> whether it takes a person.

    `held`: names of the tasks that are held themselves -> whether a person is needed. A cancelled or missing
    dependency counts as held: only a person can change what depends on it.
    """
    tasks = survey.view.tasks
    blocks: dict[str, list[str]] = {}
    roots = dict(held)
    for task in tasks.values():
        status = survey.status(task)
        if status.phase is Phase.CANCELLED:
            roots[task.name] = True
        origin = task.spec.origin
        if origin is not None and origin.relation in ("stage", "rework"):
            blocks.setdefault(task.name, []).append(origin.task)
        if status.phase is Phase.WAITING and task.live is None:
            for name in task.spec.depends_on:
                if not survey.passed(name):
                    blocks.setdefault(name, []).append(task.name)
                    if name not in tasks:
                        roots[name] = True
    reached = dict.fromkeys(_reach(blocks, (name for name, person in roots.items() if not person)), False)
    reached.update(dict.fromkeys(_reach(blocks, (name for name, person in roots.items() if person)), True))
    return reached


def _reach(blocks: Mapping[str, list[str]], roots: Iterable[str]) -> set[str]:
    todo, seen = list(roots), set[str]()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += blocks.get(name, ())
    return seen
