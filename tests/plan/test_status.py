"""Where a task stands: the order of judgement, and what each state says."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from reconciler.model.objects import CANCELLED, FORGIVEN
from reconciler.model.spec import Budget, Criterion, HumanRule, Origin, PolicySpec, Product, Retry
from reconciler.model.view import GoalState, TaskState, World
from reconciler.model.vocabulary import Action, Phase, Reason, Verdict
from reconciler.plan.planner import plan
from reconciler.plan.status import status
from reconciler.plan.summary import count_line, is_empty
from tests.plan.scenes import NOW, attempted, config, goal, live, task, view

P, F, E, R = Verdict.PASSED, Verdict.FAILED, Verdict.ERROR, Verdict.REJECTED


def thrice_failed() -> TaskState:
    return attempted(attempted(attempted(task("t"), F), E), F, ended_at=NOW - 1000)


def edited(state: TaskState) -> TaskState:
    return msgspec.structs.replace(state, object=msgspec.structs.replace(state.object, generation="0" * 16))


@pytest.mark.parametrize(
    ("state", "phase", "reason"),
    [
        (task("t"), Phase.OPEN, Reason.NEW),
        (edited(attempted(task("t"), P)), Phase.OPEN, Reason.SPEC_CHANGED),
        (live(task("t")), Phase.RUNNING, Reason.RUNNING),
        (live(task("t"), "merging"), Phase.RUNNING, Reason.MERGING),
        (live(task("t"), "product-dirty"), Phase.WAITING, Reason.PRODUCT_DIRTY),
        (live(task("t", {CANCELLED: "no"})), Phase.RUNNING, Reason.RUNNING),
        (task("t", {CANCELLED: "no"}), Phase.CANCELLED, Reason.CANCELLED),
        (attempted(task("t"), Verdict.CANCELLED), Phase.CANCELLED, Reason.CANCELLED),
        (attempted(task("t"), P), Phase.DONE, Reason.PASSED),
        (attempted(task("t"), R), Phase.REJECTED, Reason.REWORK_OPEN),
        (
            attempted(task("t"), Verdict.NEEDS_HUMAN, reason=Reason.NOTHING_TO_CHECK),
            Phase.HUMAN,
            Reason.NOTHING_TO_CHECK,
        ),
        (attempted(task("t"), F), Phase.WAITING, Reason.BACKOFF),
        (attempted(task("t"), F, ended_at=NOW - 10), Phase.OPEN, Reason.RETRY),
        (attempted(attempted(task("t"), F), E, ended_at=NOW - 19), Phase.WAITING, Reason.BACKOFF),
        (attempted(attempted(task("t"), F), E, ended_at=NOW - 20), Phase.OPEN, Reason.RETRY),
        (thrice_failed(), Phase.FAILED, Reason.RETRY_CAP),
        (edited(thrice_failed()), Phase.OPEN, Reason.SPEC_CHANGED),
        (task("t", suspend=True), Phase.SUSPENDED, Reason.SUSPENDED),
        (attempted(task("t", suspend=True), F), Phase.SUSPENDED, Reason.SUSPENDED),
        (attempted(task("t", suspend=True), F, ended_at=NOW - 99), Phase.SUSPENDED, Reason.SUSPENDED),
        (task("t", title="Ask the CEO"), Phase.HUMAN, Reason.POLICY_PATTERN),
        (attempted(task("t", title="Ask the CEO"), P), Phase.DONE, Reason.PASSED),
        (task("t", acceptance=(Criterion(id="a", text="x", person=True),)), Phase.HUMAN, Reason.PERSON_CRITERION),
        (task("t", depends_on=("gone",)), Phase.WAITING, Reason.DEPENDENCY_NOT_READY),
        (
            attempted(task("t", budget=Budget(usd=1.0)), F, cost=1.5, ended_at=0),
            Phase.WAITING,
            Reason.BUDGET_EXCEEDED,
        ),
        (task("t", goal="g"), Phase.WAITING, Reason.BUDGET_EXCEEDED),
        (task("t", goal="nowhere"), Phase.HUMAN, Reason.INVALID),
        (task("t", pipeline="nowhere"), Phase.HUMAN, Reason.INVALID),
        (task("t", stage="NOWHERE"), Phase.HUMAN, Reason.INVALID),
        (
            msgspec.structs.replace(task("t"), altered=("evidence/_/t/1",), last_number=1),
            Phase.HUMAN,
            Reason.EVIDENCE_ALTERED,
        ),
        (
            msgspec.structs.replace(task("t", {FORGIVEN: "1"}), altered=("evidence/_/t/1",), last_number=1),
            Phase.OPEN,
            Reason.NEW,
        ),
    ],
)
def test_a_task_stands_where_the_order_of_judgement_puts_it(state: TaskState, phase: Phase, reason: Reason) -> None:
    spent = msgspec.structs.replace(goal("g", budget=Budget(attempts=2)), attempts=2)
    policy = PolicySpec(human=(HumanRule(id="ceo", any=("CEO",), reason="a person decides"),))
    whole = view([state], [spent], config(policy=policy))
    found = status(whole, state, NOW)
    assert (found.phase, found.reason) == (phase, reason)
    assert found.message


def test_backoff_doubles_up_to_its_cap_and_says_when_it_is_over() -> None:
    policy = PolicySpec(retry=Retry(attempts=9, backoff="10s", max_backoff="30s"))
    state = task("t")
    dues: list[float | None] = []
    for _ in range(4):
        state = attempted(state, F)
        dues.append(status(view([state], settings=config(policy=policy)), state, NOW).due_at)
    assert dues == [NOW + 10, NOW + 20, NOW + 30, NOW + 30]


def test_a_retry_that_a_person_asked_for_counts_from_the_beginning() -> None:
    failed = thrice_failed()
    forgiven = task("t", {FORGIVEN: "3"})
    state = msgspec.structs.replace(failed, object=forgiven.object)
    made = plan(view([state]), NOW)
    assert [(item.attempt, change.reason) for item, change in zip(made.dispatch, made.changes, strict=True)] == [
        (4, Reason.RETRY)
    ]


def _chain(rework: Callable[[TaskState], TaskState]) -> list[TaskState]:
    build = attempted(task("t"), P)
    review = attempted(task("t-review", stage="REVIEW", origin=Origin(task="t", relation="stage", attempt=1)), R)
    origin = Origin(task="t-review", relation="rework", attempt=1, cycle=1)
    return [build, review, rework(task("t-review-rework", origin=origin)), task("next", depends_on=("t",))]


def test_a_rejected_task_is_superseded_once_its_rework_has_passed_and_dependents_wait_for_the_whole_pipeline() -> None:
    before = _chain(lambda item: item)
    assert status(view(before), before[1], NOW).reason is Reason.REWORK_OPEN
    after = _chain(lambda item: attempted(item, P))
    found = status(view(after), after[1], NOW)
    assert (found.reason, found.settled) == (Reason.SUPERSEDED, True)
    assert status(view(after), after[3], NOW).reason is Reason.DEPENDENCY_NOT_READY


def test_what_depends_on_something_that_waits_for_a_person_is_held_as_well() -> None:
    tasks = [thrice_failed(), task("u", depends_on=("t",)), task("v", depends_on=("u",)), task("w")]
    made = plan(view(tasks), NOW)
    assert [change.address for change in made.changes] == ["Task/w"]
    assert {change.address: change.needs_person for change in made.held} == {
        "Task/t": True,
        "Task/u": True,
        "Task/v": True,
    }
    suspended = plan(view([task("t", suspend=True), task("u", depends_on=("t",))]), NOW)
    assert is_empty(suspended)
    assert not any(change.needs_person for change in suspended.held)


def test_priority_then_progress_then_name_decides_who_gets_the_slots() -> None:
    tasks = [
        task("a"),
        task("b", priority="H"),
        task("c", stage="REVIEW"),
        task("d", priority="L"),
        task("e", priority="H", stage="SECURITY"),
    ]
    made = plan(view(tasks), NOW)
    assert [item.task for item in made.dispatch] == ["e", "b", "c"]
    assert [item.host for item in made.dispatch] == ["a", "b", "b"]
    assert [change.reason for change in made.changes[3:]] == [Reason.CAPACITY_FULL] * 2
    assert count_line(made) == "Plan: 3 to dispatch, 2 waiting, 0 to create, 0 to cancel; 0 held; 0 drift."


def test_a_goals_last_attempts_are_not_given_out_twice() -> None:
    owner = msgspec.structs.replace(goal("g", budget=Budget(attempts=3)), attempts=1)
    made = plan(view([live(task("a", goal="g")), task("b", goal="g"), task("c", goal="g")], [owner]), NOW)
    assert [(change.address, change.reason) for change in made.changes] == [
        ("Task/a", Reason.RUNNING),
        ("Task/b", Reason.NEW),
        ("Task/c", Reason.BUDGET_EXCEEDED),
    ]


def _outdated(name: str) -> TaskState:
    state = live(task(name))
    return msgspec.structs.replace(state, object=msgspec.structs.replace(state.object, generation="newer"))


def _drift(name: str) -> TaskState:
    return msgspec.structs.replace(attempted(task(name), P), altered=("evidence/_/t/9",), last_number=9)


@pytest.mark.parametrize(
    ("state", "action", "reason"),
    [
        (live(task("t", {CANCELLED: "no"})), Action.CANCEL, Reason.CANCELLED),
        (live(task("t", {CANCELLED: "no"}), "cancelling"), Action.AWAIT, Reason.CANCELLED),
        (live(task("t"), "product-dirty"), Action.WAIT, Reason.PRODUCT_DIRTY),
        (_outdated("t"), Action.CANCEL, Reason.SPEC_CHANGED),
        (_drift("t"), Action.RECOVER, Reason.EVIDENCE_ALTERED),
        (live(task("t", goal="g")), Action.CANCEL, Reason.CANCELLED),
    ],
)
def test_what_is_in_flight_is_awaited_ended_or_found_out(state: TaskState, action: Action, reason: Reason) -> None:
    made = plan(view([state], [goal("g", {CANCELLED: "no"})]), NOW)
    first = (*made.drift, *made.changes)[0]
    assert (first.action, first.reason) == (action, reason)


def test_an_execution_whose_manifest_is_gone_is_ended_and_its_slot_stays_taken_until_then() -> None:
    lost = live(task("gone"), host="b").live
    assert lost is not None
    made = plan(view([task(name) for name in "uvw"], orphans=(lost,)), NOW)
    assert (made.changes[0].action, made.changes[0].reason) == (Action.CANCEL, Reason.REMOVED)
    assert [item.host for item in made.dispatch] == ["a", "b"]


def test_an_unusable_product_and_a_goal_without_tasks_are_held_for_a_person() -> None:
    owner: GoalState = goal("g", product=Product(repository="../p"))
    made = plan(view([task("t", goal="g")], [owner, goal("h")]), NOW, World(products={"../p": "not there"}))
    assert [(change.address, change.reason, change.needs_person) for change in made.held] == [
        ("Task/t", Reason.PRODUCT_MISSING, True),
        ("Goal/h", Reason.NO_TASKS, True),
    ]
