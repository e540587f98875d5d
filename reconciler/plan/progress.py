"""No progress across attempts: two in a row that left the same product and failed the same gates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reconciler.model.execution import Attempt, GateReport, Result
from reconciler.model.vocabulary import GateResult, Reason, Verdict

PASSES = (GateResult.PASS, GateResult.SKIPPED)
FAILED_GATES = (Reason.GATE_FAILED, Reason.QUALITY, Reason.NO_PROGRESS)
"""reasons of attempts that came as far as their gates, and fell there"""


def repeats(before: Sequence[Attempt], result: Result, same_tree: Callable[[str, str], bool]) -> int | None:
    """The number of the attempt just before that came to the very same end; None where there is none.

    `before`: the attempts of this generation, oldest first. `same_tree`: whether two product commits hold the same.
    """
    if not before:
        return None
    last = before[-1].evidence
    if last.outcome is not Verdict.FAILED or last.reason not in FAILED_GATES:
        return None
    failing = _failing(result.gates)
    if not failing or failing != _failing(last.gates):
        return None
    if last.product_commit is None or result.product_commit is None:
        return None
    same = last.product_commit == result.product_commit or same_tree(last.product_commit, result.product_commit)
    return last.attempt if same else None


def _failing(gates: Sequence[GateReport]) -> frozenset[str]:
    return frozenset(gate.id for gate in gates if gate.result not in PASSES)
