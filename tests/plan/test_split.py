"""Work that falls silent is split in two, and attempts that come to the same end twice are told from others."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.execution import GateReport, Report, Result
from reconciler.model.spec import Budget, Criterion, Origin, PolicySpec, Retry
from reconciler.model.view import TaskState
from reconciler.model.vocabulary import GateResult, Phase, Reason, Verdict
from reconciler.plan.lineage import Lineage
from reconciler.plan.progress import repeats
from reconciler.plan.split import halves, splits
from reconciler.plan.stages import due, follow_ups
from reconciler.plan.status import Survey, deciding
from tests.plan.scenes import NOW, attempted, config, evidence, execution, goal, of_object, task, view

CRITERIA = tuple(Criterion(id=f"c{n}", text=f"Criterion {n}", check=f"test {n}") for n in range(1, 4))
STALLED = (Verdict.FAILED, Reason.STALLED)


def silent(times: int, **spec: Any) -> TaskState:
    state = task("t", **{"acceptance": CRITERIA, **spec})
    for _ in range(times):
        state = attempted(state, Verdict.FAILED, reason=Reason.STALLED)
    return state


CASES: list[tuple[TaskState, tuple[Verdict, Reason], int | None]] = [
    (silent(1), STALLED, 2),
    (silent(0), STALLED, None),
    (silent(2), STALLED, 3),
    (silent(1), (Verdict.ERROR, Reason.STALLED), 2),
    (silent(1), (Verdict.ERROR, Reason.TIMEOUT), 2),
    (silent(1), (Verdict.FAILED, Reason.TIMEOUT), None),
    (silent(1), (Verdict.FAILED, Reason.GATE_FAILED), None),
    (silent(1, acceptance=CRITERIA[:1]), STALLED, None),
    (silent(1, acceptance=()), STALLED, None),
    (silent(1, stage="REVIEW"), STALLED, None),
    (attempted(silent(0), Verdict.FAILED), STALLED, None),
]


@pytest.mark.parametrize(("state", "ended", "times"), CASES)
def test_only_silence_that_comes_again_over_work_with_criteria_splits_it(
    state: TaskState, ended: tuple[Verdict, Reason], times: int | None
) -> None:
    assert splits(Lineage(view([state])), state, deciding(state), *ended) == times


def test_the_policy_says_after_how_many_and_work_that_stays_on_a_branch_is_not_split() -> None:
    patient = config(policy=PolicySpec(retry=Retry(split_after=3)))
    assert splits(Lineage(view([silent(1)], settings=patient)), silent(1), deciding(silent(1)), *STALLED) is None
    state = silent(1, goal="g")
    whole = view([state], [goal("g", deliver="branch")])
    assert splits(Lineage(whole), state, deciding(state), *STALLED) is None


def split(state: TaskState) -> tuple[TaskState, TaskState, TaskState]:
    """The task as it is once its last execution has split it, and the two parts."""
    said = evidence(execution(state), Verdict.REJECTED, reason=Reason.SPLIT, cost=0.4)
    one, two = follow_ups(view([state]), state, said, NOW)
    return attempted(state, Verdict.REJECTED, reason=Reason.SPLIT, cost=0.4), of_object(one), of_object(two)


def test_two_tasks_take_its_place_and_the_second_waits_for_the_first() -> None:
    begun = Origin(task="p", relation="rework", commit="p-p-1")
    parent, one, two = split(silent(1, budget=Budget(usd=1.0), depends_on=("before",), origin=begun, deploy=True))
    assert (one.name, two.name) == ("t-part1", "t-part2")
    assert [item.id for item in one.spec.acceptance] == ["c1", "c2"]
    assert [item.id for item in two.spec.acceptance] == ["c3"]
    assert (one.spec.depends_on, two.spec.depends_on) == (("before",), ("t-part1",))
    assert one.spec.origin is not None
    assert two.spec.origin is not None
    assert (one.spec.origin.relation, one.spec.origin.commit) == ("split", "p-p-1")
    assert (two.spec.origin.relation, two.spec.origin.commit) == ("rework", None)
    assert (one.spec.budget.usd, two.spec.budget.usd) == (0.3, 0.3)
    assert (one.spec.deploy, two.spec.deploy) == (False, True)
    assert "Criterion 3" not in one.spec.description
    assert "Criterion 3" in two.spec.description
    assert due(view([parent, one, two]), NOW) == ()
    assert [item.name for item in due(view([parent, two]), NOW)] == ["t-part1"]


def test_the_whole_is_superseded_once_its_second_part_has_passed() -> None:
    parent, one, two = split(silent(1))
    waiting = Survey(view([parent, one, two]), NOW)
    assert (waiting.status(parent).phase, waiting.status(parent).reason) == (Phase.REJECTED, Reason.REWORK_OPEN)
    assert waiting.status(two).reason is Reason.DEPENDENCY_NOT_READY
    survey = Survey(view([parent, attempted(one, Verdict.PASSED), attempted(two, Verdict.PASSED)]), NOW)
    assert (survey.status(parent).reason, survey.status(parent).settled) == (Reason.SUPERSEDED, True)


@given(st.lists(st.text(min_size=1, max_size=3), min_size=2, max_size=9, unique=True))
def test_no_criterion_is_lost_and_both_parts_have_some(names: list[str]) -> None:
    criteria = tuple(Criterion(id=name, text=name) for name in names)
    first, second = halves(criteria)
    assert first + second == criteria
    assert first
    assert second


def result(commit: str | None, *failing: str) -> Result:
    gates = tuple(GateReport(id=name, result=GateResult.FAIL) for name in failing)
    return Result(
        execution="e",
        ended=Verdict.PASSED,
        reason=Reason.PASSED,
        report=Report(agent_type="", company="", task_summary=""),
        started_at=0,
        ended_at=1,
        product_commit=commit,
        gates=(*gates, GateReport(id="fine", result=GateResult.PASS)),
    )


def before(commit: str | None, *failing: str, reason: Reason = Reason.GATE_FAILED) -> TaskState:
    state = attempted(task("t"), Verdict.FAILED, reason=reason)
    last = state.attempts[-1]
    said = msgspec.structs.replace(last.evidence, product_commit=commit, gates=result(None, *failing).gates)
    return msgspec.structs.replace(state, attempts=(msgspec.structs.replace(last, evidence=said),))


@pytest.mark.parametrize(
    ("state", "now", "same", "found"),
    [
        (before("a", "g"), result("a", "g"), False, 1),
        (before("a", "g"), result("b", "g"), True, 1),
        (before("a", "g"), result("b", "g"), False, None),
        (before("a", "g", "h"), result("a", "g"), True, None),
        (before("a", "g"), result("a"), True, None),
        (before(None, "g"), result(None, "g"), True, None),
        (before("a", "g", reason=Reason.AGENT_FAILED), result("a", "g"), True, None),
        (before("a", "g", reason=Reason.NO_PROGRESS), result("a", "g"), True, 1),
        (task("t"), result("a", "g"), True, None),
    ],
)
def test_the_same_product_and_the_same_failing_gates_twice_in_a_row_are_no_progress(
    state: TaskState, now: Result, same: bool, found: int | None
) -> None:
    assert repeats(deciding(state), now, lambda a, b: same) == found
