"""Why an object is (not) moving, in order, told by the same functions that plan."""

from __future__ import annotations

from reconciler.model.refs import Ref
from reconciler.model.view import Change, Plan, TaskState, View, World
from reconciler.model.vocabulary import Action, Phase
from reconciler.plan.attempts import deciding, forgiven
from reconciler.plan.classify import asked
from reconciler.plan.planner import NOWHERE, Planner
from reconciler.plan.routing import ATTRIBUTES, Route, Router
from reconciler.plan.status import Survey


def explain(view: View, ref: Ref, now: float, world: World = NOWHERE) -> list[str]:
    """Sentences about a Task or a Goal. Raises KeyError where the view does not have it."""
    planner = Planner(view, now, world)
    made = planner.make()
    if ref.kind == "Task":
        return _task(planner.survey, planner.router, made, view.tasks[ref.name])
    if ref.kind == "Goal":
        return _goal(planner.survey, made, ref.name)
    raise KeyError(str(ref))


def _task(survey: Survey, router: Router, made: Plan, task: TaskState) -> list[str]:
    resolved, status = survey.resolved(task), survey.status(task)
    origin = task.spec.origin
    lines = [f"{task.object.ref} is {status.phase} ({status.reason}): {status.message}."]
    lines.append(f"It is at stage {resolved.stage_name} of Pipeline/{resolved.pipeline_name}, from {_where(task)}.")
    if origin is not None:
        lines.append(f"It came from {origin.task} as its {origin.relation}, attempt {origin.attempt}.")
    if not resolved.problem:
        lines += _classification(task)
        worked = survey.lineage.worked(task)
        lines += _route(router.route_task(task, resolved.stage_name, resolved.pipeline_name, worked))
        lines += _pair(survey, task)
    for name in task.spec.depends_on:
        other = survey.view.tasks.get(name)
        state = "is not there" if other is None else f"is {survey.status(other).phase}"
        met = "met" if survey.passed(name) else "not met"
        lines.append(f"Dependency Task/{name}: {met}; it {state}.")
    lines += _budget(task)
    if resolved.goal is not None and resolved.goal.spec.budget.usd is not None:
        goal = resolved.goal
        lines.append(f"{goal.object.ref} has spent {goal.spent_usd:.2f} of {goal.spec.budget.usd:.2f} USD.")
    lines += _attempts(survey, task)
    return [*lines, *_next(survey, made, task)]


def _where(task: TaskState) -> str:
    return str(task.object.position)


def _route(route: Route) -> list[str]:
    lines = [
        f"{name.capitalize()}: {getattr(route, name)} ({_by(route.rules[name])})."
        for name in ATTRIBUTES
        if name in route.rules
    ]
    if "tier" in route.rules:
        why = f"; {route.escalation}" if route.escalation else ""
        lines.append(f"Tier: {route.tier} (rule {route.rules['tier']}{why}).")
    if route.unroutable is not None:
        lines.append(f"It has nowhere to run ({route.unroutable}): {route.message}.")
    else:
        places = ", ".join(f"{item.model or item.backend} at {item.host}" for item in route.candidates)
        lines.append(f"It can run on {places}.")
    return lines


def _pair(survey: Survey, task: TaskState) -> list[str]:
    """Whether it is risky, and what its verifier has said of it."""
    rule, verifier, thread = survey.lineage.risk(task), survey.lineage.verifier(task), survey.lineage.thread(task)
    if rule is None:
        return []
    if verifier is None:
        return [f"It is risky (rule {rule.id} of the Policy): {survey.verification.unverified(task)}."]
    where = f", in thread {thread}" if thread else ""
    seen = "has not passed it yet" if survey.verification.unverified(task) else "has passed it"
    return [f"It is risky (rule {rule.id} of the Policy): its verifier at stage {verifier.name} {seen}{where}."]


def _by(rule: str) -> str:
    return rule if rule.startswith("classified by") else f"rule {rule}"


def _classification(task: TaskState) -> list[str]:
    """What a model said of it, and whether that counts."""
    found = task.classification
    if found is None or found.generation != task.object.generation:
        return []
    if not found.sure:
        return [f"{asked(found)} was asked what sort of task it is, and was of no help: {found.why}."]
    return [f"{asked(found)} classified it as {found.type} in {found.domain}, {found.complexity} of 5: {found.why}."]


def _budget(task: TaskState) -> list[str]:
    budget = task.spec.budget
    costs = [attempt.evidence.cost_usd for attempt in task.attempts]
    lines: list[str] = []
    if budget.usd is not None:
        unknown = " (some costs are unknown)" if None in costs else ""
        lines.append(f"It has spent {sum(cost or 0.0 for cost in costs):.2f} of {budget.usd:.2f} USD{unknown}.")
    if budget.attempts is not None:
        lines.append(f"It has used {len(task.attempts)} of {budget.attempts} attempts of its budget.")
    return lines


def _attempts(survey: Survey, task: TaskState) -> list[str]:
    current = {attempt.number for attempt in deciding(task)}
    lines: list[str] = []
    for attempt in task.attempts:
        item = attempt.evidence
        told = f"Attempt {item.attempt} ended {item.outcome} ({item.reason})"
        if attempt.number <= forgiven(task):
            told += ", and a person has set it aside"
        elif attempt.number not in current:
            told += ", for an earlier spec"
        lines.append(f"{told}: {item.message}." if item.message else f"{told}.")
    if task.attempts:
        allowed = survey.view.config.policy.retry.attempts
        lines.append(f"{len(current)} of {allowed} attempts of this generation are used.")
    lines += [f"{folder} no longer matches its outcome commit." for folder in task.altered]
    return lines


def _next(survey: Survey, made: Plan, task: TaskState) -> list[str]:
    address = str(task.object.ref)
    lines = [f"Next: {_told(change)}" for change in (*made.changes, *made.held) if change.address == address]
    status = survey.status(task)
    if status.phase is Phase.DONE:
        stage = survey.lineage.next_stage(task)
        child = survey.lineage.child(task, "stage", deciding(task)[-1].number)
        if child is not None:
            lines.append(f"Next: {child.object.ref} is its {survey.resolved(child).stage_name}.")
        elif stage is not None:
            lines.append(f"Next: the task of its {stage.name} is written.")
    return lines or ["Next: nothing; it is settled." if status.settled else "Next: what follows from it goes first."]


def _told(change: Change) -> str:
    words = {
        Action.DISPATCH: "an execution starts",
        Action.AWAIT: "its execution is awaited",
        Action.WAIT: f"it waits ({change.reason})",
        Action.CANCEL: "its execution is ended",
        Action.CREATE: "its manifest is written",
        Action.HOLD: f"nothing, until a person acts ({change.reason})",
        Action.RECOVER: "it is found out what became of it",
    }
    return f"{words[change.action]}: {change.message}."


def _goal(survey: Survey, made: Plan, name: str) -> list[str]:
    goal = survey.view.goals[name]
    tasks = survey.lineage.family(goal.object.ref)
    counts: dict[Phase, int] = {}
    for task in tasks:
        phase = survey.status(task).phase
        counts[phase] = counts.get(phase, 0) + 1
    told = ", ".join(f"{count} {phase}" for phase, count in sorted(counts.items())) or "none that could still move"
    lines = [f"{goal.object.ref}: tasks: {told}."]
    if goal.spec.suspend:
        lines.append("It is suspended: spec.suspend is true.")
    for due in survey.lineage.asked(goal.object.ref):
        task = survey.view.tasks.get(due.name)
        state = f"is {survey.status(task).phase}" if task else "comes once all tasks before it are through"
        lines.append(f"Its {due.stage.name} Task/{due.name} {state}.")
    names = {str(task.object.ref) for task in tasks} | {str(goal.object.ref)}
    held = [change for change in made.held if change.address in names]
    return [*lines, *(f"Held: {change.address} ({change.reason}): {change.message}." for change in held)]
