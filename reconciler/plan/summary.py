"""A plan in numbers: the count line of `diff` and the summary of its JSON."""

from __future__ import annotations

from collections import Counter

from reconciler.model.view import Plan
from reconciler.model.vocabulary import Action

WAITING = (Action.AWAIT, Action.WAIT)


def summary(plan: Plan) -> dict[str, int]:
    """How many changes of each action, how many held, how many of those need a person, how many in drift."""
    counts = Counter(change.action for change in plan.changes)
    actions = (Action.DISPATCH, Action.AWAIT, Action.WAIT, Action.CREATE, Action.CANCEL)
    return {
        **{str(action): counts[action] for action in actions},
        "held": len(plan.held),
        "needs_person": sum(change.needs_person for change in plan.held),
        "drift": len(plan.drift),
    }


def is_empty(plan: Plan) -> bool:
    """Nothing to do, nothing to await, no drift. What is held does not count."""
    return not plan.changes and not plan.drift


def count_line(plan: Plan) -> str:
    """`Plan: 5 to dispatch, 2 waiting, 1 to create, 0 to cancel; 1 held; 0 drift.`"""
    counts = summary(plan)
    waiting = sum(counts[str(action)] for action in WAITING)
    return (
        f"Plan: {counts['dispatch']} to dispatch, {waiting} waiting, {counts['create']} to create, "
        f"{counts['cancel']} to cancel; {counts['held']} held; {counts['drift']} drift."
    )
