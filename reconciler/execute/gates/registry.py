"""The gates, in the order they run. A gate is a function from a Subject to reports; a new one is a line here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from reconciler.execute.gates.content import answer_length, placeholder, secrets
from reconciler.execute.gates.criteria import acceptance, blueprint
from reconciler.execute.gates.places import boundaries, protected
from reconciler.execute.gates.subject import Subject
from reconciler.execute.gates.tests import tests
from reconciler.model.execution import GateReport

Gate = Callable[[Subject], Awaitable[list[GateReport]]]

ATTEMPT: tuple[Gate, ...] = (
    boundaries, protected, secrets, placeholder, answer_length, acceptance, blueprint, tests,
)  # fmt: skip
"""what an attempt's work must pass"""
MERGE: tuple[Gate, ...] = (acceptance, tests)
"""what is run again on the result of a merge"""


async def judge(subject: Subject, gates: tuple[Gate, ...]) -> tuple[GateReport, ...]:
    """Run the gates one after the other. A gate that breaks raises: a fault of ours is never a pass."""
    reports: list[GateReport] = []
    for gate in gates:
        reports += await gate(subject)
    return tuple(reports)
