"""Pair verification: what is risky, who verifies, what it may cost, and that nothing goes past a missing verdict."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.objects import APPROVED
from reconciler.model.refs import Ref
from reconciler.model.spec import (
    Budget,
    Finding,
    FleetSpec,
    Host,
    HostModel,
    Link,
    Origin,
    Pair,
    PipelineSpec,
    PolicySpec,
    RiskRule,
    Stage,
    Tier,
)
from reconciler.model.view import Config, TaskState
from reconciler.model.vocabulary import Phase, Reason, Verdict
from reconciler.plan.explain import explain
from reconciler.plan.lineage import Lineage
from reconciler.plan.pair import independent_chain, thread_id
from reconciler.plan.planner import plan
from reconciler.plan.stages import due, follow_ups
from reconciler.plan.status import Survey, status
from tests.plan.scenes import NOW, STANDARD, attempted, config, evidence, execution, of_object, task, view

PAIRED = PipelineSpec(
    stages=(
        STANDARD.stages[0],
        Stage(name="VERIFY", title="Verify: {title}", when="risky", independent=True, read_only=True),
        *STANDARD.stages[1:],
    ),
    merge_after="SECURITY",
)
MONEY = RiskRule(id="money", any=("payment",))
FLEET = FleetSpec(
    hosts=(
        Host(name="a", kind="ollama", models=(HostModel(name="coder"), HostModel(name="small"))),
        Host(name="cloud", kind="claude-cli", models=(HostModel(name="sonnet"),)),
        Host(name="b", kind="ollama", models=(HostModel(name="big"),)),
    ),
    tiers=(
        Tier(tier=1, chain=(Link(backend="o", model="small", hosts=("a",)),)),
        Tier(tier=2, chain=(Link(backend="o", model="coder", hosts=("a",)),)),
        Tier(tier=3, chain=(Link(backend="claude-cli", model="sonnet", hosts=("cloud",)),)),
        Tier(tier=4, chain=(Link(backend="o", model="big", hosts=("b",)), Link(backend="people"))),
        Tier(tier=5, chain=(Link(backend="people"),)),
    ),
)


def paired(*rules: RiskRule, **pair: Any) -> Config:
    policy = PolicySpec(pair=Pair(risky=rules or (MONEY,), **pair))
    return config(policy=policy, pipelines={"standard": PAIRED})


def built(name: str = "pay", title: str = "Take a payment", **spec: Any) -> TaskState:
    return attempted(task(name, title=title, **spec), Verdict.PASSED)


def verifier_of(work: TaskState, settings: Config) -> TaskState:
    (child,) = due(view([work], settings=settings), NOW)
    return of_object(child)


RULES = [
    (RiskRule(id="r", any=("payment",)), {"title": "Take a payment"}, True),
    (RiskRule(id="r", any=("payment",)), {"title": "Write about it"}, False),
    (RiskRule(id="r", any=("payment",)), {"title": "x", "description": "the payment page"}, True),
    (RiskRule(id="r", when={"priority": ("H",)}), {"title": "x", "priority": "H"}, True),
    (RiskRule(id="r", when={"priority": ("H",)}), {"title": "x"}, False),
    (RiskRule(id="r", when={"priority": ("H",), "domain": ("backend",)}), {"title": "x", "priority": "H"}, False),
    (RiskRule(id="r", when={"complexity": ("3", "4")}), {"title": "x", "complexity": 4}, True),
    (RiskRule(id="r", when={"company": ("codecraft",)}), {"title": "x"}, True),
    (RiskRule(id="r", any=("payment",), when={"type": ("bugfix",)}), {"title": "payment", "type": "feature"}, False),
]


@pytest.mark.parametrize(("rule", "spec", "risky"), RULES)
def test_a_rule_names_risky_work_by_words_and_attributes(rule: RiskRule, spec: dict[str, Any], risky: bool) -> None:
    state = attempted(task("t", **spec), Verdict.PASSED)
    (child,) = due(view([state], settings=paired(rule)), NOW)
    assert child.spec["stage"] == ("VERIFY" if risky else "REVIEW")


def test_where_no_rule_says_so_nothing_is_verified() -> None:
    settings = msgspec.structs.replace(paired(), policy=PolicySpec())
    (child,) = due(view([built()], settings=settings), NOW)
    assert (child.name, child.spec["stage"]) == ("pay-review", "REVIEW")
    assert Lineage(view([built()], settings=settings)).thread(built()) is None


def test_a_verifier_has_its_own_budget_and_waits_until_a_person_sends_it() -> None:
    settings = paired()
    child = verifier_of(built(budget=Budget(usd=0.1)), settings)
    assert (child.name, child.spec.budget.usd, child.spec.suspend) == ("pay-verify", 0.1, True)
    assert verifier_of(built(), settings).spec.budget.usd == 0.25
    whole = view([built(), child], settings=settings)
    found = status(whole, child, NOW)
    assert (found.phase, found.reason) == (Phase.SUSPENDED, Reason.SUSPENDED)
    assert "alai-reconcile resume Task/pay-verify" in found.message
    assert [(held.address, held.needs_person) for held in plan(whole, NOW).held] == [("Task/pay-verify", True)]
    assert any("resume Task/pay-verify" in line for line in explain(whole, Ref("Task", "pay-verify"), NOW))
    assert not verifier_of(built(), paired(send="auto")).spec.suspend


def test_an_expensive_verification_waits_for_a_persons_approval() -> None:
    settings = paired(send="auto", usd=2.0)
    child = verifier_of(built(), settings)
    found = status(view([built(), child], settings=settings), child, NOW)
    assert (found.phase, found.reason) == (Phase.HUMAN, Reason.APPROVAL_NEEDED)
    for amount, phase in (("2", Phase.OPEN), ("1.5", Phase.HUMAN), ("nonsense", Phase.HUMAN)):
        said = msgspec.structs.replace(child.object, annotations={APPROVED: amount})
        allowed = msgspec.structs.replace(child, object=said)
        assert status(view([built(), allowed], settings=settings), allowed, NOW).phase is phase


def test_builder_and_verifier_share_a_thread_and_nobody_else_does() -> None:
    settings = paired(send="auto")
    first = task("pay", title="Take a payment")
    (start,) = plan(view([first], settings=settings), NOW).dispatch
    work = built()
    child = verifier_of(work, settings)
    (check,) = plan(view([work, child], settings=settings), NOW).dispatch
    assert start.thread == check.thread == thread_id("pay", work.object.generation)
    checked = attempted(child, Verdict.PASSED)
    (after,) = due(view([work, checked], settings=settings), NOW)
    review = of_object(after)
    assert review.spec.stage == "REVIEW"
    (look,) = plan(view([work, checked, review], settings=settings), NOW).dispatch
    assert look.thread is None


def test_a_rejected_verification_sends_the_work_back_and_the_rework_is_verified_too() -> None:
    settings = paired(send="auto")
    work = built()
    child = verifier_of(work, settings)
    finding = Finding(id="rounding", title="Round to cents", severity="blocker")
    said = evidence(execution(child), Verdict.REJECTED, findings=(finding,))
    (rework,) = follow_ups(view([work, child], settings=settings), child, said, NOW)
    again = attempted(of_object(rework), Verdict.PASSED)
    rejected = attempted(child, Verdict.REJECTED, findings=(finding,))
    made = due(view([work, rejected, again], settings=settings), NOW)
    assert [(item.name, item.spec["stage"]) for item in made] == [("pay-verify-rework-verify", "VERIFY")]
    lineage = Lineage(view([work, rejected, again], settings=settings))
    assert lineage.thread(again) not in (None, lineage.thread(work))


def test_no_stage_after_a_missing_verdict_starts_and_the_reason_says_what_to_do() -> None:
    settings = paired()
    work = built()
    review = task("pay-review", stage="REVIEW", origin=_from("pay"))
    whole = view([work, review], settings=settings)
    found = status(whole, review, NOW)
    assert (found.phase, found.reason) == (Phase.HUMAN, Reason.VERIFIER_MISSING)
    assert "alai-reconcile retry Task/pay" in found.message
    assert due(whole, NOW) == ()  # handed on before anybody called it risky: not written a second time
    assert Survey(whole, NOW).verification.unverified(work)


def test_a_task_that_begins_after_the_verifiers_stage_is_not_held_for_one() -> None:
    audit = task("audit", title="Audit the payment code", stage="SECURITY")
    assert status(view([audit], settings=paired()), audit, NOW).phase is Phase.OPEN


def test_a_pipeline_without_a_verifier_says_so() -> None:
    settings = msgspec.structs.replace(paired(), pipelines={"standard": STANDARD})
    state = task("pay", title="Take a payment")
    survey = Survey(view([state], settings=settings), NOW)
    assert "has no stage `when: risky`" in survey.verification.unverified(state)
    assert survey.verification.beyond(state)


CHAINS = [
    (None, ["small", "coder", "big", "sonnet"]),
    ("coder", ["small", "big", "sonnet", "coder"]),
    ("small", ["coder", "big", "sonnet", "small"]),
    ("sonnet", ["small", "coder", "big", "sonnet"]),
]


@pytest.mark.parametrize(("model", "order"), CHAINS)
def test_another_model_goes_before_ones_own_hardware_and_that_before_a_lower_tier(
    model: str | None, order: list[str]
) -> None:
    work = execution(task("t"), model=model, backend="o")
    worked = evidence(work, Verdict.PASSED) if model else None
    assert [link.model for link in independent_chain(FLEET, worked)] == order


def test_the_verifier_is_another_model_and_the_plan_says_of_which_tier() -> None:
    settings = msgspec.structs.replace(paired(send="auto"), fleet=FLEET)
    routing = (
        msgspec.structs.replace(
            settings.routing, default=msgspec.structs.replace(settings.routing.default, blueprint="writing")
        )
        if settings.routing
        else None
    )
    settings = msgspec.structs.replace(settings, routing=routing)
    first = task("pay", title="Take a payment", complexity=1)
    (start,) = plan(view([first], settings=settings), NOW).dispatch
    assert (start.tier, start.model) == (1, "small")
    work = attempted(first, Verdict.PASSED)
    said = msgspec.structs.replace(work.attempts[-1].evidence, model="small", backend="o")
    work = msgspec.structs.replace(work, attempts=(msgspec.structs.replace(work.attempts[-1], evidence=said),))
    child = verifier_of(work, settings)
    (check,) = plan(view([work, child], settings=settings), NOW).dispatch
    assert (check.tier, check.model, check.host) == (2, "coder", "a")


@given(st.sampled_from(list(Verdict)), st.sampled_from(["manual", "auto"]))
def test_nothing_but_a_verifiers_pass_lets_risky_work_go_on(outcome: Verdict, send: str) -> None:
    settings = paired(send=send)
    work = built()
    child = attempted(verifier_of(work, settings), outcome)
    whole = view([work, child], settings=settings)
    passed = outcome is Verdict.PASSED
    assert ("REVIEW" in [item.spec["stage"] for item in due(whole, NOW)]) == passed
    review = task("pay-verify-review", stage="REVIEW", origin=_from("pay-verify"))
    assert (Survey(view([work, child, review], settings=settings), NOW).verification.unverified(review) == "") == passed


def _from(name: str) -> Origin:
    return Origin(task=name, relation="stage", attempt=1)
