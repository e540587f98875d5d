"""How the tasks of a view descend from each other: stages, reworks, goals. Knows the pipeline, judges nobody."""

from __future__ import annotations

import msgspec

from reconciler.model.objects import CANCELLED
from reconciler.model.refs import Ref
from reconciler.model.spec import Stage
from reconciler.model.view import TaskState, View
from reconciler.model.vocabulary import Verdict
from reconciler.plan.names import goal_stage_name
from reconciler.plan.resolve import Resolved, resolve


class GoalStage(msgspec.Struct, frozen=True, kw_only=True):
    """A goal-scoped stage that is asked for. `owner` is a goal, or a task that has none."""

    name: str
    stage: Stage
    owner: Ref
    document: str | None = None


class Lineage:
    """An index over one view. Built in one pass; answers are remembered."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._children: dict[str, list[TaskState]] = {}
        self._members: dict[str, list[TaskState]] = {}
        self._resolved: dict[str, Resolved] = {}
        self._asked: dict[Ref, tuple[GoalStage, ...]] = {}
        for name in sorted(view.tasks):
            task = view.tasks[name]
            if task.spec.origin is not None:
                self._children.setdefault(task.spec.origin.task, []).append(task)
            if task.spec.goal is not None:
                self._members.setdefault(task.spec.goal, []).append(task)

    def resolved(self, task: TaskState) -> Resolved:
        known = self._resolved.get(task.name)
        if known is None:
            known = resolve(self.view, task)
            self._resolved[task.name] = known
        return known

    def child(self, task: TaskState, relation: str, attempt: int) -> TaskState | None:
        """The stage or rework task that followed from this very attempt; one left from an earlier attempt is none."""
        for child in self._children.get(task.name, ()):
            origin = child.spec.origin
            if origin is None or origin.relation != relation or origin.attempt != attempt:
                continue
            if relation != "stage" or self._is_next(task, child):
                return child
        return None

    def _is_next(self, task: TaskState, child: TaskState) -> bool:
        stage = self.next_stage(task)
        return stage is not None and self.resolved(child).stage_name == stage.name

    def family(self, owner: Ref) -> list[TaskState]:
        """The tasks a goal-scoped stage waits for, by name: the goal's, or a lone one with its descendants."""
        if owner.kind == "Goal":
            return self._members.get(owner.name, [])
        found: dict[str, TaskState] = {}
        todo = [owner.name]
        while todo:
            name = todo.pop()
            if name in self.view.tasks and name not in found:
                found[name] = self.view.tasks[name]
                todo += [child.name for child in self._children.get(name, ())]
        return [found[name] for name in sorted(found)]

    def next_stage(self, task: TaskState) -> Stage | None:
        """The task-scoped stage that follows this task's, as far as it is asked for."""
        resolved = self.resolved(task)
        if resolved.pipeline is None or resolved.stage is None or resolved.stage.scope != "task":
            return None
        for stage in resolved.pipeline.stages[resolved.index + 1 :]:
            if stage.scope == "task" and _wanted(stage, resolved.deploy, resolved.docs):
                return stage
        return None

    def base(self, task: TaskState) -> TaskState:
        """Where this chain of stages began: the task whose work the later stages look at."""
        return self._up(task, ("stage",))

    def original(self, task: TaskState) -> TaskState:
        """The task that a person, or a finding, asked for: stages and reworks undone."""
        return self._up(task, ("stage", "rework"))

    def _up(self, task: TaskState, relations: tuple[str, ...]) -> TaskState:
        seen: set[str] = set()
        while task.name not in seen:
            seen.add(task.name)
            origin = task.spec.origin
            parent = self.view.tasks.get(origin.task) if origin and origin.relation in relations else None
            if parent is None:
                break
            task = parent
        return task

    def owner(self, task: TaskState) -> Ref:
        """What this task's goal-scoped stages hang on: its goal, or the task that all of it began with."""
        if task.spec.goal is not None:
            return Ref("Goal", task.spec.goal)
        return self._up(task, ("stage", "rework", "finding", "goal")).object.ref

    def asked(self, owner: Ref) -> tuple[GoalStage, ...]:
        """The goal-scoped stages that an owner asks for, in the pipeline's order, one a document."""
        if owner not in self._asked:
            self._asked[owner] = self._ask(owner)
        return self._asked[owner]

    def _ask(self, owner: Ref) -> tuple[GoalStage, ...]:
        if owner.kind == "Goal":
            goal = self.view.goals.get(owner.name)
            if goal is None:
                return ()
            pipeline = self.view.config.pipelines.get(goal.spec.pipeline)
            deploy, docs = goal.spec.deploy, list(goal.spec.docs)
        else:
            resolved = self.resolved(self.view.tasks[owner.name])
            pipeline, deploy, docs = resolved.pipeline, resolved.deploy, list(resolved.docs)
        for task in self.family(owner):
            if not _given_up(task):
                deploy = deploy or task.spec.deploy
                docs += task.spec.docs
        documents = tuple(dict.fromkeys(docs))
        return tuple(
            GoalStage(
                name=goal_stage_name(owner.name, stage.name, document), stage=stage, owner=owner, document=document
            )
            for stage in (pipeline.stages if pipeline else ())
            if stage.scope == "goal" and _wanted(stage, deploy, documents)
            for document in (documents if stage.when == "docs" else (None,))
        )

    def handed_on(self, task: TaskState, attempt: int) -> bool:
        """Is the next stage's task of this passed attempt there, as far as there is a next stage?"""
        return self.next_stage(task) is None or self.child(task, "stage", attempt) is not None

    def owed(self, task: TaskState, attempt: int) -> bool:
        """Will something still follow from this passed task: its next stage, or a stage of its goal, not there yet?"""
        if not self.handed_on(task, attempt):
            return True
        return any(asked.name not in self.view.tasks for asked in self.asked(self.owner(task)))


def _wanted(stage: Stage, deploy: bool, docs: tuple[str, ...]) -> bool:
    if stage.when == "deploy":
        return deploy
    return bool(docs) if stage.when == "docs" else True


def _given_up(task: TaskState) -> bool:
    """Cancelled: what it asked of its goal is asked no more."""
    return CANCELLED in task.object.annotations or bool(
        task.attempts and task.attempts[-1].evidence.outcome is Verdict.CANCELLED
    )
