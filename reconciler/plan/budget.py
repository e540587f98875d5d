"""What may be spent: the budgets of a task, its goal, its company and the day, before an execution and during it.

An unknown cost is no cost of 0: budgets in USD cannot see it, and say so.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from reconciler.model.duration import DAY, seconds
from reconciler.model.execution import Attempt
from reconciler.model.spec import Budget, DayBudget
from reconciler.model.view import GoalState, Spent, TaskState, View


def day_of(now: float) -> int:
    """Days are those of UTC, numbered from 1970-01-01."""
    return int(now // DAY)


def next_day(now: float) -> float:
    """When the day after this one begins, Unix seconds."""
    return float((day_of(now) + 1) * DAY)


class Purse(msgspec.Struct, frozen=True, kw_only=True):
    """A budget and what was taken of it."""

    whose: str
    budget: Budget | DayBudget
    spent: Spent

    def used_up(self, in_flight: int = 0) -> str | None:
        """What of it is used up, in words; None where something is left. `in_flight`: attempts not recorded yet."""
        budget, spent = self.budget, self.spent
        if budget.usd is not None and spent.usd >= budget.usd:
            return f"{spent.usd:.2f} of {budget.usd:.2f} USD{unknown(spent.unknown)}"
        if budget.wall is not None and spent.seconds >= seconds(budget.wall):
            return f"{spent.seconds:.0f} s of {budget.wall}{unknown(spent.unknown) if budget.usd is not None else ''}"
        if budget.attempts is not None and spent.attempts + in_flight >= budget.attempts:
            flying = f", {in_flight} of them in flight" if in_flight else ""
            return f"{spent.attempts + in_flight} of {budget.attempts} attempts{flying}"
        return None

    @property
    def left_usd(self) -> float | None:
        """None: no limit."""
        return None if self.budget.usd is None else max(0.0, self.budget.usd - self.spent.usd)


def unknown(count: int) -> str:
    """What is added to an amount that does not hold every cost."""
    return f" (and {count} unknown cost{'s' if count > 1 else ''})" if count else ""


def of_task(task: TaskState) -> Purse:
    return Purse(whose=str(task.object.ref), budget=task.spec.budget, spent=taken(task.attempts))


def taken(attempts: Iterable[Attempt]) -> Spent:
    """What these attempts took."""
    found = [attempt.evidence for attempt in attempts]
    return Spent(
        usd=sum(item.cost_usd or 0.0 for item in found),
        seconds=sum(max(0.0, item.ended_at - item.started_at) for item in found),
        attempts=len(found),
        unknown=sum(item.cost_usd is None for item in found),
    )


def of_goal(goal: GoalState) -> Purse:
    spent = Spent(usd=goal.spent_usd, seconds=goal.wall_seconds, attempts=goal.attempts, unknown=goal.unknown_costs)
    return Purse(whose=str(goal.object.ref), budget=goal.spec.budget, spent=spent)


def of_company(view: View, name: str, now: float) -> Purse:
    """Of this day."""
    company = view.config.companies.get(name)
    spent = view.spent.get((day_of(now), name), Spent())
    return Purse(whose=f"Company/{name}", budget=company.budget if company else DayBudget(), spent=spent)


def of_day(view: View, now: float) -> Purse:
    """Of the whole factory on this day."""
    return Purse(whose="the Policy", budget=view.config.policy.budget, spent=today(view, now))


def today(view: View, now: float) -> Spent:
    """What all companies took on this day."""
    found = [spent for (day, _), spent in view.spent.items() if day == day_of(now)]
    return Spent(
        usd=sum(item.usd for item in found),
        seconds=sum(item.seconds for item in found),
        attempts=sum(item.attempts for item in found),
        unknown=sum(item.unknown for item in found),
    )


def exceeded(task: TaskState, goal: GoalState | None) -> str | None:
    """Whether the task's own budget or its goal's is used up: one sentence, or None."""
    for purse in (of_task(task), *([of_goal(goal)] if goal is not None else ())):
        over = purse.used_up()
        if over is not None:
            return f"the budget of {purse.whose} is used up: {over}"
    return None


def left_usd(view: View, task: TaskState, goal: GoalState | None, company: str, now: float) -> float | None:
    """USD that an execution of this task may still take: the least that is left of all its budgets. None: no limit."""
    purses = [of_task(task), of_company(view, company, now), of_day(view, now)]
    purses += [of_goal(goal)] if goal is not None else []
    return min((left for purse in purses if (left := purse.left_usd) is not None), default=None)


class Ledger:
    """What goals, companies and the day still have as one plan goes on: attempts in flight, and planned, are used."""

    def __init__(self, view: View, now: float) -> None:
        self._view = view
        self._now = now
        self._flying: dict[str, int] = {}
        lives = [task.live for task in view.tasks.values() if task.live is not None]
        for live in (*lives, *view.orphans):
            self.take(live.execution.goal, live.execution.company)

    def take(self, goal: str | None, company: str) -> None:
        """Count one more attempt as under way."""
        for whose in (f"Goal/{goal}", f"Company/{company}", ""):
            self._flying[whose] = self._flying.get(whose, 0) + 1

    def goal_refuses(self, goal: GoalState | None) -> str | None:
        """Whether the goal has no attempt left: one sentence, or None."""
        if goal is None or goal.spec.budget.attempts is None:
            return None
        flying = self._flying.get(str(goal.object.ref), 0)
        if goal.attempts + flying < goal.spec.budget.attempts:
            return None
        return f"what is in flight uses the last attempts of {goal.object.ref}"

    def day_refuses(self, company: str) -> str | None:
        """Whether the company, or the whole factory, may do no more on this day: one sentence, or None."""
        for purse, key in (
            (of_company(self._view, company, self._now), f"Company/{company}"),
            (of_day(self._view, self._now), ""),
        ):
            over = purse.used_up(self._flying.get(key, 0))
            if over is not None:
                return f"the budget of {purse.whose} for this day (UTC) is used up: {over}"
        return None
