"""Budgets of tasks, goals, companies and days: what holds work back, what is left, what a plan is expected to cost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.execution import Execution
from reconciler.model.spec import Budget, CompanySpec, DayBudget, PolicySpec
from reconciler.model.view import Config, Spent
from reconciler.model.vocabulary import Action, Reason, Verdict
from reconciler.plan.budget import DAY, day_of, left_usd, next_day, of_task, today
from reconciler.plan.estimate import cost_line, estimates
from reconciler.plan.planner import plan
from tests.plan.scenes import NOW, attempted, config, execution, goal, live, task, view

TODAY = day_of(NOW)


def limited(company: DayBudget | None = None, day: DayBudget | None = None) -> Config:
    settings = config(policy=PolicySpec(budget=day or DayBudget()))
    if company is None:
        return settings
    companies = {**settings.companies, "codecraft": CompanySpec(title="CodeCraft", budget=company)}
    return msgspec.structs.replace(settings, companies=companies)


SPENDING = [
    (limited(company=DayBudget(usd=1.0)), {"codecraft": Spent(usd=1.0)}, "Company/codecraft"),
    (limited(company=DayBudget(usd=1.0)), {"codecraft": Spent(usd=0.9, unknown=2)}, None),
    (limited(company=DayBudget(usd=1.0)), {"proveo": Spent(usd=9.0)}, None),
    (limited(company=DayBudget(wall="1h")), {"codecraft": Spent(seconds=3600.0)}, "Company/codecraft"),
    (limited(company=DayBudget(attempts=3)), {"codecraft": Spent(attempts=3)}, "Company/codecraft"),
    (limited(day=DayBudget(usd=1.0)), {"codecraft": Spent(usd=0.6), "proveo": Spent(usd=0.4)}, "the Policy"),
    (limited(day=DayBudget(attempts=2)), {"codecraft": Spent(attempts=1)}, None),
    (limited(day=DayBudget(attempts=0)), {}, "the Policy"),
]


@pytest.mark.parametrize(("settings", "spent", "whose"), SPENDING)
def test_a_days_budget_holds_work_until_the_next_day(
    settings: Config, spent: dict[str, Spent], whose: str | None
) -> None:
    by_day = {(TODAY, name): item for name, item in spent.items()}
    made = plan(view([task("t")], settings=settings, spent=by_day), NOW)
    (change,) = made.changes
    assert (change.reason is Reason.BUDGET_EXCEEDED) == (whose is not None)
    if whose is not None:
        assert (change.action, change.due_at) == (Action.WAIT, next_day(NOW))
        assert whose in change.message
        assert not made.dispatch
        tomorrow = plan(view([task("t")], settings=settings, spent=by_day), next_day(NOW))
        assert tomorrow.dispatch or settings.policy.budget.attempts == 0


def test_attempts_in_flight_and_planned_are_counted_before_their_days_are_over() -> None:
    settings = limited(company=DayBudget(attempts=2))
    tasks = [live(task("a")), task("b"), task("c")]
    made = plan(view(tasks, settings=settings), NOW)
    assert [item.task for item in made.dispatch] == ["b"]
    held = next(change for change in made.changes if change.address == "Task/c")
    assert (held.reason, "2 of 2 attempts, 2 of them in flight" in held.message) == (Reason.BUDGET_EXCEEDED, True)


def test_a_budget_that_cannot_see_all_costs_says_so() -> None:
    state = attempted(attempted(task("t", budget=Budget(usd=1.0)), Verdict.FAILED, cost=1.0), Verdict.FAILED)
    (held,) = plan(view([state]), NOW + 9999).held
    assert (held.reason, held.message) == (
        Reason.BUDGET_EXCEEDED,
        "the budget of Task/t is used up: 1.00 of 1.00 USD (and 1 unknown cost)",
    )
    assert of_task(state).spent == Spent(usd=1.0, seconds=2.0, attempts=2, unknown=1)


def test_unknown_costs_alone_use_up_nothing() -> None:
    state = attempted(task("t", budget=Budget(usd=0.01)), Verdict.FAILED)
    assert plan(view([state]), NOW + 9999).dispatch


amounts = st.one_of(st.none(), st.floats(0.0, 10.0))


@given(amounts, amounts, amounts, amounts, st.floats(0.0, 10.0))
def test_an_execution_gets_the_least_that_any_of_its_budgets_has_left(
    of_own: float | None, of_goal: float | None, of_company: float | None, of_day: float | None, gone: float
) -> None:
    settings = limited(DayBudget(usd=of_company), DayBudget(usd=of_day))
    owner = msgspec.structs.replace(goal("g", budget=Budget(usd=of_goal)), spent_usd=gone)
    state = task("t", goal="g", budget=Budget(usd=of_own))
    whole = view(
        [state],
        [owner],
        settings,
        spent={(TODAY, "codecraft"): Spent(usd=gone), (TODAY - 1, "codecraft"): Spent(usd=99.0)},
    )
    left = left_usd(whole, state, owner, "codecraft", NOW)
    limits = [of_own, *(None if item is None else max(0.0, item - gone) for item in (of_goal, of_company, of_day))]
    known = [item for item in limits if item is not None]
    assert left == (min(known) if known else None)
    assert today(whole, NOW).usd == gone


def test_days_are_those_of_utc() -> None:
    assert day_of(0.0) == 0
    assert day_of(DAY - 0.001) == 0
    assert next_day(DAY * 3 + 5) == DAY * 4


def test_estimates_are_means_of_what_the_like_cost_and_own_hardware_is_free() -> None:
    asked: list[Any] = []

    def mean(backend: str, model: str | None, stage: str) -> float | None:
        asked.append((backend, model, stage))
        return {"sonnet": 0.21}.get(model or "")

    def paid(name: str, model: str) -> Execution:
        return execution(task(name), backend="claude-cli", model=model)

    found = estimates([paid("a", "sonnet"), paid("b", "sonnet"), paid("c", "new"), execution(task("d"))], mean)
    assert found == {"Task/a": 0.21, "Task/b": 0.21, "Task/c": None, "Task/d": 0.0}
    assert len(asked) == 2
    assert cost_line(found) == "Estimated cost: 0.42 USD (1 unknown)."
    assert cost_line({"Task/d": 0.0}) == "Estimated cost: 0.00 USD."
