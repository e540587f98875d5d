"""The verdict on an execution. Only the controller asks for it; nothing that a model said can raise it."""

from __future__ import annotations

from reconciler.model.execution import GateReport, Result
from reconciler.model.job import Brief
from reconciler.model.vocabulary import GateResult, Reason, Verdict
from reconciler.plan.quality import Score, score

Decided = tuple[Verdict, Reason, str]
"""outcome, reason, one sentence"""
CRITERIA = ("acceptance/", "blueprint/")
"""how the ids of gates begin that ask a person about a criterion; the others ask about changed tests, gates or CI"""
NOT_PASSED = (GateResult.FAIL, GateResult.ERROR, GateResult.SKIPPED)
JUDGED = ("checks", "model")


def verdict(brief: Brief, result: Result, *, may_reject: bool = True) -> Decided:
    """Outcome, reason, one sentence. `may_reject`: whether the pipeline allows one more rejection.

    In this order: how the phases ended; changed tests; gates; points of the quality gate; criteria for a person;
    blockers; whether anything was proven at all. Work that fails its gates is tried again before a person is asked to
    look at it. No number of points outweighs a gate that must pass.
    """
    if result.ended is not Verdict.PASSED:
        return result.ended, result.reason, result.message or str(result.reason)
    people = [gate for gate in result.gates if gate.result is GateResult.PERSON]
    changed = [gate for gate in people if not gate.id.startswith(CRITERIA)]
    if changed:
        return Verdict.NEEDS_HUMAN, Reason.TESTS_CHANGED, _told(changed)
    failing = [gate for gate in result.gates if gate.result in NOT_PASSED and gate.severity == "must"]
    if failing:
        return Verdict.FAILED, Reason.GATE_FAILED, _told(failing)
    points = score(brief.quality, result.gates) if brief.quality else None
    if points and brief.quality and points.held < brief.quality.threshold:
        return Verdict.FAILED, Reason.QUALITY, f"{points.told()}; {brief.quality.threshold} are needed"
    if people:
        return Verdict.NEEDS_HUMAN, Reason.PERSON_CRITERION, _told(people)
    blockers = [finding for finding in result.findings if finding.severity == "blocker"]
    if blockers:
        told = "; ".join(finding.title for finding in blockers)
        if not may_reject:
            return Verdict.NEEDS_HUMAN, Reason.REVIEW_CYCLES, f"rejected as often as the pipeline allows: {told}"
        return Verdict.REJECTED, Reason.FINDINGS, told
    if not _proven(brief, result):
        told = "no acceptance check, test or gate says anything about this work"
        return Verdict.NEEDS_HUMAN, Reason.NOTHING_TO_CHECK, told
    return Verdict.PASSED, Reason.PASSED, _passed(result, points)


def _proven(brief: Brief, result: Result) -> bool:
    """Did something prove this very work? A stage that only reads is proven by its checks or its verdict having run."""
    if any(gate.proves and gate.result is GateResult.PASS for gate in result.gates):
        return True
    if not brief.read_only:
        return False
    judging = {
        phase.name
        for phase in brief.blueprint.phases
        if (phase.run is not None and phase.run.checks) or (phase.agent is not None and phase.agent.output == "verdict")
    }
    return any(phase.name in judging and phase.by in JUDGED for phase in result.phases)


def _told(gates: list[GateReport]) -> str:
    return "; ".join(f"{gate.id}: {gate.message or gate.result}" for gate in gates)


def _passed(result: Result, points: Score | None) -> str:
    proofs = sum(1 for gate in result.gates if gate.proves and gate.result is GateResult.PASS)
    passed = sum(1 for gate in result.gates if gate.result is GateResult.PASS)
    findings = sum(1 for finding in result.findings if finding.severity == "minor")
    text = f"{passed} gates passed, {proofs} of them about this very work"
    if points:
        text = f"{points.told()}; {proofs} gate{'s' if proofs != 1 else ''} about this very work passed"
    return f"{text}; {findings} finding{'s' if findings > 1 else ''}" if findings else text
