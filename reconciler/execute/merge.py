"""Accepted work and the product's branch: what a merge would give, and whether that still passes. Moves no branch."""

from __future__ import annotations

from pathlib import Path

import msgspec

from reconciler import trees
from reconciler.execute import text
from reconciler.execute.attempt import find_sandbox
from reconciler.execute.gates.registry import MERGE, judge
from reconciler.execute.gates.subject import Subject
from reconciler.execute.redact import Redactor, forced
from reconciler.execute.work import Ended
from reconciler.execute.workspace import checkout, fresh, settle
from reconciler.git import product
from reconciler.git.repository import GitError
from reconciler.git.run import COMMITTER
from reconciler.model.execution import GateReport, MergeResult
from reconciler.model.job import MergeBrief
from reconciler.model.vocabulary import GateResult


async def run_merge(brief: MergeBrief, run_dir: Path) -> MergeResult:
    """Merge and judge the result. The same brief gives the same merge commit."""
    try:
        return await _merge(brief, run_dir)
    except Ended as ended:
        return _result(brief, "error", message=ended.message)
    except GitError as error:
        return _result(brief, "error", message=str(error))


async def check_commit(brief: MergeBrief, run_dir: Path) -> tuple[GateReport, ...]:
    """The tests and acceptance checks on `brief.commit` as it is. Raises Ended or GitError where they cannot run."""
    folder = await settle(fresh, run_dir)
    subject = Subject(
        root=run_dir / "clean",
        evidence=folder,
        sandbox=await find_sandbox(brief.policy),
        policy=brief.policy,
        stage=brief.execution.stage,
        product=brief.product,
        acceptance=brief.acceptance,
        environment={"ALAI_TASK": brief.execution.task, "ALAI_TITLE": brief.title, "ALAI_STAGE": brief.execution.stage},
    )
    async with checkout(brief.product.path, brief.commit, subject.root):
        with forced(Redactor.of(extra=brief.policy.gates.secrets)):
            return await judge(subject, MERGE)


async def _merge(brief: MergeBrief, run_dir: Path) -> MergeResult:
    where = brief.product
    if await settle(product.is_ancestor, where.path, brief.commit, where.tip):
        return _result(brief, "merged", commit=where.tip, message="the branch has it already")
    merged = await settle(
        product.merge,
        where.path,
        where.tip,
        brief.commit,
        message=f"{text.line(f'Merge: {brief.title}', 72)}\n\nAlai-Execution: {brief.execution.id}\n",
        author=COMMITTER,
        time=int(brief.execution.created_at),
    )
    if merged.commit is None:
        paths = tuple(map(trees.shown, merged.conflicts))
        return _result(brief, "conflict", conflicts=paths, message=f"conflicts in {', '.join(paths[:10])}")
    gates = await check_commit(_at(brief, merged.commit), run_dir)
    # a person has been asked about the work already; merging is not asking again
    missed = [gate for gate in gates if gate.result not in (GateResult.PASS, GateResult.PERSON)]
    if missed:
        message = "; ".join(f"{gate.id}: {gate.message or gate.result}" for gate in missed)
        return _result(brief, "gates-failed", commit=merged.commit, gates=gates, message=text.line(message, 600))
    return _result(brief, "merged", commit=merged.commit, gates=gates)


def _at(brief: MergeBrief, commit: str) -> MergeBrief:
    return msgspec.structs.replace(brief, commit=commit)


def _result(
    brief: MergeBrief,
    state: str,
    *,
    commit: str | None = None,
    conflicts: tuple[str, ...] = (),
    gates: tuple[GateReport, ...] = (),
    message: str = "",
) -> MergeResult:
    return MergeResult(
        execution=brief.execution.id,
        state=state,
        target=brief.product.tip,
        commit=commit,
        conflicts=conflicts,
        gates=gates,
        message=message,
    )
