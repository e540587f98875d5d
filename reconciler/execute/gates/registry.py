"""The gates, in the order they run, and the checks that a quality gate may name. A new one is a line here.

A gate is a function from a Subject to reports; a check is one that yields the faults it finds, and holds where there
are none. All gates run whatever a quality gate says; its points only add to them.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import msgspec

from reconciler.execute import text
from reconciler.execute.apart import Broke, TooLong
from reconciler.execute.gates.content import answer_length, placeholder, secrets
from reconciler.execute.gates.criteria import acceptance, blueprint
from reconciler.execute.gates.dependencies import dependencies
from reconciler.execute.gates.files import files, syntax
from reconciler.execute.gates.lines import conflict_markers, debug_leftovers, skipped_tests
from reconciler.execute.gates.places import boundaries, protected
from reconciler.execute.gates.process import decisions, knowledge
from reconciler.execute.gates.reading import read
from reconciler.execute.gates.shape import links, reviewable, source_tested
from reconciler.execute.gates.subject import Subject
from reconciler.execute.gates.tests import tests
from reconciler.model.execution import GateReport
from reconciler.model.spec import CheckName, QualityGateSpec
from reconciler.model.vocabulary import GateResult

Gate = Callable[[Subject], Awaitable[list[GateReport]]]
Reader = Callable[[Subject], list[GateReport]]
"""a gate that runs nothing: it reads what strangers wrote, in a process of its own and in limited time"""
Check = Callable[[Subject], Iterable[str]]

ATTEMPT: Mapping[CheckName, Gate | None] = {
    "paths": None,
    "protected": None,
    "secrets": None,
    "placeholder": None,
    "answer-length": None,
    "acceptance": acceptance,
    "blueprint": blueprint,
    "tests": tests,
}
"""what an attempt's work must pass, in this order; those of READERS are none that run"""
READERS: Mapping[CheckName, Reader] = {
    "paths": boundaries,
    "protected": protected,
    "secrets": secrets,
    "placeholder": placeholder,
    "answer-length": answer_length,
}
MERGE: Mapping[CheckName, Gate | None] = {"acceptance": acceptance, "tests": tests}
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


async def judge(subject: Subject, gates: Mapping[CheckName, Gate | None]) -> tuple[GateReport, ...]:
    """Run the gates, then the points of the quality gate. One that breaks is an error and hides no other.

    With a quality gate every one of its points has at least one report.
    """
    named = {point.check: point for point in subject.quality.points if point.check} if subject.quality else {}
    heard = await _read(subject, [name for name, gate in gates.items() if gate is None])
    reports: list[GateReport] = []
    for name, gate in gates.items():
        found = heard[name] if gate is None else await _run(subject, name, gate)
        point = named.get(name)
        reports += [msgspec.structs.replace(report, point=point.id) for report in found] if point else found
    if subject.quality:
        reports += await _points(subject, subject.quality, {report.point for report in reports}, heard)
    return tuple(reports)


async def _run(subject: Subject, name: CheckName, gate: Gate) -> list[GateReport]:
    try:
        return await gate(subject)
    except Exception as error:
        return [_broke(subject, name, error)]


async def _read(subject: Subject, names: Sequence[CheckName]) -> Mapping[CheckName, list[GateReport]]:
    """The reports of all that only reads: gates, and checks that the quality gate names."""
    points = subject.quality.points if subject.quality else ()
    checks: list[CheckName] = [point.check for point in points if point.check and point.check in CHECKS]
    named: tuple[CheckName, ...] = tuple(dict.fromkeys((*names, *checks)))
    if not named:
        return {}
    try:
        return await read(read_all, subject, named)
    except (TooLong, Broke) as error:
        message = text.line(f"what was written could not be looked through: {error}", 300)
        broken: dict[CheckName, list[GateReport]] = {}
        for name in named:
            broken[name] = [GateReport(id=name, result=GateResult.ERROR, message=message)]
        return broken


def read_all(subject: Subject, names: Sequence[CheckName]) -> dict[CheckName, list[GateReport]]:
    """For a process of its own: what each reader or check says. One that breaks is an error and hides no other."""
    subject.read_added()
    found: dict[CheckName, list[GateReport]] = {}
    for name in names:
        reader, check = READERS.get(name), CHECKS.get(name)
        try:
            found[name] = reader(subject) if reader else [_look(subject, name, check)] if check else []
        except Exception as error:
            found[name] = [_broke(subject, name, error)]
    return found


async def _points(
    subject: Subject, quality: QualityGateSpec, reported: set[str], read: Mapping[CheckName, list[GateReport]]
) -> list[GateReport]:
    """The reports of the points that have none yet."""
    reports: list[GateReport] = []
    for point in quality.points:
        if point.id in reported:
            continue
        if point.command:
            report = await subject.check(f"quality/{point.id}", point.command, proves=False, told="all")
        elif point.check and read.get(point.check):
            report = read[point.check][0]
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
    message = text.line(f"the gate broke: {type(error).__name__}: {error}", 300)
    return GateReport(id=name, result=GateResult.ERROR, message=message)
