"""How the tasks of a view descend from each other: stages, reworks, goals. Knows the pipeline, judges nobody."""

from __future__ import annotations

import msgspec

from reconciler.model.execution import Evidence
from reconciler.model.objects import CANCELLED
from reconciler.model.refs import Ref
from reconciler.model.spec import RiskRule, Stage
from reconciler.model.view import TaskState, View, World
from reconciler.model.vocabulary import Verdict
from reconciler.plan.names import goal_stage_name
from reconciler.plan.pair import RISKY, Risks, thread_id
from reconciler.plan.resolve import PRIORITIES, Resolved, resolve
from reconciler.plan.routing import ATTRIBUTES, Router


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
        self._risks = Risks(view.config.policy.pair, view.config.languages)
        self._risk: dict[str, RiskRule | None] = {}
        self._router: Router | None = None
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
        stage, name = self.next_stage(task), self.resolved(child).stage_name
        if stage is not None and stage.when == RISKY and name != stage.name:
            stage = self._following(task, risky=False)  # handed on before the Policy called it risky: not done again
        return stage is not None and name == stage.name

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
        return self._following(task, risky=True)

    def _following(self, task: TaskState, *, risky: bool) -> Stage | None:
        """`risky`: whether the stage that only risky work passes is one of those that may follow."""
        resolved = self.resolved(task)
        if resolved.pipeline is None or resolved.stage is None or resolved.stage.scope != "task":
            return None
        for stage in resolved.pipeline.stages[resolved.index + 1 :]:
            if stage.scope != "task" or not _wanted(stage, resolved.deploy, resolved.docs):
                continue
            if stage.when != RISKY or (risky and self.risk(task) is not None):
                return stage
        return None

    def verifier(self, task: TaskState) -> Stage | None:
        """The stage of the task's pipeline that only risky work passes."""
        pipeline = self.resolved(task).pipeline
        return next((stage for stage in pipeline.stages if stage.when == RISKY), None) if pipeline else None

    def risk(self, task: TaskState) -> RiskRule | None:
        """The Policy's rule that makes this line of work risky: what its first task says counts for all of it."""
        if not self.view.config.policy.pair.risky:
            return None
        first = self._up(task, ("stage", "rework", "split"))
        if first.name not in self._risk:
            resolved, verifier = self.resolved(first), self.verifier(first)
            stages = resolved.pipeline.stages if resolved.pipeline else ()
            late = verifier is not None and resolved.index > stages.index(verifier)
            begins = resolved.stage is not None and resolved.stage.scope == "task" and not late
            rule = self._risks.rule(first.spec, lambda: self._attributes(first)) if begins else None
            self._risk[first.name] = rule
        return self._risk[first.name]

    def _attributes(self, task: TaskState) -> dict[str, str]:
        if self._router is None:
            self._router = Router(self.view.config, World())
        resolved = self.resolved(task)
        route = self._router.route_task(task, resolved.stage_name, resolved.pipeline_name)
        known = {name: str(getattr(route, name)) for name in ATTRIBUTES}
        return {**known, "priority": PRIORITIES[resolved.priority - 1]}

    def thread(self, task: TaskState) -> str | None:
        """The thread of risky work, for its builder and its verifier; None for everybody else."""
        base, stage = self.base(task), self.resolved(task).stage
        if self.verifier(task) is None or stage is None or (task is not base and stage.when != RISKY):
            return None
        return thread_id(base.name, base.object.generation) if self.risk(base) is not None else None

    def worked(self, task: TaskState) -> Evidence | None:
        """The record of the attempt that this task follows from: whose work it looks at, or goes on from."""
        origin = task.spec.origin
        parent = self.view.tasks.get(origin.task) if origin is not None else None
        if origin is None or parent is None:
            return None
        return next((item.evidence for item in parent.attempts if item.number == origin.attempt), None)

    def line(self, task: TaskState) -> list[TaskState]:
        """This task and those whose stages came before it, the latest first."""
        found = [task]
        while (origin := found[-1].spec.origin) is not None and origin.relation == "stage":
            parent = self.view.tasks.get(origin.task)
            if parent is None or parent in found:
                break
            found.append(parent)
        return found

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
        return self._up(task, ("stage", "rework", "finding", "goal", "split", "proposed")).object.ref

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
