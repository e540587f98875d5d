"""One attempt, from brief to result: the phases in a worktree, the commit, then the gates on a clean checkout of it.

It claims nothing about the outcome: the controller judges. Cancelling it ends its processes and removes its worktrees.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import time
from pathlib import Path

import msgspec

from reconciler.execute import evidence, text
from reconciler.execute.gates.content import SECRETS
from reconciler.execute.gates.places import widest
from reconciler.execute.gates.registry import ATTEMPT, judge
from reconciler.execute.gates.subject import Subject
from reconciler.execute.phase_gates import gated
from reconciler.execute.redact import Redactor, forced, scrub
from reconciler.execute.run_phase import run_phase
from reconciler.execute.sandbox import MISSING, Sandbox
from reconciler.execute.stall import watched
from reconciler.execute.work import Ended, Work
from reconciler.execute.workspace import blueprint_files, checkout, fresh, settle
from reconciler.git import product
from reconciler.git.repository import GitError
from reconciler.model.execution import GateReport, Input, PhaseReport, Report, Result, StateFile
from reconciler.model.history import TreeChange
from reconciler.model.job import Brief
from reconciler.model.size import size
from reconciler.model.spec import BlueprintPhase, PolicySpec
from reconciler.model.vocabulary import GateResult, Reason, Verdict

_SHAPED = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENOENT)
"""what goes wrong with files because of how somebody left them, not because of the machine"""

BROKEN_TEXT = (RecursionError, UnicodeError, MemoryError)
"""what only the text or the tree that is being read can bring about"""
MOST_SAID = 2000
"""characters of what one gate says"""


async def run_attempt(brief: Brief, run_dir: Path) -> Result:
    """Do it, in `run_dir`, whose earlier content is lost. Expected troubles are in the result; bugs raise."""
    with forced(Redactor.of(extra=brief.policy.gates.secrets)):
        return scrub(await _attempt(brief, run_dir))


async def _attempt(brief: Brief, run_dir: Path) -> Result:
    began = time.time()
    try:
        folder = await settle(fresh, run_dir)
        sandbox = await find_sandbox(brief.policy)
        work = await _prepare(brief, run_dir, sandbox)
    except Ended as ended:
        return failed(brief, ended, began)
    gates: tuple[GateReport, ...] = ()
    commit: str | None = None
    changes: list[TreeChange] = []
    ended = None
    try:
        commit = await _do(work)
        changes = await _changes(brief, commit)
        judged = await _judge(work, commit, changes, folder)
        gates = tuple(msgspec.structs.replace(gate, message=text.cut(gate.message, MOST_SAID)) for gate in judged)
        await _withdraw_secrets(brief, commit, gates)
    except Ended as trouble:
        ended = trouble
    except BROKEN_TEXT as error:
        ended = unusable(error)
    work.progress("ended", message=ended.message if ended else "passed")
    summary = evidence.Summary(
        ended=text.line(ended.message, 400) if ended else "passed",
        gates=gates,
        changes=changes,
        sandbox=sandbox.name,
        commit=commit,
        before=brief.product.start if brief.product else None,
    )
    files = await settle(evidence.write, work, summary, folder)
    return Result(
        execution=brief.execution.id,
        ended=ended.verdict if ended else Verdict.PASSED,
        reason=ended.reason if ended else Reason.PASSED,
        message=text.cut(ended.message, 1000) if ended else "",
        phases=tuple(work.phases),
        gates=gates,
        findings=tuple(work.findings),
        report=evidence.report(work, summary),
        base_commit=brief.product.start if brief.product else None,
        product_commit=commit,
        started_at=began,
        ended_at=time.time(),
        tokens=work.tokens,
        cost_usd=work.cost_usd,
        prompt_sha256=hashlib.sha256("\0".join(work.prompts).encode()).hexdigest() if work.prompts else None,
        files=files,
        knowledge=evidence.knowledge(work, summary),
        sandbox=sandbox.name,
        refusals=tuple(work.refusals),
        more_refusals=work.more_refusals,
        proposals=tuple(work.proposals),
        state_files=tuple(StateFile(path=path, text=body) for path, body in sorted(work.state_files.items())),
        inputs=tuple(work.inputs),
        left_out=work.left_out,
    )


async def find_sandbox(policy: PolicySpec) -> Sandbox:
    """The sandbox that the Policy asks for. Raises Ended where it requires one and there is none."""
    found = await asyncio.to_thread(Sandbox.detect, policy.limits)
    if found:
        return found
    if policy.sandbox == "required":
        raise Ended(Verdict.NEEDS_HUMAN, Reason.SANDBOX_MISSING, MISSING)
    return Sandbox.plain(policy.limits)


def unusable(error: Exception) -> Ended:
    """The end for what breaks its reader: the fault of whoever wrote or said it."""
    told = f"what was written or said cannot be read: {type(error).__name__}: {text.line(str(error), 200)}"
    return Ended(Verdict.FAILED, Reason.AGENT_FAILED, told)


def failed(brief: Brief, ended: Ended, began: float) -> Result:
    """The result of an attempt that ended before there was anything to show."""
    return Result(
        execution=brief.execution.id,
        ended=ended.verdict,
        reason=ended.reason,
        message=ended.message,
        report=Report(
            agent_type="",
            company=brief.execution.company,
            task_summary=f"{brief.execution.stage}: {brief.title}",
            blockers=(ended.message,),
        ),
        base_commit=brief.product.start if brief.product else None,
        started_at=began,
        ended_at=time.time(),
    )


async def _prepare(brief: Brief, run_dir: Path, sandbox: Sandbox) -> Work:
    work = Work(brief=brief, root=run_dir / "work", run_dir=run_dir, sandbox=sandbox)
    work.inputs += [Input(kind="skill", name=s.name, source=s.source, sha256=s.sha256) for s in brief.skills]
    work.inputs += [Input(kind="mcp", name=s.name, source="mcp.json", sha256=s.sha256) for s in brief.mcp]
    private = None if sandbox.bwrap else run_dir / "blueprint"
    try:
        work.blueprint = await settle(
            blueprint_files, Path(brief.factory), brief.factory_commit, brief.blueprint_folder, private
        )
    except GitError as error:
        raise Ended(Verdict.ERROR, Reason.INTERNAL, f"the blueprint's folder cannot be read: {error}") from error
    return work


async def _do(work: Work) -> str | None:
    """The phases, in a workspace that is gone afterwards. The commit with what they did; None without a product."""
    brief = work.brief
    if brief.product is None:
        work.root.mkdir()
        await _phases(work)
        return None
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(checkout(brief.product.path, brief.product.start, work.root))
        except GitError as error:
            raise Ended(Verdict.ERROR, Reason.PRODUCT_MISSING, f"the product cannot be read: {error}") from error
        try:
            await _phases(work)
            if brief.read_only:
                return await _unchanged(work, brief.product.start)
            return await _commit(work, brief.product.start)
        except GitError as error:
            raise Ended(Verdict.FAILED, Reason.AGENT_FAILED, f"the work cannot be committed: {error}") from error
        except OSError as error:
            if error.errno not in _SHAPED:
                raise
            told = f"what lies in the product cannot be used: {text.line(str(error), 200)}"
            raise Ended(Verdict.FAILED, Reason.AGENT_FAILED, told) from error


async def _phases(work: Work) -> None:
    for phase in work.brief.blueprint.phases:
        await gated(work, phase, _phase)


async def _phase(work: Work, phase: BlueprintPhase) -> PhaseReport:
    if phase.run:
        return await run_phase(work, phase, phase.run)
    if phase.agent:
        # the backends' libraries are only for those who talk to a model
        if "tools" in phase.needs:
            from reconciler.execute.tool_phase import tool_phase

            return await watched(work, phase.name, tool_phase(work, phase, phase.agent))
        from reconciler.execute.agent_phase import agent_phase

        return await watched(work, phase.name, agent_phase(work, phase, phase.agent))
    raise Ended(Verdict.FAILED, Reason.AGENT_FAILED, f"phase {phase.name}: says neither `run` nor `agent`")


async def _unchanged(work: Work, start: str) -> str:
    touched = await settle(product.worktree_changes, work.root)
    if touched:
        message = f"a read-only stage changed the product: {', '.join(touched[:5])}"
        raise Ended(Verdict.FAILED, Reason.AGENT_FAILED, message)
    return start


async def _commit(work: Work, start: str) -> str:
    brief = work.brief
    roles = [phase.role for phase in brief.blueprint.phases]
    role = roles[-1] if roles else "builder"
    title = text.line(brief.title, 60)
    commit = await settle(
        product.commit_all,
        work.root,
        message=f"{brief.execution.stage}: {title}\n\nAlai-Execution: {brief.execution.id}\n",
        author=(text.line(f"{brief.company_title} {role}", 100), f"{brief.execution.company}@alai-reconcile.invalid"),
        time=int(brief.execution.created_at),
        branch=brief.branch,
        most=size(work.sandbox.limits.disk),
    )
    return commit or start


async def _withdraw_secrets(brief: Brief, commit: str | None, gates: tuple[GateReport, ...]) -> None:
    """Work that failed stays on its branch for people to look at; a secret must not."""
    leaked = any(gate.id == SECRETS and gate.result is not GateResult.PASS for gate in gates)
    if leaked and brief.product is not None and commit is not None and commit != brief.product.start:
        await settle(product.withdraw, brief.product.path, brief.branch, commit)


async def _changes(brief: Brief, commit: str | None) -> list[TreeChange]:
    if brief.product is None or commit is None or commit == brief.product.start:
        return []
    return await settle(product.changed_files, brief.product.path, brief.product.start, commit)


async def _judge(work: Work, commit: str | None, changes: list[TreeChange], folder: Path) -> tuple[GateReport, ...]:
    """The gates, on a checkout that no agent has touched. Without a product: on the scratch folder."""
    brief = work.brief
    work.progress("gates started")
    acting = {phase.role for phase in work.phases}
    subject = Subject(
        root=work.root,
        evidence=folder,
        sandbox=work.sandbox,
        policy=brief.policy,
        stage=brief.execution.stage,
        product=brief.product,
        acceptance=brief.acceptance,
        gates=brief.blueprint.gates,
        blueprint=work.blueprint,
        environment=work.environment(),
        paths=brief.paths,
        role_paths=widest([agent.paths for role, agent in brief.agents.items() if role in acting]),
        answers=work.answers,
        texts=frozenset(phase.name for phase in brief.blueprint.phases if _is_prose(brief, phase)),
        changes=changes,
        phases=tuple(work.phases),
        quality=brief.quality,
        asked=work.asked,
        decided=work.decisions,
    )
    if brief.product is None or commit is None:
        return await judge(subject, ATTEMPT)
    subject.commit = commit
    subject.root = work.run_dir / "clean"
    async with checkout(brief.product.path, commit, subject.root):
        return await judge(subject, ATTEMPT)


def _is_prose(brief: Brief, phase: BlueprintPhase) -> bool:
    """Whether the phase was asked for prose. What a model without tools says of the files that it handed in is none."""
    agent = phase.agent
    if agent is None or agent.output != "text":
        return False
    return agent.otherwise is None or "tools" in brief.model.offers
