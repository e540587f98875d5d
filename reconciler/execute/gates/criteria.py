"""Acceptance criteria and the blueprint's gates: commands that prove something of this work, or a person's word."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.execute.gates.subject import Subject
from reconciler.model.execution import GateReport
from reconciler.model.spec import Criterion
from reconciler.model.vocabulary import GateResult


async def acceptance(subject: Subject) -> list[GateReport]:
    return await _criteria(subject, "acceptance", subject.acceptance)


async def blueprint(subject: Subject) -> list[GateReport]:
    return await _criteria(subject, "blueprint", subject.gates)


async def _criteria(subject: Subject, family: str, criteria: Iterable[Criterion]) -> list[GateReport]:
    reports: list[GateReport] = []
    for criterion in criteria:
        gate = f"{family}/{criterion.id}"
        if criterion.person:
            reports.append(GateReport(id=gate, result=GateResult.PERSON, message=criterion.text))
        elif criterion.check:
            reports.append(await subject.check(gate, criterion.check))
    return reports
