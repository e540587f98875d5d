"""The gates, in the order they run. A gate is a function from a Subject to reports; a new one is a line here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from reconciler.execute.gates.content import answer_length, placeholder, secrets
from reconciler.execute.gates.criteria import acceptance, blueprint
from reconciler.execute.gates.places import boundaries, protected
from reconciler.execute.gates.subject import Subject
from reconciler.execute.gates.tests import tests
from reconciler.model.execution import GateReport
from reconciler.model.vocabulary import GateResult

Gate = Callable[[Subject], Awaitable[list[GateReport]]]

ATTEMPT: tuple[Gate, ...] = (
    boundaries, protected, secrets, placeholder, answer_length, acceptance, blueprint, tests,
)  # fmt: skip
"""what an attempt's work must pass"""
MERGE: tuple[Gate, ...] = (acceptance, tests)
"""what is run again on the result of a merge"""


async def judge(subject: Subject, gates: tuple[Gate, ...]) -> tuple[GateReport, ...]:
    """Run the gates one after the other. A gate that breaks is an error, never a pass, and hides no other."""
    reports: list[GateReport] = []
    for gate in gates:
        try:
            reports += await gate(subject)
        except Exception as error:
            name = gate.__name__.replace("_", "-")
            message = subject.redactor.text(f"the gate broke: {type(error).__name__}: {error}")[:300]
            reports.append(GateReport(id=name, result=GateResult.ERROR, message=message))
    return tuple(reports)
