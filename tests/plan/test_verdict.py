"""The verdict: what counts, in which order; and that a model's word never raises it."""

from __future__ import annotations

import pytest

from reconciler.model.execution import GateReport, PhaseReport, Report, Result
from reconciler.model.job import Brief, ModelBrief
from reconciler.model.refs import Ref
from reconciler.model.spec import AgentPhase, BlueprintPhase, BlueprintSpec, Finding, Paths, PolicySpec, RunPhase
from reconciler.model.vocabulary import GateResult, Reason, Verdict
from reconciler.plan.explain import explain
from reconciler.plan.verdict import verdict
from tests.plan.scenes import NOW, attempted, execution, goal, task, view

PASS = GateReport(id="acceptance/a", result=GateResult.PASS, proves=True)
QUIET = GateReport(id="secrets", result=GateResult.PASS)
BLOCKER = Finding(id="b", title="It is down", severity="blocker")


def brief(read_only: bool = False) -> Brief:
    return Brief(
        execution=execution(task("t")),
        factory="/f",
        factory_commit="c",
        title="t",
        description="",
        goal_title="",
        goal_description="",
        labels={},
        type="",
        domain="",
        acceptance=(),
        findings=(),
        previous="",
        document=None,
        company_title="",
        soul="",
        agents={},
        skills=(),
        blueprint=BlueprintSpec(
            phases=(
                BlueprintPhase(name="look", run=RunPhase(checks=True)),
                BlueprintPhase(name="judge", agent=AgentPhase(prompt="x", output="verdict")),
                BlueprintPhase(name="talk", agent=AgentPhase(prompt="x")),
            )
        ),
        blueprint_folder="",
        product=None,
        model=ModelBrief(backend="x", name=None, host="a", url=None, num_ctx=1, offers=()),
        paths=Paths(),
        read_only=read_only,
        policy=PolicySpec(),
        branch="alai/work",
    )


def result(
    *gates: GateReport,
    ended: Verdict = Verdict.PASSED,
    findings: tuple[Finding, ...] = (),
    phases: tuple[tuple[str, str], ...] = (),
) -> Result:
    return Result(
        execution="e",
        ended=ended,
        reason=Reason.PASSED if ended is Verdict.PASSED else Reason.AGENT_FAILED,
        phases=tuple(PhaseReport(name=name, role="builder", by=by) for name, by in phases),
        gates=gates,
        findings=findings,
        report=Report(agent_type="builder", company="c", task_summary=""),
        started_at=NOW,
        ended_at=NOW,
    )


def gate(name: str, outcome: GateResult) -> GateReport:
    return GateReport(id=name, result=outcome, proves=True)


@pytest.mark.parametrize(
    ("given", "read_only", "outcome", "reason"),
    [
        (result(PASS, QUIET), False, Verdict.PASSED, Reason.PASSED),
        (result(QUIET), False, Verdict.NEEDS_HUMAN, Reason.NOTHING_TO_CHECK),
        (result(), False, Verdict.NEEDS_HUMAN, Reason.NOTHING_TO_CHECK),
        (result(PASS, ended=Verdict.ERROR), False, Verdict.ERROR, Reason.AGENT_FAILED),
        (result(PASS, ended=Verdict.NEEDS_HUMAN), False, Verdict.NEEDS_HUMAN, Reason.AGENT_FAILED),
        (result(PASS, gate("x", GateResult.FAIL)), False, Verdict.FAILED, Reason.GATE_FAILED),
        (result(PASS, gate("x", GateResult.ERROR)), False, Verdict.FAILED, Reason.GATE_FAILED),
        (result(PASS, gate("x", GateResult.SKIPPED)), False, Verdict.FAILED, Reason.GATE_FAILED),
        (result(PASS, gate("protected", GateResult.PERSON)), False, Verdict.NEEDS_HUMAN, Reason.TESTS_CHANGED),
        (
            result(gate("x", GateResult.FAIL), gate("protected", GateResult.PERSON)),
            False,
            Verdict.NEEDS_HUMAN,
            Reason.TESTS_CHANGED,
        ),
        (
            result(PASS, gate("acceptance/p", GateResult.PERSON)),
            False,
            Verdict.NEEDS_HUMAN,
            Reason.PERSON_CRITERION,
        ),
        (
            result(gate("x", GateResult.FAIL), gate("acceptance/p", GateResult.PERSON)),
            False,
            Verdict.FAILED,
            Reason.GATE_FAILED,
        ),
        (result(PASS, findings=(BLOCKER,)), True, Verdict.REJECTED, Reason.FINDINGS),
        (result(findings=(BLOCKER,)), True, Verdict.REJECTED, Reason.FINDINGS),
        (result(phases=(("look", "checks"),)), True, Verdict.PASSED, Reason.PASSED),
        (result(phases=(("judge", "model"),)), True, Verdict.PASSED, Reason.PASSED),
        (result(phases=(("judge", "fallback"),)), True, Verdict.NEEDS_HUMAN, Reason.NOTHING_TO_CHECK),
        (result(phases=(("talk", "model"),)), True, Verdict.NEEDS_HUMAN, Reason.NOTHING_TO_CHECK),
        (result(phases=(("judge", "model"),)), False, Verdict.NEEDS_HUMAN, Reason.NOTHING_TO_CHECK),
    ],
)
def test_only_what_was_proven_passes(given: Result, read_only: bool, outcome: Verdict, reason: Reason) -> None:
    found = verdict(brief(read_only), given)
    assert found[:2] == (outcome, reason)
    assert found[2]


def test_the_last_rejection_goes_to_a_person() -> None:
    found = verdict(brief(), result(PASS, findings=(BLOCKER,)), may_reject=False)
    assert found[:2] == (Verdict.NEEDS_HUMAN, Reason.REVIEW_CYCLES)


def test_explain_tells_the_way_through_the_planners_own_eyes() -> None:
    failed = attempted(task("t", goal="g", depends_on=("u",)), Verdict.FAILED)
    done = attempted(task("u", goal="g"), Verdict.PASSED)
    whole = view([failed, done], [goal("g", deploy=True)])
    told = "\n".join(explain(whole, Ref("Task", "t"), NOW))
    for part in (
        "Task/t is waiting (DependencyNotReady)",
        "Company: codecraft (rule default).",
        "Dependency Task/u: not met; it is done.",
        "Attempt 1 ended failed (GateFailed).",
        "1 of 3 attempts of this generation are used.",
        "Next: it waits (DependencyNotReady)",
    ):
        assert part in told
    about_goal = "\n".join(explain(whole, Ref("Goal", "g"), NOW))
    assert "Its OPS Task/g-ops comes once all tasks before it are through." in about_goal
    with pytest.raises(KeyError):
        explain(whole, Ref("Task", "nowhere"), NOW)
