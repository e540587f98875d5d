"""A factory in memory: it commits, dispatches and records as the controller does, and forgets nothing."""

from __future__ import annotations

import msgspec

from reconciler.model.execution import Execution
from reconciler.model.objects import CANCELLED, FORGIVEN, Object, generation
from reconciler.model.spec import Finding, TaskSpec
from reconciler.model.view import GoalState, Live, Plan, TaskState, View
from reconciler.model.vocabulary import Action, Verdict
from reconciler.plan.planner import plan
from reconciler.plan.resolve import may_reject
from reconciler.plan.stages import follow_ups
from reconciler.plan.status import statuses
from tests.plan.scenes import NOW, config, evidence, of_object, recorded, view


class Simulation:
    def __init__(self, tasks: list[TaskState], goals: list[GoalState]) -> None:
        self.tasks = {item.name: item for item in tasks}
        self.goals = {item.name: item for item in goals}
        self.config = config()
        self.now = NOW
        self.started: set[str] = set()
        self.finished: set[str] = set()

    def view(self) -> View:
        return view(self.tasks.values(), self.goals.values(), self.config)

    def plan(self) -> Plan:
        return plan(self.view(), self.now)

    def tick(self) -> Plan:
        """Carry a plan out, as far as it goes at once."""
        made = self.plan()
        for item in made.create:
            self.commit(item)
        for execution in made.dispatch:
            assert execution.id not in self.started, f"{execution.id} was dispatched twice"
            assert self.tasks[execution.task].live is None
            self.started.add(execution.id)
            self._live(execution, "submitted")
        for change in made.changes:
            if change.action is Action.CANCEL:
                live = self.tasks[change.address.partition("/")[2]].live
                assert live is not None
                self._live(live.execution, "cancelling")
        return made

    def _live(self, execution: Execution, state: str) -> None:
        task = self.tasks[execution.task]
        self.tasks[execution.task] = msgspec.structs.replace(task, live=Live(execution=execution, state=state))

    def commit(self, item: Object) -> None:
        self.tasks[item.name] = of_object(item, self.tasks.get(item.name))

    def running(self) -> list[str]:
        return sorted(name for name, task in self.tasks.items() if task.live is not None)

    def finish(self, name: str, outcome: Verdict, findings: tuple[Finding, ...] = ()) -> None:
        """An execution ends and is recorded with all that follows."""
        task = self.tasks[name]
        assert task.live is not None
        if task.live.state == "cancelling":
            outcome = Verdict.CANCELLED
        if outcome is Verdict.REJECTED and not may_reject(self.view(), task):
            outcome = Verdict.NEEDS_HUMAN
        self.record(name, task.live.execution, outcome, findings)

    def answer(self, name: str, outcome: Verdict) -> None:
        """A person decides a task that is in the human queue."""
        task = self.tasks[name]
        number = task.last_number + 1
        execution = Execution(
            id=f"answer-{name}-{number}",
            task=name,
            goal=task.spec.goal,
            generation=task.object.generation,
            stage=task.spec.stage or "BUILD",
            attempt=number,
            company="people",
            blueprint="",
            tier=5,
            backend="people",
            model=None,
            host="",
            priority=1,
            created_at=self.now,
        )
        self.record(name, execution, outcome)

    def record(self, name: str, execution: Execution, outcome: Verdict, findings: tuple[Finding, ...] = ()) -> None:
        assert execution.id not in self.finished, f"{execution.id} has two outcomes"
        self.finished.add(execution.id)
        item = evidence(execution, outcome, ended_at=self.now, findings=findings)
        made = follow_ups(self.view(), self.tasks[name], item, self.now)
        self.tasks[name] = recorded(self.tasks[name], item)
        for child in made:
            self.commit(child)

    def edit(self, name: str, **spec: object) -> None:
        task = self.tasks[name]
        plain = msgspec.to_builtins(msgspec.structs.replace(task.spec, **spec))
        item = msgspec.structs.replace(task.object, spec=plain, generation=generation("Task", plain))
        self.tasks[name] = msgspec.structs.replace(task, object=item, spec=msgspec.convert(plain, TaskSpec))

    def annotate(self, name: str, key: str, value: str) -> None:
        task = self.tasks[name]
        item = msgspec.structs.replace(task.object, annotations={**task.object.annotations, key: value})
        self.tasks[name] = msgspec.structs.replace(task, object=item)

    def retry(self, name: str) -> None:
        self.annotate(name, FORGIVEN, str(self.tasks[name].last_number))

    def cancel(self, name: str) -> None:
        self.annotate(name, CANCELLED, "not wanted")

    def revert(self, name: str) -> None:
        """Take the last outcome back; what it brought stays, as a person may well leave it."""
        task = self.tasks[name]
        self.tasks[name] = msgspec.structs.replace(task, attempts=task.attempts[:-1])

    def people_act(self) -> None:
        """Everything that waits for a person is answered: suspension ends, human and failed tasks are passed."""
        for name, goal in self.goals.items():
            self.goals[name] = msgspec.structs.replace(goal, spec=msgspec.structs.replace(goal.spec, suspend=False))
        for change in self.plan().held:
            name = change.address.partition("/")[2]
            if change.needs_person:
                self.answer(name, Verdict.PASSED)
            elif self.tasks[name].spec.suspend:
                self.edit(name, suspend=False)


def restrict(whole: View, now: float) -> View:
    """What a store that keeps only unsettled tasks, and all that they touch, would show of `whole`."""
    known = statuses(whole, now)
    chosen = {name for name, status in known.items() if not status.settled}
    children: dict[str, list[str]] = {}
    for name, task in whole.tasks.items():
        if task.spec.origin is not None and task.spec.origin.relation in ("stage", "rework"):
            children.setdefault(task.spec.origin.task, []).append(name)
    goals = {whole.tasks[name].spec.goal for name in chosen} - {None}
    todo = list(chosen)
    for name in chosen:
        todo += whole.tasks[name].spec.depends_on
    for name, task in whole.tasks.items():
        origin = task.spec.origin
        if origin is not None and origin.relation == "goal" and (task.spec.goal in goals or task.spec.goal is None):
            todo.append(name)
    kept: set[str] = set()
    while todo:
        name = todo.pop()
        if name in kept or name not in whole.tasks:
            continue
        kept.add(name)
        todo += children.get(name, [])
        origin = whole.tasks[name].spec.origin
        if origin is not None:
            todo.append(origin.task)
    with_tasks = frozenset(task.spec.goal for task in whole.tasks.values() if task.spec.goal)
    tasks = {name: whole.tasks[name] for name in sorted(kept)}
    return msgspec.structs.replace(whole, tasks=tasks, goals_with_tasks=with_tasks)
