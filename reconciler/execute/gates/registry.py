"""The gates, in the order they run, and the checks that a quality gate may name. A new one is a line here.

A gate is a function from a Subject to reports; a check is one that yields the faults it finds, and holds where there
are none. All gates run whatever a quality gate says; its points only add to them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

import msgspec

from reconciler.execute.gates.content import answer_length, placeholder, secrets
from reconciler.execute.gates.criteria import acceptance, blueprint
from reconciler.execute.gates.dependencies import dependencies
from reconciler.execute.gates.files import files, syntax
from reconciler.execute.gates.lines import conflict_markers, debug_leftovers, skipped_tests
from reconciler.execute.gates.places import boundaries, protected
from reconciler.execute.gates.process import decisions, knowledge
from reconciler.execute.gates.shape import links, reviewable, source_tested
from reconciler.execute.gates.subject import Subject
from reconciler.execute.gates.tests import tests
from reconciler.model.execution import GateReport
from reconciler.model.spec import CheckName, QualityGateSpec
from reconciler.model.vocabulary import GateResult

Gate = Callable[[Subject], Awaitable[list[GateReport]]]
Check = Callable[[Subject], Iterable[str]]

ATTEMPT: Mapping[CheckName, Gate] = {
    "paths": boundaries,
    "protected": protected,
    "secrets": secrets,
    "placeholder": placeholder,
    "answer-length": answer_length,
    "acceptance": acceptance,
    "blueprint": blueprint,
    "tests": tests,
}
"""what an attempt's work must pass"""
MERGE: Mapping[CheckName, Gate] = {"acceptance": acceptance, "tests": tests}
"""what is run again on the result of a merge"""
CHECKS: Mapping[CheckName, Check] = {
    "conflict-markers": conflict_markers,
    "syntax": syntax,
    "skipped-tests": skipped_tests,
    "source-tested": source_tested,
    "debug-leftovers": debug_leftovers,
    "files": files,
    "dependencies": dependencies,
    "reviewable": reviewable,
    "links": links,
    "knowledge": knowledge,
    "decisions": decisions,
}
"""what is looked at only where a quality gate asks for it"""
ABOUT_AGENTS: tuple[CheckName, ...] = ("answer-length", "knowledge", "decisions")
"""what cannot be seen in a commit: it says how the agent worked"""


async def judge(subject: Subject, gates: Mapping[CheckName, Gate]) -> tuple[GateReport, ...]:
    """Run the gates, then the points of the quality gate. One that breaks is an error and hides no other.

    With a quality gate every one of its points has at least one report.
    """
    named = {point.check: point for point in subject.quality.points if point.check} if subject.quality else {}
    reports: list[GateReport] = []
    for name, gate in gates.items():
        found = await _run(subject, name, gate)
        point = named.get(name)
        reports += [msgspec.structs.replace(report, point=point.id) for report in found] if point else found
    if subject.quality:
        reports += await _points(subject, subject.quality, {report.point for report in reports})
    return tuple(reports)


async def _run(subject: Subject, name: CheckName, gate: Gate) -> list[GateReport]:
    try:
        return await gate(subject)
    except Exception as error:
        return [_broke(subject, name, error)]


async def _points(subject: Subject, quality: QualityGateSpec, reported: set[str]) -> list[GateReport]:
    """The reports of the points that have none yet."""
    reports: list[GateReport] = []
    for point in quality.points:
        if point.id in reported:
            continue
        check = CHECKS.get(point.check) if point.check else None
        if point.command:
            report = await subject.check(f"quality/{point.id}", point.command, proves=False, told="all")
        elif check:
            report = await asyncio.to_thread(_look, subject, point.check or point.id, check)
        else:  # a gate that had nothing to say: there was nothing of the sort
            report = GateReport(id=point.check or point.id, result=GateResult.PASS, message="nothing of the sort")
        reports.append(msgspec.structs.replace(report, point=point.id, severity=point.severity))
    return reports


def _look(subject: Subject, name: str, check: Check) -> GateReport:
    """A check writes a log only where it found something: what holds needs no more than its line."""
    began = time.monotonic()
    try:
        faults = list(check(subject))
    except Exception as error:
        return _broke(subject, name, error)
    seconds = round(time.monotonic() - began, 3)
    if not faults:
        return GateReport(id=name, result=GateResult.PASS, seconds=seconds)
    return msgspec.structs.replace(subject.judge(name, faults, ""), seconds=seconds)


def _broke(subject: Subject, name: str, error: Exception) -> GateReport:
    message = subject.redactor.text(f"the gate broke: {type(error).__name__}: {error}")[:300]
    return GateReport(id=name, result=GateResult.ERROR, message=message)
