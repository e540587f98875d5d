"""Whether risky work has had its independent verifier, and what a person has to allow before one looks at it.

Which work is risky is said in `pair`, and which stage verifies it in `lineage`.
"""

from __future__ import annotations

from collections.abc import Callable

from reconciler.model.objects import APPROVED
from reconciler.model.view import Status, TaskState
from reconciler.model.vocabulary import Phase
from reconciler.plan.lineage import Lineage
from reconciler.plan.pair import RISKY
from reconciler.plan.resolve import Resolved


class Verification:
    """Of the tasks of one view. `decided`: what a task's attempts say, None while it may still run."""

    def __init__(self, lineage: Lineage, decided: Callable[[TaskState], Status | None]) -> None:
        self._lineage = lineage
        self._decided = decided

    def unverified(self, task: TaskState) -> str:
        """Why this work may not be done, merged or handed on: it is risky and no verifier passed it. Empty: it may."""
        rule = self._lineage.risk(task)
        if rule is None:
            return ""
        why = f"it is risky (rule {rule.id} of the Policy), and no independent verifier has passed it"
        if self._lineage.verifier(task) is None:
            return f"{why}; Pipeline/{self._lineage.resolved(task).pipeline_name} has no stage `when: risky`"
        for item in self._lineage.line(task):
            stage, decided = self._lineage.resolved(item).stage, self._decided(item)
            if stage is not None and stage.when == RISKY and decided is not None and decided.phase is Phase.DONE:
                return ""
        return why

    def beyond(self, task: TaskState) -> bool:
        """Is there no verifier's stage left that could follow this task's?"""
        verifier, resolved = self._lineage.verifier(task), self._lineage.resolved(task)
        return (
            verifier is None or resolved.pipeline is None or resolved.pipeline.stages.index(verifier) < resolved.index
        )

    def to_approve(self, task: TaskState) -> float | None:
        """USD that a person has to allow before this verification starts; None where nobody has to."""
        stage, pair = self._lineage.resolved(task).stage, self._lineage.view.config.policy.pair
        usd = pair.usd if task.spec.budget.usd is None else task.spec.budget.usd
        if stage is None or stage.when != RISKY or usd <= max(pair.approval_usd, _approved_usd(task)):
            return None
        return usd

    def approval(self, task: TaskState) -> str:
        """What a person is asked to allow, in words; empty where nobody is asked."""
        usd, limit = self.to_approve(task), self._lineage.view.config.policy.pair.approval_usd
        return "" if usd is None else f"it may cost {usd:.2f} USD, more than {limit:.2f} without a person's approval"


def waits_to_be_sent(task: TaskState, resolved: Resolved) -> bool:
    """Is this a verification that a person has to send?"""
    return task.spec.suspend and resolved.stage is not None and resolved.stage.when == RISKY


def _approved_usd(task: TaskState) -> float:
    """What a person has allowed this verification to cost."""
    try:
        return float(task.object.annotations.get(APPROVED, 0))
    except ValueError:
        return 0.0
