"""The verdict on an execution in the light of what happened before: no progress, a split, a missing verifier.

Each of them can only lower what the execution itself came to.
"""

from __future__ import annotations

from reconciler.git import product
from reconciler.git.errors import GitError
from reconciler.model.execution import Result
from reconciler.model.job import Brief
from reconciler.model.view import TaskState, View
from reconciler.model.vocabulary import Reason, Verdict
from reconciler.plan.attempts import deciding
from reconciler.plan.progress import FAILED_GATES, repeats
from reconciler.plan.resolve import may_reject, merges_here
from reconciler.plan.split import fell_silent, splits
from reconciler.plan.status import Survey
from reconciler.plan.verdict import Decided, verdict


def judged(view: View, task: TaskState | None, brief: Brief, result: Result, now: float) -> Decided:
    """Outcome, reason, one sentence. `task` is None where its manifest is gone meanwhile."""
    decided = verdict(brief, result, may_reject=task is None or may_reject(view, task))
    if task is None:
        return decided
    outcome, reason, message = decided
    if outcome is Verdict.PASSED:
        return _passed(view, task, now) or decided
    if outcome is Verdict.FAILED and reason in FAILED_GATES:
        before = repeats(deciding(task), result, lambda a, b: _same_tree(brief, a, b))
        if before is not None:
            told = f"attempt {before} left the same product and failed the same gates: {message}"
            return Verdict.FAILED, Reason.NO_PROGRESS, told
    if fell_silent(outcome, reason):
        silent = splits(Survey(view, now).lineage, task, deciding(task), outcome, reason)
        if silent is not None:
            told = f"{silent} executions fell silent, the last: {message}; two smaller tasks take its place"
            return Verdict.REJECTED, Reason.SPLIT, told
    return decided


def _passed(view: View, task: TaskState, now: float) -> Decided | None:
    """Work that is risky is neither merged nor done for good before a verifier has passed it."""
    if not view.config.policy.pair.risky:
        return None
    verification = Survey(view, now).verification
    why = verification.unverified(task) if verification.beyond(task) or merges_here(view, task) else ""
    return (Verdict.NEEDS_HUMAN, Reason.VERIFIER_MISSING, why) if why else None


def _same_tree(brief: Brief, a: str, b: str) -> bool:
    """Whether two commits of the product hold the same; False where one of them is gone."""
    try:
        return brief.product is not None and not product.changed_files(brief.product.path, a, b)
    except GitError:
        return False
