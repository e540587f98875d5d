"""Work that its executions fell silent over is split in two: whether it can be, and the two tasks that take its place.

The second part stands in the task's place (it is its rework), and waits for the first one.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from reconciler.model.execution import Attempt, Evidence
from reconciler.model.objects import Object
from reconciler.model.spec import Budget, Criterion, TaskSpec
from reconciler.model.view import TaskState
from reconciler.model.vocabulary import Reason, Verdict
from reconciler.plan.lineage import Lineage

FEWEST = 2
"""acceptance criteria that work must have to be split"""


def fell_silent(outcome: Verdict, reason: Reason) -> bool:
    """Did an execution end because nothing was heard? A command that is too slow fails, a silent server is an error."""
    return reason is Reason.STALLED or (reason is Reason.TIMEOUT and outcome is Verdict.ERROR)


def splits(
    lineage: Lineage, task: TaskState, before: Sequence[Attempt], outcome: Verdict, reason: Reason
) -> int | None:
    """How many executions fell silent, this one included, where that splits the task; else None.

    `before`: the attempts that decide where the task stands. Only work that is merged later can be split, since the
    second part begins where the first one arrived; a stage that only looks is no such work.
    """
    resolved = lineage.resolved(task)
    if not fell_silent(outcome, reason) or resolved.stage is None or resolved.stage.read_only:
        return None
    merged = resolved.deliver == "merge" and resolved.pipeline is not None and resolved.pipeline.merge_after is not None
    if not merged or resolved.stage.scope != "task" or len(task.spec.acceptance) < FEWEST:
        return None
    silent = 1 + sum(fell_silent(attempt.evidence.outcome, attempt.evidence.reason) for attempt in before)
    return silent if silent >= lineage.view.config.policy.retry.split_after else None


def halves(criteria: Sequence[Criterion]) -> tuple[tuple[Criterion, ...], tuple[Criterion, ...]]:
    """The criteria in two parts, in order; of an odd number the first part has the greater one."""
    middle = (len(criteria) + 1) // 2
    return tuple(criteria[:middle]), tuple(criteria[middle:])


def narrowed(spec: TaskSpec, part: int, criteria: Sequence[Criterion]) -> TaskSpec:
    """The task's spec with these criteria alone. `spec` has the title and the description of the whole."""
    asked = "\n".join(f"- {criterion.text}" for criterion in criteria)
    first = "The other part comes later: leave it alone." if part == 1 else "The other part is there already: keep it."
    told = f"Part {part} of 2 of: {spec.title}\n\n{spec.description}\n\nDo only this:\n{asked}\n\n{first}"
    return msgspec.structs.replace(
        spec, title=f"{spec.title} (part {part} of 2)", description=told.strip(), acceptance=tuple(criteria)
    )


def half(task: TaskState, evidence: Evidence) -> Budget:
    """For each part, half of what the task's own budget has left; its other limits stay."""
    usd = task.spec.budget.usd
    if usd is None:
        return task.spec.budget
    costs = [attempt.evidence.cost_usd or 0.0 for attempt in task.attempts if attempt.number < evidence.attempt]
    left = max(0.0, usd - sum(costs) - (evidence.cost_usd or 0.0))
    return msgspec.structs.replace(task.spec.budget, usd=round(left / 2, 4))


def missing(lineage: Lineage, task: TaskState, evidence: Evidence, made: Sequence[Object]) -> list[Object]:
    """Those of the two parts that are not there."""
    there = (lineage.child(task, "split", evidence.attempt), lineage.child(task, "rework", evidence.attempt))
    return [item for item, known in zip(made, there, strict=True) if known is None]
