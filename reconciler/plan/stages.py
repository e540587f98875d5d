"""What follows from an outcome: the next stage, the rework, fixes for findings, and the stages of a goal.

`due` says what is owed as things stand, whatever happened before; `follow_ups` says what an outcome about to be
recorded causes: the same, plus one task for each finding, and those that were proposed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from reconciler.model.execution import Attempt, Evidence, evidence_folder
from reconciler.model.objects import Object
from reconciler.model.spec import TaskSpec
from reconciler.model.view import TaskState, View
from reconciler.model.vocabulary import Phase, Reason, Verdict
from reconciler.plan.attempts import deciding
from reconciler.plan.generate import (
    finding_tasks,
    goal_stage_task,
    proposed_tasks,
    rework_task,
    split_tasks,
    stage_task,
)
from reconciler.plan.lineage import GoalStage
from reconciler.plan.split import missing
from reconciler.plan.status import Survey


def due(view: View, now: float) -> tuple[Object, ...]:
    """The manifests that the pipelines owe, by name: stages, reworks and goal stages that are due and not there."""
    return due_of(Survey(view, now))


def due_of(survey: Survey) -> tuple[Object, ...]:
    """`due` for a view that is surveyed already."""
    owed: dict[str, Object] = {}
    owners = {survey.lineage.owner(task) for task in survey.view.tasks.values()}
    for task in survey.view.tasks.values():
        owed.update((item.name, item) for item in _of_task(survey, task))
    for owner in sorted(owners):
        owed.update((item.name, item) for item in _of_owner(survey, survey.lineage.asked(owner)))
    return tuple(owed[name] for name in sorted(owed))


def follow_ups(
    view: View,
    task: TaskState,
    evidence: Evidence,
    now: float,
    exists: Callable[[str], bool] | None = None,
) -> tuple[Object, ...]:
    """The manifests that belong into the commit that records `evidence`.

    `exists` says whether a task of that name is there, outside the view too: a finding never makes a second task.
    """
    recorded = _recorded(task, evidence, "", view.commit)
    survey = Survey(msgspec.structs.replace(view, tasks={**view.tasks, task.name: recorded}), now)
    made = [
        *_of_task(survey, recorded),
        *_of_owner(survey, survey.lineage.asked(survey.lineage.owner(recorded))),
    ]
    decides = deciding(recorded)
    if evidence.outcome is Verdict.PASSED and decides and decides[-1] is recorded.attempts[-1]:
        known = exists or view.tasks.__contains__
        room = view.config.policy.limits.children - len(made)
        made += finding_tasks(survey.lineage, recorded, evidence, known, room)
        taken = {item.name for item in made}
        room = view.config.policy.limits.children - len(made)
        made += proposed_tasks(survey.lineage, recorded, evidence, lambda name: name in taken or known(name), room)
    return tuple({item.name: item for item in made}.values())


def with_outcome(view: View, evidence: Evidence, digest: str, objects: Sequence[Object]) -> View:
    """The view as it will be once this outcome is committed together with these manifests."""
    tasks = dict(view.tasks)
    name = evidence.object.partition("/")[2]
    if name in tasks:
        tasks[name] = _recorded(tasks[name], evidence, digest, view.commit)
    for item in objects:
        spec = msgspec.convert(item.spec, TaskSpec)
        known = tasks.get(item.name, TaskState(object=item, spec=spec))
        tasks[item.name] = msgspec.structs.replace(known, object=item, spec=spec)
    return msgspec.structs.replace(view, tasks=tasks)


def _recorded(task: TaskState, evidence: Evidence, digest: str, commit: str) -> TaskState:
    """The task once this outcome is recorded."""
    attempt = Attempt(
        evidence=evidence,
        path=evidence_folder(evidence.goal, task.name, evidence.attempt),
        digest=digest,
        commit=commit,
        committed_at=evidence.ended_at,
    )
    number = max(task.last_number, evidence.attempt)
    return msgspec.structs.replace(task, attempts=(*task.attempts, attempt), last_number=number, live=None)


def _of_task(survey: Survey, task: TaskState) -> Iterator[Object]:
    """The next stage of a passed task, or the rework of a rejected one, where it is not there."""
    status = survey.status(task)
    if status.phase is Phase.DONE and not status.settled:
        evidence = deciding(task)[-1].evidence
        stage = survey.lineage.next_stage(task)
        if stage is not None and not survey.lineage.handed_on(task, evidence.attempt):
            yield stage_task(survey.lineage, task, evidence, stage)
    elif status.phase is Phase.REJECTED and status.reason is Reason.REWORK_OPEN:
        evidence = deciding(task)[-1].evidence
        if evidence.reason is Reason.SPLIT:
            yield from missing(survey.lineage, task, evidence, split_tasks(survey.lineage, task, evidence))
        elif survey.lineage.child(task, "rework", evidence.attempt) is None:
            yield rework_task(survey.lineage, task, evidence)


def _of_owner(survey: Survey, asked: tuple[GoalStage, ...]) -> Iterator[Object]:
    """The goal's stages, one after the other, once all its tasks are through and nothing more follows from them."""
    missing = [item for item in asked if item.name not in survey.view.tasks]
    like = _all_through(survey, missing[0]) if missing else None
    if like is None:
        return
    for item in missing:
        first = next(at for at, other in enumerate(asked) if other.stage.name == item.stage.name)
        if all(survey.passed(other.name) for other in asked[:first]):
            yield goal_stage_task(survey.lineage, item, like)


def _all_through(survey: Survey, item: GoalStage) -> TaskState | None:
    """The first passed task once all task-scoped ones are passed, superseded or cancelled; None until then."""
    passed: TaskState | None = None
    for task in survey.lineage.family(item.owner):
        resolved = survey.resolved(task)
        if resolved.stage is not None and resolved.stage.scope == "goal":
            continue
        status = survey.status(task)
        if status.phase is Phase.CANCELLED or status.reason is Reason.SUPERSEDED:
            continue
        if status.phase is not Phase.DONE or not survey.lineage.handed_on(task, deciding(task)[-1].number):
            return None
        passed = passed or task
    return passed
