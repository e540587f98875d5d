"""The QA that is prepared for whoever judges work: what was changed, and what each gate said of it, as text."""

from __future__ import annotations

from reconciler.execute import text
from reconciler.model.job import PreparedQA
from reconciler.model.vocabulary import GateResult


def describe(prepared: PreparedQA | None) -> str:
    """Empty where nothing is prepared. What did not pass comes first: it is what a judge has to look at."""
    if prepared is None:
        return ""
    points = f"; {prepared.points[0]} of {prepared.points[1]} points hold" if prepared.points else ""
    lines = [f"{prepared.stage}, attempt {prepared.attempt}, commit {prepared.commit or 'none'}{points}"]
    for gate in sorted(prepared.gates, key=lambda gate: gate.result is GateResult.PASS):
        said = f": {text.line(gate.message, 300)}" if gate.message else ""
        lines.append(f"- {gate.id} ({gate.severity}): {gate.result}{said}")
    if prepared.files:
        lines += ["Changed files:", *(f"- {text.line(path)}" for path in prepared.files)]
    for gate, tail in prepared.tails.items():
        lines += [f"Last lines of {gate}:", tail]
    return "\n".join(lines)
