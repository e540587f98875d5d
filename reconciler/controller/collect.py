"""What came of the executions in flight: judge each that ended, merge what was accepted, say which outcomes are ready.

Nothing decided here is stored before its outcome commit: after a crash the same results give the same decisions again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from reconciler.controller.events import Event, Listener
from reconciler.controller.factory import Factory
from reconciler.controller.jobs import JobFiles
from reconciler.controller.judge import judged
from reconciler.controller.notes import company_notes
from reconciler.controller.record import digest_file, evidence_of, knowledge_file, read_files
from reconciler.dispatch.port import Dispatch, Finished
from reconciler.execute import text
from reconciler.git import advance, product
from reconciler.git.errors import GitError, IndexLocked
from reconciler.model.execution import Evidence, Execution, MergeResult, Report, Result, json_file
from reconciler.model.job import AttemptJob, Brief, MergeBrief, MergeJob
from reconciler.model.spec import Criterion, Finding
from reconciler.model.view import Live, View
from reconciler.model.vocabulary import Reason, Verdict
from reconciler.plan.completeness import completeness, sound
from reconciler.plan.lineage import Lineage
from reconciler.plan.quality import score
from reconciler.plan.resolve import may_reject, merges_here
from reconciler.plan.verdict import Decided

DIRTY, LOCKED = "product-dirty", "product-locked"
PATIENCE = 10.0
"""seconds to wait for a person's git before anything is said of it"""
MERGE_FAILURES = {"conflict": Reason.MERGE_CONFLICT, "gates-failed": Reason.GATE_FAILED}


@dataclass(frozen=True)
class Ready:
    """An outcome that only needs its commit."""

    brief: Brief
    evidence: Evidence
    contents: dict[str, bytes]
    knowledge: tuple[str, bytes] | None
    notes: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """what agents left for their company, by path"""


class Collector:
    """Looks at all executions in flight, once a turn of the loop."""

    def __init__(
        self, factory: Factory, dispatch: Dispatch, jobs: JobFiles, listener: Listener, ready: Callable[[], None]
    ) -> None:
        """`ready` raises where the outcome of a merge could not be recorded: it is asked before a product moves."""
        self._factory = factory
        self._dispatch = dispatch
        self._jobs = jobs
        self._tell = listener
        self._ready = ready
        self._merging: dict[str, list[str]] = {}
        self._again: set[str] = set()

    def collect(self, view: View, live: Sequence[Live], now: float) -> list[Ready]:
        """The outcomes that can be recorded now. Submits merges; moves product branches."""
        finished = self._dispatch.finished([item.execution.id for item in live])
        ready: list[Ready] = []
        products_moved: set[str] = set()
        for item in sorted(live, key=lambda item: item.execution.id):
            end = finished.get(item.execution.id)
            if end is None:
                continue
            job = self._jobs.job(item.execution.id)
            if job is None:
                # its intent goes too; the planner makes the same execution again, and finds its end in the engine
                self._factory.store.forget([item.execution.id])
                continue
            outcome = self._judge(view, item, job, end, now, products_moved)
            if outcome is not None:
                ready.append(outcome)
        return ready

    def merges(self, execution: str) -> list[str]:
        """The merge jobs that were submitted for an execution."""
        return self._merging.pop(execution, [])

    def _judge(
        self, view: View, item: Live, job: AttemptJob, end: Finished, now: float, moved: set[str]
    ) -> Ready | None:
        execution, brief = item.execution, job.brief
        found = self._result(execution, job, end, now)
        if found is None:
            return None
        result, contents = found
        task = view.tasks.get(execution.task)
        complete = completeness(brief, result, contents)
        decided = sound(judged(view, task, brief, result, now), complete)
        merge_commit = None
        if decided[0] is Verdict.PASSED and task is not None and merges_here(view, task) and brief.product:
            if brief.product.path in moved:
                return None  # one merge a product and turn: the next one starts from the new tip
            try:
                merge = self._merge(item, brief, result, Lineage(view).base(task).spec.title)
            except GitError as error:  # one broken product must not stop the others
                merge = MergeResult(execution=execution.id, state="error", target="", message=str(error))
            if merge is None:
                return None
            moved.add(brief.product.path)
            if merge.state == "merged":
                merge_commit = merge.commit
                self._tell(Event("merged", execution.task, f"merged into {brief.product.branch}", execution.stage))
            else:
                decided, result = _merge_failed(merge, result, may_reject=may_reject(view, task))
        result = msgspec.structs.replace(result, files=tuple(file for file in result.files if file.path in contents))
        notes, result = company_notes(
            self._factory.repository, self._factory.store.commit or brief.factory_commit, brief, result
        )
        evidence = evidence_of(
            execution,
            result,
            decided,
            factory_commit=brief.factory_commit,
            agent=_agent(result),
            merge_commit=merge_commit,
            points=score(brief.quality, result.gates).points if brief.quality and result.gates else None,
            quality=complete.score,
        )
        return Ready(brief, evidence, contents, knowledge_file(brief, result), notes)

    def _result(
        self, execution: Execution, job: AttemptJob, end: Finished, now: float
    ) -> tuple[Result, dict[str, bytes]] | None:
        """The worker's result and files; where there are none, a result that says why. None: it has to run again."""
        brief = job.brief
        if end.result is not None:
            try:
                result = msgspec.json.decode(end.result, type=Result)
            except msgspec.MsgspecError as error:
                if self._runs_again(job):
                    return None
                return _without_result(execution, brief, Verdict.ERROR, f"the result cannot be read: {error}", now)
            if not result.files:
                return _with_files(brief, result)
            contents = read_files(self._factory.run_folder(execution.id) / "evidence", result.files)
            if len(contents) < len(result.files) and self._runs_again(job):
                return None
            return result, contents
        if end.error is None:
            return _without_result(execution, brief, Verdict.CANCELLED, "cancelled before it ended", now)
        return _without_result(execution, brief, Verdict.ERROR, end.error, now)

    def _runs_again(self, job: AttemptJob) -> bool:
        """Submit it once more, once: what was lost with the power, or removed by hand, is no outcome of the work."""
        if job.id in self._again:
            return False
        self._again.add(job.id)
        self._dispatch.forget([job.id])
        self._dispatch.submit(job)
        return True

    def _merge(self, item: Live, brief: Brief, result: Result, title: str) -> MergeResult | None:
        """The end of the merge, or None while it is on its way. `title`: that of the work, not of its last stage."""
        execution, where = item.execution, brief.product
        if where is None:
            raise ValueError(f"{execution.id} has no product to merge into")
        tip = product.tip(where.path, where.branch)
        commit = result.product_commit
        if commit is None or product.is_ancestor(where.path, commit, tip):
            return MergeResult(execution=execution.id, state="merged", target=tip, commit=tip)
        job = MergeJob(
            id=f"{execution.id}.merge.{tip[:12]}",
            brief=MergeBrief(
                execution=execution,
                factory=brief.factory,
                title=title,
                commit=commit,
                product=msgspec.structs.replace(where, tip=tip),
                acceptance=_checkable(brief),
                policy=brief.policy,
            ),
        )
        submitted = self._merging.setdefault(execution.id, [])
        new = job.id not in submitted
        if new:
            submitted.append(job.id)
        end = self._dispatch.finished([job.id]).get(job.id)
        if end is None:
            if new:
                self._dispatch.submit(job)
                self._factory.store.set_live(execution.id, "merging")
            return None
        merged = _merge_result(execution, tip, end)
        if merged.state != "merged" or merged.commit is None:
            return merged
        self._ready()
        patience = 0.0 if item.state == LOCKED else PATIENCE
        try:
            moved = advance.advance(where.path, where.branch, tip, merged.commit, patience)
        except IndexLocked as locked:
            self._waits(item, LOCKED, str(locked))
            return None
        if moved is advance.Advance.MOVED:
            return merged
        if moved is advance.Advance.DIRTY:
            told = f"{where.path} has uncommitted changes on {where.branch}: commit or stash them, "
            self._waits(item, DIRTY, f"{told}then the accepted work is merged")
        return None

    def _waits(self, item: Live, state: str, why: str) -> None:
        """A person has to do something to the product first: say so once, and give its slot to others."""
        if item.state != state:
            self._factory.store.set_live(item.execution.id, state)
            self._tell(Event("waiting", item.execution.task, why, item.execution.stage))


def _checkable(brief: Brief) -> tuple[Criterion, ...]:
    return tuple(criterion for criterion in brief.acceptance if criterion.check)


def _merge_result(execution: Execution, tip: str, end: Finished) -> MergeResult:
    if end.result is not None:
        return msgspec.json.decode(end.result, type=MergeResult)
    return MergeResult(
        execution=execution.id, state="error", target=tip, message=end.error or "the merge was cancelled"
    )


def _merge_failed(merge: MergeResult, result: Result, *, may_reject: bool) -> tuple[Decided, Result]:
    """Accepted work that does not fit is rejected: the rework is told what went wrong."""
    if merge.state not in MERGE_FAILURES:
        return (Verdict.ERROR, Reason.INTERNAL, f"the merge failed: {merge.message}"), result
    what = ", ".join(merge.conflicts) or merge.message
    detail = f"{what}. Begin again on the branch as it is now; what did not fit is commit {result.product_commit}."
    finding = Finding(id=merge.state, title="Make the work fit the product's branch", severity="blocker", detail=detail)
    without_logs = (msgspec.structs.replace(gate, log=None) for gate in merge.gates)
    result = msgspec.structs.replace(result, findings=(*result.findings, finding), gates=(*result.gates, *without_logs))
    verdict = Verdict.REJECTED if may_reject else Verdict.NEEDS_HUMAN
    return (verdict, MERGE_FAILURES[merge.state], f"merge: {merge.state}: {what}"), result


def _agent(result: Result) -> str:
    """The role that did the work: that of the last phase that wrote something, else of the last phase."""
    roles = [phase.role for phase in result.phases if phase.files] or [phase.role for phase in result.phases]
    return roles[-1] if roles else result.report.agent_type


def _without_result(
    execution: Execution, brief: Brief, ended: Verdict, message: str, now: float
) -> tuple[Result, dict[str, bytes]]:
    reason = Reason.CANCELLED if ended is Verdict.CANCELLED else Reason.INTERNAL
    result = Result(
        execution=execution.id,
        ended=ended,
        reason=reason,
        message=message,
        report=Report(agent_type="controller", company=execution.company, task_summary=message, blockers=(message,)),
        started_at=execution.created_at,
        ended_at=now,
    )
    return _with_files(brief, result)


def _with_files(brief: Brief, result: Result) -> tuple[Result, dict[str, bytes]]:
    """Work that ended before it had anything to show still says so in its evidence."""
    contents = {
        "GOTCHA.md": f"# {text.line(brief.title, 300)}\n\nNo work to show: {result.message}\n".encode(),
        "report.json": json_file(result.report),
    }
    files = tuple(digest_file(path, data) for path, data in sorted(contents.items()))
    return msgspec.structs.replace(result, files=files), contents
