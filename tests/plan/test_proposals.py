"""What becomes of tasks that agents propose."""

from __future__ import annotations

import msgspec
import pytest

from reconciler.model.execution import Proposal
from reconciler.model.objects import Object
from reconciler.model.spec import Criterion, Limits, Origin, PolicySpec, Product
from reconciler.model.view import TaskState, View
from reconciler.model.vocabulary import Verdict
from reconciler.plan.stages import follow_ups
from tests.plan.scenes import NOW, config, evidence, execution, goal, of_object, task, view

SHOP = Product(repository="../products/shop.git")


def proposal(name: str, *needs: str) -> Proposal:
    return Proposal(name=name, title=f"Do {name}", acceptance=("It is there.",), depends_on=needs)


def proposed(
    state: TaskState, given: list[Proposal], seen: View, outcome: Verdict = Verdict.PASSED
) -> tuple[Object, ...]:
    said = msgspec.structs.replace(evidence(execution(state), outcome), proposals=tuple(given))
    made = follow_ups(seen, state, said, NOW)
    return tuple(item for item in made if of_object(item).spec.origin.relation == "proposed")  # type: ignore[union-attr]


def test_a_proposal_of_passed_work_becomes_a_task_of_the_same_goal_product_and_pipeline() -> None:
    state = task("lead", goal="shop", pipeline="standard", product=SHOP)
    made = proposed(state, [proposal("one"), proposal("two", "one")], view([state], [goal("shop")]))
    one, two = (of_object(item).spec for item in made)
    assert [item.name for item in made] == ["one", "two"]
    assert (one.goal, one.pipeline, one.product, one.stage) == ("shop", "standard", SHOP, "BUILD")
    assert one.acceptance == (Criterion(id="criterion-1", text="It is there."),)
    assert (two.depends_on, one.suspend) == (("one",), False)
    assert one.origin == Origin(task="lead", relation="proposed", attempt=1, depth=1)


@pytest.mark.parametrize("outcome", [Verdict.FAILED, Verdict.REJECTED, Verdict.NEEDS_HUMAN, Verdict.ERROR])
def test_work_that_did_not_pass_proposes_nothing(outcome: Verdict) -> None:
    state = task("lead")
    assert proposed(state, [proposal("one")], view([state]), outcome) == ()


def test_proposals_wait_for_a_person_where_follow_ups_are_reviewed() -> None:
    state = task("lead", goal="shop")
    (made,) = proposed(state, [proposal("one")], view([state], [goal("shop", follow_ups="review")]))
    assert of_object(made).spec.suspend


def test_a_name_that_exists_gets_no_second_task_and_others_may_wait_for_it() -> None:
    state, there = task("lead"), task("one")
    made = proposed(state, [proposal("one"), proposal("two", "one")], view([state, there]))
    assert [item.name for item in made] == ["two"]


def test_the_policys_number_and_depth_bound_proposals_and_nothing_waits_for_what_was_cut() -> None:
    few = config(policy=PolicySpec(limits=Limits(children=2)))
    state = task("lead", stage="SECURITY")
    given = [proposal("one", "three"), proposal("two"), proposal("three")]
    assert [item.name for item in proposed(state, given, view([state], settings=few))] == ["two"]
    deep = task("deep", origin=Origin(task="lead", relation="proposed", depth=2))
    assert proposed(deep, [proposal("one")], view([deep])) == ()
    inner = task("inner", origin=Origin(task="lead", relation="proposed", depth=1))
    (made,) = proposed(inner, [proposal("one")], view([inner]))
    assert of_object(made).spec.origin.depth == 2  # type: ignore[union-attr]


def test_the_depth_stays_with_what_follows_from_a_proposed_task() -> None:
    state = task("inner", origin=Origin(task="lead", relation="proposed", depth=1))
    (stage,) = follow_ups(view([state]), state, evidence(execution(state), Verdict.PASSED), NOW)
    assert of_object(stage).spec.origin.depth == 1  # type: ignore[union-attr]
