"""What must be true of every view and its plan. Tests and `verify` look for what is not."""

from __future__ import annotations

from collections import Counter

from reconciler.model.size import size
from reconciler.model.view import Plan, TaskState, View
from reconciler.model.vocabulary import Action, Phase, Verdict
from reconciler.plan.attempts import deciding
from reconciler.plan.placement import NO_SLOT
from reconciler.plan.status import Survey

SILENT = (Phase.DONE, Phase.REJECTED, Phase.CANCELLED)
"""Phases that make no line in a plan: nothing happens to such a task itself."""


def faults(view: View, made: Plan, now: float) -> list[str]:
    """One sentence for each invariant that does not hold. `made` is the plan of `view` at `now`."""
    survey = Survey(view, now)
    lines = Counter(change.address for change in (*made.changes, *made.held) if change.action is not Action.CREATE)
    drift = {change.address for change in made.drift}
    found: list[str] = []
    for task in view.tasks.values():
        found += _of_task(survey, task, lines[str(task.object.ref)], str(task.object.ref) in drift)
    return [*found, *_of_plan(view, made)]


def _of_task(survey: Survey, task: TaskState, lines: int, in_drift: bool) -> list[str]:
    status = survey.status(task)
    name = str(task.object.ref)
    found: list[str] = []
    numbers = [attempt.number for attempt in task.attempts]
    if numbers != sorted(set(numbers)) or (numbers and numbers[-1] > task.last_number):
        found.append(f"{name}: attempt numbers repeat or run backwards: {numbers}, last {task.last_number}")
    if (status.phase is Phase.RUNNING) and task.live is None:
        found.append(f"{name}: running without an execution")
    if task.live is not None and status.settled:
        found.append(f"{name}: settled with an execution in flight")
    if status.phase is Phase.DONE and deciding(task)[-1].evidence.outcome is not Verdict.PASSED:
        found.append(f"{name}: done without a passed outcome")
    if status.settled and status.phase not in SILENT:
        found.append(f"{name}: settled in phase {status.phase}")
    expected = 0 if status.phase in SILENT and task.live is None else 1
    if lines != expected and not (in_drift and lines == 0):
        found.append(f"{name}: {lines} lines in the plan for phase {status.phase}, not {expected}")
    return found


def _of_plan(view: View, made: Plan) -> list[str]:
    found: list[str] = []
    identifiers = Counter(execution.id for execution in made.dispatch)
    found += [f"{name} is dispatched {count} times" for name, count in identifiers.items() if count > 1]
    dispatched = [change.address for change in made.changes if change.action is Action.DISPATCH]
    if dispatched != [f"Task/{execution.task}" for execution in made.dispatch]:
        found.append("the executions do not stand beside their changes")
    created = [change.address for change in made.changes if change.action is Action.CREATE]
    if created != [str(item.ref) for item in made.create]:
        found.append("the manifests do not stand beside their changes")
    taken = Counter(execution.host for execution in made.dispatch)
    loaded = {(execution.host, execution.model) for execution in made.dispatch}
    for task in view.tasks.values():
        if task.live is not None and task.live.state not in NO_SLOT:
            taken[task.live.execution.host] += 1
            loaded.add((task.live.execution.host, task.live.execution.model))
    for host in view.config.fleet.hosts:
        new = any(execution.host == host.name for execution in made.dispatch)
        if new and taken[host.name] > host.capacity:
            found.append(f"host {host.name} has {taken[host.name]} executions for {host.capacity} slots")
        needed = sum(size(model.memory) for model in host.models if model.memory and (host.name, model.name) in loaded)
        if new and host.memory and needed > size(host.memory):
            found.append(f"the models at work on host {host.name} need {needed} bytes of its {host.memory}")
    return found
