"""What follows from outcomes: names, titles, origins, reworks, findings, goal stages."""

from __future__ import annotations

import msgspec
import pytest

from reconciler.model.spec import Criterion, Finding, Fix, Limits, Origin, PolicySpec, Product
from reconciler.model.vocabulary import Verdict
from reconciler.plan.resolve import may_reject, merges_here
from reconciler.plan.stages import due, follow_ups
from tests.plan.scenes import NOW, attempted, config, evidence, execution, goal, of_object, task, view

BENTO = Product(repository="../products/bento.git")


def test_a_passed_stage_brings_the_next_one_along_with_its_origin() -> None:
    state = task("bento-app", title="The app {stage}", goal="bento")
    owner = goal("bento", priority="H", product=BENTO)
    item = evidence(execution(state), Verdict.PASSED)
    (child,) = follow_ups(view([state], [owner]), state, item, NOW)
    assert str(child.position) == "manifests/generated/bento/bento-app-review.yaml:1:1"
    assert child.spec == {
        "title": "[BENTO-REVIEW] Code review: The app {stage}",
        "goal": "bento",
        "priority": "M",
        "stage": "REVIEW",
        "from": {"task": "bento-app", "relation": "stage", "attempt": 1, "commit": "p-bento-app-1"},
    }
    settled = attempted(state, Verdict.PASSED)
    assert due(view([settled], [owner]), NOW) == (child,)
    assert due(view([settled, of_object(child)], [owner]), NOW) == ()


def test_a_rejection_becomes_a_rework_that_is_routed_like_the_work_and_checked_for_what_was_found() -> None:
    base = attempted(
        task("app", domain="backend", acceptance=(Criterion(id="t", text="t", check="make test"),), product=BENTO),
        Verdict.PASSED,
    )
    review = task("app-review", stage="REVIEW", origin=Origin(task="app", relation="stage", attempt=1))
    findings = (
        Finding(id="down", title="It is down", severity="blocker", check="curl x", fix=Fix(complexity=3)),
        Finding(id="ugly", title="It is ugly"),
    )
    item = evidence(execution(review), Verdict.REJECTED, findings=findings)
    (rework,) = follow_ups(view([base, review]), review, item, NOW)
    spec = of_object(rework).spec
    assert (rework.name, spec.stage, spec.title) == ("app-review-rework", "BUILD", "Rework after REVIEW: app")
    assert (spec.domain, spec.complexity, spec.company, spec.blueprint) == ("backend", 3, "codecraft", "plain")
    assert [criterion.id for criterion in spec.acceptance] == ["t", "down"]
    assert spec.origin is not None
    assert (spec.origin.cycle, spec.origin.commit, len(spec.origin.findings)) == (1, "p-app-review-1", 2)
    assert (spec.goal, spec.product) == (None, None)


def test_a_finding_makes_one_task_however_often_it_is_found() -> None:
    review = task("app-review", stage="REVIEW", goal="bento")
    findings = (
        Finding(id="health", title="No health endpoint", check="curl x", fix=Fix(company="codecraft")),
        Finding(id="note", title="Nice", severity="info"),
    )
    item = evidence(execution(review), Verdict.PASSED, findings=findings)
    whole = view([review], [goal("bento", product=BENTO)])
    made = follow_ups(whole, review, item, NOW)
    assert [child.name for child in made] == ["app-review-security", "bento-health"]
    spec = of_object(made[1]).spec
    assert (spec.depends_on, spec.company, spec.acceptance[0].check) == (("app-review",), "codecraft", "curl x")
    assert len(follow_ups(whole, review, item, NOW, lambda name: name == "bento-health")) == 1


def test_more_findings_than_the_policy_allows_are_bundled_and_none_is_lost() -> None:
    review = task("app-review", stage="REVIEW")
    findings = tuple(Finding(id=f"f{n}", title=f"Finding {n}", check=f"test {n}") for n in range(9))
    settings = config(policy=PolicySpec(limits=Limits(children=4)))
    item = evidence(execution(review), Verdict.PASSED, findings=findings)
    made = follow_ups(view([review], settings=settings), review, item, NOW)
    assert len(made) == 4
    assert len(of_object(made[-1]).spec.acceptance) == 7


def test_generated_tasks_of_a_goal_that_wants_to_review_them_are_suspended() -> None:
    state = task("t", goal="g")
    item = evidence(execution(state), Verdict.PASSED)
    (child,) = follow_ups(view([state], [goal("g", follow_ups="review")]), state, item, NOW)
    assert child.spec["suspend"] is True


def test_a_stage_left_from_an_earlier_attempt_is_written_again_in_its_place() -> None:
    twice = attempted(attempted(task("t"), Verdict.PASSED), Verdict.PASSED)
    (child,) = due(view([attempted(task("t"), Verdict.PASSED)]), NOW)
    reviewed = attempted(of_object(child), Verdict.PASSED)
    assert [item.name for item in due(view([attempted(task("t"), Verdict.PASSED), reviewed]), NOW)] == [
        "t-review-security"
    ]
    again = due(view([twice, reviewed]), NOW)
    assert "t-review" in [item.name for item in again]
    by_hand = msgspec.structs.replace(
        reviewed, object=msgspec.structs.replace(reviewed.object, position=task("t-review").object.position)
    )
    assert "t-review-2" in [item.name for item in due(view([twice, by_hand]), NOW)]


def test_names_that_would_be_too_long_are_cut_and_stay_different() -> None:
    names: set[str] = set()
    for end in "ab":
        state = attempted(task("x" * 61 + end), Verdict.PASSED)
        names |= {item.name for item in due(view([state]), NOW)}
    assert len(names) == 2
    assert all(len(name) <= 63 for name in names)


@pytest.mark.parametrize(
    ("stage", "deliver", "merges"),
    [("BUILD", "merge", False), ("SECURITY", "merge", True), ("OPS", "merge", True), ("SECURITY", "branch", False)],
)
def test_work_is_merged_after_the_stage_that_the_pipeline_names(stage: str, deliver: str, merges: bool) -> None:
    state = task("t", stage=stage, goal="g")
    assert merges_here(view([state], [goal("g", product=BENTO, deliver=deliver)]), state) is merges


@pytest.mark.parametrize(("cycle", "allowed"), [(0, True), (1, True), (2, False)])
def test_two_rejections_at_most(cycle: int, allowed: bool) -> None:
    state = task("t", stage="REVIEW", origin=Origin(task="b", relation="stage", cycle=cycle))
    assert may_reject(view([state]), state) is allowed
