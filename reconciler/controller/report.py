"""Objects as users and scripts see them: plain rows, the same for text, JSON and YAML. Nothing is decided here."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from reconciler.controller.factory import Factory
from reconciler.controller.world import unseen
from reconciler.model.execution import Attempt
from reconciler.model.refs import Ref
from reconciler.model.view import GoalState, Plan, Status, TaskState, View, World
from reconciler.model.vocabulary import Action, Phase, Reason
from reconciler.plan.planner import plan
from reconciler.plan.resolve import PRIORITIES, Resolved, resolve
from reconciler.plan.routing import Route, route_task
from reconciler.plan.status import statuses
from reconciler.plan.summary import summary

Row = dict[str, Any]


def stamp(seconds: float | None) -> str | None:
    """Unix seconds as RFC 3339 in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def task_row(factory: Factory, view: View, task: TaskState, standing: Status) -> Row:
    """The keys that the contract promises for a task."""
    resolved = resolve(view, task)
    last = task.attempts[-1].evidence if task.attempts else None
    live = task.live.execution if task.live and task.live.execution.purpose == "attempt" else None
    routed = None if live or last else _route(task, view, resolved)
    source = live or last or routed
    created = factory.store.created_at(task.object.ref)
    origin = task.spec.origin
    return {
        "name": task.name,
        "title": task.spec.title,
        "goal": task.spec.goal,
        "labels": dict(task.object.labels),
        "priority": PRIORITIES[resolved.priority - 1],
        "stage": resolved.stage_name,
        "phase": str(standing.phase),
        "reason": str(standing.reason),
        "message": standing.message,
        "company": source.company if source else None,
        "agent": last.agent if last else None,
        "tier": source.tier if source else None,
        "model": source.model if source else None,
        "host": source.host if source else None,
        "parent": origin.task if origin else None,
        "attempts": len(task.attempts),
        "cost_usd": known_sum(attempt.evidence.cost_usd for attempt in task.attempts),
        "tokens": known_sum(attempt.evidence.tokens for attempt in task.attempts),
        "evidence": task.attempts[-1].path if task.attempts else None,
        "product_commit": last.product_commit if last else None,
        "merge_commit": last.merge_commit if last else None,
        "created_at": stamp(created),
        "updated_at": stamp(last.ended_at if last else created),
    }


def _route(task: TaskState, view: View, resolved: Resolved) -> Route:
    return route_task(task, resolved.stage_name, view.config, World(), resolved.pipeline_name)


def known_sum(values: Iterable[float | None]) -> float | None:
    """The sum, or None where a part is unknown or there are none: an unknown cost is not 0."""
    found = list(values)
    known = [value for value in found if value is not None]
    return sum(known) if found and len(known) == len(found) else None


def standings(factory: Factory, view: View, now: float) -> dict[str, Status]:
    """Where each task stands; one that no model here can do, or that no budget is left for, waits for a person."""
    found = statuses(view, now)
    made = plan(view, now, unseen(factory))
    for change in made.held:
        name = change.address.partition("/")[2]
        stopped = name in found and (found[name].phase is Phase.OPEN or change.reason is Reason.BUDGET_EXCEEDED)
        if change.needs_person and stopped:
            found[name] = Status(phase=Phase.HUMAN, reason=change.reason, message=change.message, settled=False)
    for change in made.changes:
        name = change.address.partition("/")[2]
        if change.reason is Reason.BUDGET_EXCEEDED and name in found:
            found[name] = Status(
                phase=Phase.WAITING, reason=change.reason, message=change.message, settled=False, due_at=change.due_at
            )
    return found


def task_rows(factory: Factory, view: View, now: float | None = None) -> list[Row]:
    """All tasks, in the order of their names."""
    found = standings(factory, view, time.time() if now is None else now)
    return [task_row(factory, view, view.tasks[name], found[name]) for name in sorted(view.tasks)]


def task_detail(factory: Factory, view: View, task: TaskState) -> Row:
    """A row with everything that `show` tells about one task."""
    row = task_row(factory, view, task, standings(factory, view, time.time())[task.name])
    follow = sorted({name for attempt in task.attempts for name in attempt.evidence.follow_ups})
    return {
        **row,
        "spec": dict(task.object.spec),
        "generation": task.object.generation,
        "declared_in": str(task.object.position),
        "follow_ups": follow,
        "classification": msgspec.to_builtins(task.classification),
        "history": [attempt_row(attempt) for attempt in task.attempts],
    }


def attempt_row(attempt: Attempt) -> Row:
    evidence = attempt.evidence
    return {
        "attempt": evidence.attempt,
        "execution": evidence.execution,
        "task": attempt.task,
        "stage": evidence.stage,
        "outcome": str(evidence.outcome),
        "reason": str(evidence.reason),
        "message": evidence.message,
        "company": evidence.company,
        "agent": evidence.agent,
        "tier": evidence.tier,
        "escalation": evidence.escalation,
        "model": evidence.model,
        "host": evidence.host,
        "seconds": round(evidence.ended_at - evidence.started_at, 3),
        "started_at": stamp(evidence.started_at),
        "ended_at": stamp(evidence.ended_at),
        "tokens": evidence.tokens,
        "cost_usd": evidence.cost_usd,
        "phases": msgspec.to_builtins(evidence.phases),
        "gates": msgspec.to_builtins(evidence.gates),
        "findings": msgspec.to_builtins(evidence.findings),
        "refusals": msgspec.to_builtins(evidence.refusals),
        "more_refusals": evidence.more_refusals,
        "evidence": attempt.path,
        "commit": attempt.commit,
        "product_commit": evidence.product_commit,
        "merge_commit": evidence.merge_commit,
    }


def goal_row(goal: GoalState, phases: Counter[str]) -> Row:
    """A goal with its progress. `phases` counts its tasks by phase."""
    total = sum(phases.values())
    return {
        "name": goal.name,
        "title": goal.spec.title,
        "labels": dict(goal.object.labels),
        "priority": goal.spec.priority,
        "phase": goal_phase(goal, phases),
        "tasks": total,
        "phases": dict(sorted(phases.items())),
        "done": phases[Phase.DONE],
        "cost_usd": goal.spent_usd,
        "attempts": goal.attempts,
    }


def goal_phase(goal: GoalState, phases: Counter[str]) -> str:
    """The most urgent thing that its tasks say."""
    if goal.spec.suspend:
        return Phase.SUSPENDED
    for phase in (Phase.HUMAN, Phase.FAILED, Phase.RUNNING, Phase.OPEN, Phase.WAITING, Phase.SUSPENDED):
        if phases[phase]:
            return phase
    return Phase.DONE if phases else Phase.OPEN


def goal_rows(view: View, tasks: Iterable[Row]) -> list[Row]:
    counts: dict[str, Counter[str]] = {name: Counter() for name in view.goals}
    for row in tasks:
        if row["goal"] in counts:
            counts[row["goal"]][row["phase"]] += 1
    return [goal_row(view.goals[name], counts[name]) for name in sorted(counts)]


def company_rows(view: View) -> list[Row]:
    """The companies of the factory; an archived one names where its work goes."""
    return [
        {
            "name": name,
            "title": spec.title,
            "type": spec.type,
            "domain": spec.domain,
            "stages": list(spec.stages),
            "agents": dict(spec.agents),
            "skills": list(spec.skills),
            "merged_into": spec.merged_into,
        }
        for name, spec in sorted(view.config.companies.items())
    ]


def execution_rows(factory: Factory) -> list[Row]:
    """What has an outcome, oldest first, then what is in flight. `state` is the outcome where there is one."""
    over = [
        {
            "id": attempt.evidence.execution,
            "task": attempt.task,
            "state": str(attempt.evidence.outcome),
            **{key: getattr(attempt.evidence, key) for key in _OF_BOTH},
            "created_at": stamp(attempt.evidence.started_at),
        }
        for attempt in sorted(factory.store.all_attempts(), key=lambda each: each.evidence.started_at)
    ]
    return over + [
        {**msgspec.to_builtins(live.execution), "state": live.state, "created_at": stamp(live.execution.created_at)}
        for live in factory.store.live()
    ]


_OF_BOTH = ("goal", "generation", "stage", "attempt", "company", "blueprint", "tier", "backend", "model", "host")
"""what intent and evidence of an execution both say"""


def plan_json(plan: Plan) -> Row:
    """The plan in the contract's form; minor versions of `format_version` add keys only."""
    return {
        "format_version": "1.0",
        "base": {"commit": plan.commit},
        "changes": [_change(item) for item in plan.changes],
        "held": [_change(item) for item in plan.held],
        "drift": [_change(item) for item in plan.drift],
        "summary": msgspec.to_builtins(summary(plan)),
    }


def estimated(row: Row, estimates: Mapping[str, float | None]) -> Row:
    """The plan's form with what its dispatches are expected to cost, by address; null is unknown."""
    for change in row["changes"]:
        if change["action"] == Action.DISPATCH:
            change["after"]["estimate_usd"] = estimates[change["address"]]
    known = [value for value in estimates.values() if value is not None]
    return {
        **row,
        "summary": {
            **row["summary"],
            "estimated_usd": round(sum(known), 6),
            "estimates_unknown": len(estimates) - len(known),
        },
    }


def _change(item: object) -> Row:
    row = msgspec.to_builtins(item)
    row["due_at"] = stamp(row["due_at"])
    return row


def spec_row(factory: Factory, ref: Ref) -> Row | None:
    """Any other kind: where it is declared and what it says."""
    found = factory.store.find(ref)
    if not found:
        return None
    item = found[0]
    return {
        "kind": item.ref.kind,
        "name": item.name,
        "declared_in": str(item.position),
        "generation": item.generation,
        "labels": dict(item.labels),
        "annotations": dict(item.annotations),
        "spec": _plain(item.spec),
    }


def _plain(value: Mapping[str, Any]) -> Row:
    return dict(msgspec.to_builtins(value))
