"""The planner: what leads from what has happened to what is asked for. Pure: no I/O, no clock, no randomness.

Done, superseded and cancelled tasks make no line. Lines come in the order in which work should start: priority first,
then what is furthest along its pipeline, then by name; so the order of files or rows never matters.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.execution import Execution, execution_id
from reconciler.model.objects import CANCELLED
from reconciler.model.view import Change, GoalState, Live, Plan, Status, TaskState, View, World
from reconciler.model.vocabulary import Action, Phase, Reason
from reconciler.plan.budget import Ledger, next_day
from reconciler.plan.candidates import Candidate
from reconciler.plan.classify import askable, asks, classify_execution
from reconciler.plan.pair import tier_of
from reconciler.plan.placement import Slots
from reconciler.plan.resolve import Resolved
from reconciler.plan.routing import Route, Router
from reconciler.plan.stages import due_of
from reconciler.plan.status import Survey
from reconciler.plan.stuck import stuck
from reconciler.plan.verification import waits_to_be_sent

NOWHERE = World()
"""Nothing was looked at: all is taken to be well."""


class Planner:
    """One plan in the making."""

    def __init__(self, view: View, now: float, world: World) -> None:
        self.survey = Survey(view, now)
        self.router = Router(view.config, world)
        self._view = view
        self._world = world
        live = [task.live for task in view.tasks.values() if task.live is not None]
        self._slots = Slots(view.config.fleet, [*live, *view.orphans])
        self._ledger = Ledger(view, now)
        self._changes: list[Change] = []
        self._held: list[Change] = []
        self._drift: list[Change] = []
        self._dispatch: list[Execution] = []

    def make(self) -> Plan:
        view = self._view
        for orphan in sorted(view.orphans, key=lambda item: item.execution.id):
            self._cancel(orphan, Reason.REMOVED, "its manifest is gone; `apply --prune` ends it")
        for task in self._in_order():
            self._task(task)
        self._without_tasks()
        self._hold_stuck()
        create = due_of(self.survey)
        for item in create:
            after: dict[str, object] = {
                "path": item.position.path,
                "stage": item.spec.get("stage"),
                "title": item.spec.get("title"),
                "generation": item.generation,
            }
            message = f"{item.spec.get('stage')} is due and its task is not there"
            self._changes.append(_change(str(item.ref), Action.CREATE, Reason.STAGE_DUE, message, after=after))
        return Plan(
            commit=view.commit,
            changes=tuple(self._changes),
            held=tuple(self._held),
            drift=tuple(self._drift),
            dispatch=tuple(self._dispatch),
            create=create,
        )

    def settled(self) -> list[str]:
        """The tasks of the view that nothing will happen to any more."""
        return [name for name, task in self._view.tasks.items() if self.survey.status(task).settled]

    def _in_order(self) -> list[TaskState]:
        def key(task: TaskState) -> tuple[int, int, str]:
            resolved = self.survey.resolved(task)
            return resolved.priority, -resolved.index, task.name

        return sorted(self._view.tasks.values(), key=key)

    def _task(self, task: TaskState) -> None:
        status = self.survey.status(task)
        if task.altered:
            text = f"{', '.join(task.altered)}: no longer as its outcome commit wrote it; restore it with git"
            self._drift.append(
                _change(_address(task), Action.RECOVER, Reason.EVIDENCE_ALTERED, text, needs_person=True)
            )
        if task.live is not None:
            self._in_flight(task, task.live, status)
        elif status.phase is Phase.OPEN:
            self._open(task, status)
        elif status.phase is Phase.WAITING:
            self._waiting(task, status)
        elif status.phase in (Phase.HUMAN, Phase.FAILED, Phase.SUSPENDED):
            person = status.phase is not Phase.SUSPENDED or waits_to_be_sent(task, self.survey.resolved(task))
            self._hold(task, status.reason, status.message, needs_person=person)

    def _in_flight(self, task: TaskState, live: Live, status: Status) -> None:
        goal = self.survey.resolved(task).goal
        unwanted = CANCELLED in task.object.annotations or (goal is not None and CANCELLED in goal.object.annotations)
        if unwanted and live.state != "cancelling":
            self._cancel(live, Reason.CANCELLED, "a person cancelled it")
        elif live.execution.generation != task.object.generation and live.state == "submitted":
            self._cancel(live, Reason.SPEC_CHANGED, "its spec has changed since it started")
        elif status.phase is Phase.WAITING:
            self._add(task, Action.WAIT, status.reason, status.message, before=_running(live))
        else:
            self._add(task, Action.AWAIT, status.reason, status.message, before=_running(live))

    def _open(self, task: TaskState, status: Status) -> None:
        resolved = self.survey.resolved(task)
        product = resolved.product
        if product is not None and product.repository in self._world.products:
            self._hold(task, Reason.PRODUCT_MISSING, self._world.products[product.repository])
            return
        if task.name in self._world.unprepared:
            self._hold(task, Reason.INVALID, self._world.unprepared[task.name])
            return
        refused = self._ledger.goal_refuses(resolved.goal)
        if refused is not None:
            self._add(task, Action.WAIT, Reason.BUDGET_EXCEEDED, refused)
            return
        if asks(self._view.config, task, resolved) and self._classify(task, resolved):
            return
        worked = self.survey.lineage.worked(task)
        route = self.router.route_task(task, resolved.stage_name, resolved.pipeline_name, worked)
        if route.unroutable is not None:
            if route.waits:
                self._add(task, Action.WAIT, route.unroutable, route.message, after=_routed(route))
            else:
                self._hold(task, route.unroutable, route.message, after=_routed(route))
            return
        refused = self._ledger.day_refuses(route.company)
        if refused is not None:
            due = next_day(self.survey.now)
            self._add(task, Action.WAIT, Reason.BUDGET_EXCEEDED, refused, after=_routed(route), due_at=due)
            return
        place = self._slots.take(route.candidates)
        if place is None:
            self._add(task, Action.WAIT, Reason.CAPACITY_FULL, self._slots.full(route.candidates), after=_routed(route))
            return
        self._ledger.take(task.spec.goal, route.company)
        execution = self._execution(task, resolved, route, place)
        self._dispatch.append(execution)
        text = f"{status.message}; attempt {execution.attempt} by {route.company} at {place.host}"
        text += f" ({route.escalation})" if route.escalation else ""
        before: dict[str, object] = {"phase": str(status.phase), "attempts": len(task.attempts)}
        self._add(task, Action.DISPATCH, status.reason, text, before=before, after=_dispatched(execution))

    def _execution(self, task: TaskState, resolved: Resolved, route: Route, place: Candidate) -> Execution:
        attempt = task.last_number + 1
        tier = route.tier
        if resolved.stage is not None and resolved.stage.independent:
            tier = tier_of(self._view.config.fleet, place) or tier
        return Execution(
            id=execution_id(task.name, task.object.generation, resolved.stage_name, attempt),
            task=task.name,
            goal=task.spec.goal,
            generation=task.object.generation,
            stage=resolved.stage_name,
            attempt=attempt,
            company=route.company,
            blueprint=route.blueprint,
            tier=tier,
            backend=place.backend,
            model=place.model,
            host=place.host,
            priority=resolved.rank,
            created_at=self.survey.now,
            escalation=route.escalation,
            thread=self.survey.lineage.thread(task),
        )

    def _classify(self, task: TaskState, resolved: Resolved) -> bool:
        """Ask a model what sort of task this is. No: none can be reached, and the rules decide at once."""
        routing = self._view.config.routing
        found = askable(self._view.config, self.router.chains)
        if not found.usable or routing is None or routing.classify is None:
            return False
        if task.name in self.router.chains.world.unasked:
            return False
        place = self._slots.take(found.usable)
        if place is None:
            text = f"it is classified first: {self._slots.full(found.usable)}"
            self._add(task, Action.WAIT, Reason.CAPACITY_FULL, text)
            return True
        execution = classify_execution(task, resolved, routing.classify.tier, place, self.survey.now)
        self._dispatch.append(execution)
        text = f"{place.model or place.backend} at {place.host} is asked what sort of task it is"
        self._add(task, Action.DISPATCH, Reason.CLASSIFY, text, after=_dispatched(execution))
        return True

    def _waiting(self, task: TaskState, status: Status) -> None:
        if status.reason is Reason.BUDGET_EXCEEDED:
            self._hold(task, status.reason, status.message)
        else:
            self._add(task, Action.WAIT, status.reason, status.message, due_at=status.due_at)

    def _without_tasks(self) -> None:
        peopled = self._view.goals_with_tasks | {task.spec.goal for task in self._view.tasks.values()}
        for name in sorted(self._view.goals):
            goal = self._view.goals[name]
            if name not in peopled and not goal.spec.suspend and CANCELLED not in goal.object.annotations:
                text = "the goal has no tasks: write them into its spec, or as Tasks that name it"
                self._held.append(_change(str(goal.object.ref), Action.HOLD, Reason.NO_TASKS, text, needs_person=True))

    def _hold_stuck(self) -> None:
        """What waits for something that itself waits for a person moves no more by itself: it is held, too."""
        waiting = {change.address for change in self._changes if change.reason is Reason.DEPENDENCY_NOT_READY}
        if not waiting:
            return
        held = {change.address.partition("/")[2]: change.needs_person for change in self._held}
        reached = stuck(self.survey, held)
        kept: list[Change] = []
        for change in self._changes:
            name = change.address.partition("/")[2]
            if change.address in waiting and name in reached:
                self._held.append(
                    _change(
                        change.address,
                        Action.HOLD,
                        change.reason,
                        f"{change.message}, and that does not move by itself",
                        needs_person=reached[name],
                    )
                )
            else:
                kept.append(change)
        self._changes = kept

    def _cancel(self, live: Live, reason: Reason, message: str) -> None:
        address = f"Task/{live.execution.task}"
        action = Action.AWAIT if live.state == "cancelling" else Action.CANCEL
        self._changes.append(_change(address, action, reason, message, before=_running(live)))

    def _add(
        self,
        task: TaskState,
        action: Action,
        reason: Reason,
        message: str,
        *,
        before: dict[str, object] | None = None,
        after: dict[str, object] | None = None,
        due_at: float | None = None,
    ) -> None:
        self._changes.append(
            _change(_address(task), action, reason, message, before=before, after=after, due_at=due_at)
        )

    def _hold(
        self,
        task: TaskState,
        reason: Reason,
        message: str,
        *,
        needs_person: bool = True,
        after: dict[str, object] | None = None,
    ) -> None:
        self._held.append(_change(_address(task), Action.HOLD, reason, message, needs_person=needs_person, after=after))


def plan(view: View, now: float, world: World = NOWHERE) -> Plan:
    """The whole difference at one moment. `now`: Unix seconds. Same values in, same plan out."""
    return Planner(view, now, world).make()


def _address(item: TaskState | GoalState) -> str:
    return str(item.object.ref)


def _change(
    address: str,
    action: Action,
    reason: Reason,
    message: str,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
    needs_person: bool = False,
    due_at: float | None = None,
) -> Change:
    return Change(
        address=address,
        action=action,
        reason=reason,
        message=message,
        before=before,
        after=after,
        needs_person=needs_person,
        due_at=due_at,
    )


def _running(live: Live) -> dict[str, object]:
    return {"state": live.state, **_dispatched(live.execution)}


_SHOWN = ("id", "attempt", "stage", "company", "blueprint", "tier", "backend", "model", "host")


def _dispatched(execution: Execution) -> dict[str, object]:
    return {name: getattr(execution, name) for name in _SHOWN}


def _routed(route: Route) -> dict[str, object]:
    return {name: getattr(route, name) for name in ("stage", "company", "blueprint", "tier")}


def needing_person(changes: Iterable[Change]) -> bool:
    """Does one of them wait for a person?"""
    return any(change.needs_person for change in changes)
