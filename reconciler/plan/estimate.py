"""What a plan's executions are expected to cost: the mean of what their like have cost so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from reconciler.model.execution import Execution
from reconciler.plan.pair import PAID

MeanCost = Callable[[str, str | None, str], float | None]
"""(backend, model, stage) -> USD of an attempt on average; None where none is known"""


def estimates(executions: Iterable[Execution], mean_cost: MeanCost) -> dict[str, float | None]:
    """Address of a task -> USD. One's own hardware costs 0; None: nothing like it has a known cost yet."""
    known: dict[tuple[str, str | None, str], float | None] = {}
    found: dict[str, float | None] = {}
    for item in executions:
        key = (item.backend, item.model, item.stage)
        if key not in known:
            known[key] = mean_cost(*key) if item.backend in PAID else 0.0
        found[f"Task/{item.task}"] = known[key]
    return found


def cost_line(found: Mapping[str, float | None]) -> str:
    """`Estimated cost: 0.42 USD (3 unknown).`"""
    known = [value for value in found.values() if value is not None]
    unknown = len(found) - len(known)
    return f"Estimated cost: {sum(known):.2f} USD{f' ({unknown} unknown)' if unknown else ''}."
