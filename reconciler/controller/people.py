"""What only people decide: the human queue, their answers, work they did themselves. Each is one outcome commit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from reconciler.controller import proof, report
from reconciler.controller.brief import local_product
from reconciler.controller.factory import Factory
from reconciler.controller.manage import person
from reconciler.controller.observe import observe
from reconciler.controller.record import digest_file, outcome_commit
from reconciler.controller.writer import Writer, one
from reconciler.execute import text
from reconciler.execute.merge import check_commit, run_merge
from reconciler.git import advance, product
from reconciler.git.errors import GitError
from reconciler.git.record import NewCommit
from reconciler.git.repository import Repository
from reconciler.model.errors import Refused
from reconciler.model.execution import Evidence, Execution, GateReport, Report, execution_id, json_file
from reconciler.model.job import MergeBrief, ProductBrief
from reconciler.model.refs import Ref
from reconciler.model.spec import Finding
from reconciler.model.view import TaskState, View
from reconciler.model.vocabulary import GateResult, Phase, Reason, Verdict
from reconciler.plan.lawful import visible
from reconciler.plan.lineage import Lineage
from reconciler.plan.resolve import merges_here, resolve
from reconciler.plan.stages import follow_ups
from reconciler.plan.status import Survey

ROLE = "person"
GOAL_ORDER = (Phase.HUMAN, Phase.FAILED)


def queue(factory: Factory) -> list[report.Row]:
    """Tasks that a person must decide on: in the human queue, or failed for good."""
    observe(factory)
    rows = report.task_rows(factory, factory.store.view())
    waiting = [row for row in rows if row["phase"] in GOAL_ORDER]
    return sorted(waiting, key=lambda row: (GOAL_ORDER.index(row["phase"]), row["priority"], row["name"]))


def answer(factory: Factory, name: str, *, passed: bool, reason: str) -> str:
    """Record a person's verdict. Returns the commit. Raises Refused where nobody is waited for."""
    view, task = _task(factory, name)
    standing = report.standings(factory, view, time.time())[name]
    if standing.phase not in GOAL_ORDER:
        raise Refused(f"Task/{name}: is {standing.phase}, no person is waited for; see: alai-reconcile queue")
    last = task.attempts[-1].evidence if task.attempts else None
    origin = task.spec.origin
    commit = (last.product_commit if last else None) or (origin.commit if origin else None)
    findings = last.findings if last else ()
    if not passed:
        said = Finding(id=f"answer-{task.last_number + 1}", title=reason, severity="blocker", detail=standing.message)
        findings = (*findings, said)
    if passed:
        _refuse_unverified(view, task, finished=False)
    execution = _execution(view, task, resolve(view, task).stage_name)
    merged, deliver = _merged(factory, view, task, execution, commit) if passed else (None, None)
    outcome = Verdict.PASSED if passed else Verdict.REJECTED
    evidence = _evidence(factory, task, execution, outcome, visible(reason), person(factory)[0])
    evidence = msgspec.structs.replace(
        evidence,
        product_commit=commit,
        base_commit=last.base_commit if last else None,
        merge_commit=merged,
        findings=tuple(findings),
        proposals=last.proposals if last and passed else (),
    )
    return _record(factory, task, evidence, event="answer", effect=deliver)


def done(factory: Factory, name: str, *, reason: str, commit: str | None = None) -> str:
    """Record work that a person did on the product's branch, in `commit`, or since the task was written.

    Raises Refused unless every check passes on the branch's tip, and a criterion or a commit shows that it is done.
    """
    view, task = _task(factory, name)
    standing = report.standings(factory, view, time.time())[name]
    if standing.phase in (Phase.DONE, Phase.RUNNING, Phase.CANCELLED):
        raise Refused(f"Task/{name}: is {standing.phase}")
    resolved = resolve(view, task)
    brief = _product(factory, task, view)
    if brief is None:
        raise Refused(f"Task/{name}: has no product, so nothing can be checked; answer it instead")
    _refuse_unverified(view, task, finished=True)
    execution = _execution(view, task, resolved.stage_name)
    merge = MergeBrief(
        execution=execution,
        factory=str(factory.root),
        title=task.spec.title,
        commit=brief.tip,
        product=brief,
        acceptance=task.spec.acceptance,
        policy=view.config.policy,
    )
    _refuse_altered(factory, task)
    folder = factory.run_folder(f"{execution.id}.done")
    gates = asyncio.run(check_commit(merge, folder))
    _refuse_unproven(name, gates)
    by = _work(factory, task, brief, gates, commit)
    kept = proof.logs(folder / "evidence", gates)
    if lost := [gate.id for gate in gates if gate.log is not None and gate.log not in kept]:
        raise Refused(f"Task/{name}: not done: {Reason.EVIDENCE_INCOMPLETE}: the log of {', '.join(lost)} is missing")
    evidence = _evidence(factory, task, execution, Verdict.PASSED, visible(reason), person(factory)[0])
    evidence = msgspec.structs.replace(
        evidence, product_commit=by, base_commit=brief.tip, gates=tuple(gates), merge_commit=None, quality=1.0
    )
    return _record(factory, task, evidence, event="done", logs=kept)


def _refuse_unverified(view: View, task: TaskState, *, finished: bool) -> None:
    """Risky work passes its verifier first, whoever did it. `finished`: work that is said to be done for good."""
    survey = Survey(view, time.time())
    beyond = survey.verification.beyond(task)
    verifies = survey.lineage.verifier(task) is survey.resolved(task).stage
    if not (finished or beyond) or (verifies and not finished):
        return
    why = survey.verification.unverified(task)
    if not why:
        return
    base = survey.lineage.base(task)
    hint = f"let it be built and verified: alai-reconcile retry {base.object.ref}"
    if finished and not beyond:
        hint = f"hand it to its verifier with: alai-reconcile answer {task.name} --pass --reason TEXT"
    raise Refused(f"Task/{task.name}: {Reason.VERIFIER_MISSING}: {why}; {hint}")


def _refuse_altered(factory: Factory, task: TaskState) -> None:
    """Nobody completes a task of whose evidence a file is missing or altered: what it shows is not what was."""
    found = [f"{folder}: altered" for folder in task.altered]
    found += proof.faults(factory, factory.store.attempts(task.name))
    if found:
        told = "; ".join(found[:5])
        hint = "alai-reconcile verify shows all of it; restore the files from git first"
        raise Refused(f"Task/{task.name}: not done: {Reason.EVIDENCE_INCOMPLETE}: {told}; {hint}")


def _refuse_unproven(name: str, gates: Sequence[GateReport]) -> None:
    failed = [gate for gate in gates if gate.result not in (GateResult.PASS, GateResult.PERSON)]
    if failed:
        said = "; ".join(f"{gate.id}: {gate.message}" for gate in failed)
        raise Refused(f"Task/{name}: not done: {said}")
    if not any(gate.proves and gate.result is GateResult.PASS for gate in gates):
        raise Refused(
            f"Task/{name}: nothing shows that it is done: give it an acceptance criterion with a check, "
            "or the product a test command"
        )


def _work(
    factory: Factory, task: TaskState, where: ProductBrief, gates: Sequence[GateReport], commit: str | None
) -> str:
    """The commit that the work is in. Raises Refused where neither a commit nor a criterion of the task shows it."""
    repository = Repository(Path(where.path))
    if commit is not None:
        try:
            found = repository.resolve(commit)
        except GitError as error:
            raise Refused(f"Task/{task.name}: not done: {error}") from error
        if not repository.is_ancestor(found, where.tip):
            raise Refused(
                f"Task/{task.name}: not done: {commit} is not on {where.branch} of {where.path}; merge it first"
            )
        return found
    criteria = {f"acceptance/{criterion.id}" for criterion in task.spec.acceptance}
    if any(gate.id in criteria and gate.proves and gate.result is GateResult.PASS for gate in gates):
        return where.tip
    written = factory.store.created_at(task.object.ref)
    if written is not None and repository.commit(where.tip).time > written:
        return where.tip
    raise Refused(
        f"Task/{task.name}: not done: {where.branch} of {where.path} has no commit since it was written, and no "
        "criterion of it was checked; name the commit that did it: --commit REV, or give the task an acceptance "
        "criterion with a check"
    )


def _task(factory: Factory, name: str) -> tuple[View, TaskState]:
    observe(factory)
    view = factory.store.view_all()
    ref = Ref("Task", name)
    one(factory.store.find(ref), ref, list(view.tasks))
    return view, view.tasks[name]


def _execution(view: View, task: TaskState, stage: str) -> Execution:
    number = task.last_number + 1
    return Execution(
        id=execution_id(task.name, task.object.generation, stage, number),
        task=task.name,
        goal=task.spec.goal,
        generation=task.object.generation,
        stage=stage,
        attempt=number,
        company=ROLE,
        blueprint="",
        tier=0,
        backend="",
        model=None,
        host="",
        priority=1,
        created_at=time.time(),
        thread=Lineage(view).thread(task),
    )


def _product(factory: Factory, task: TaskState, view: View) -> ProductBrief | None:
    return local_product(factory, task, resolve(view, task).product)


def _merged(
    factory: Factory, view: View, task: TaskState, execution: Execution, commit: str | None
) -> tuple[str | None, Callable[[], None] | None]:
    """Merge accepted work, as the controller does after the stage that merges. Raises Refused where it cannot.

    Gives the commit, and what moves the product's branch there: to be called once the answer can be recorded.
    """
    where = _product(factory, task, view)
    if where is None or commit is None or not merges_here(view, task):
        return None, None
    if product.is_ancestor(where.path, commit, where.tip):
        return where.tip, None
    brief = MergeBrief(
        execution=execution,
        factory=str(factory.root),
        title=task.spec.title,
        commit=commit,
        product=where,
        acceptance=tuple(criterion for criterion in task.spec.acceptance if criterion.check),
        policy=view.config.policy,
    )
    merged = asyncio.run(run_merge(brief, factory.run_folder(f"{execution.id}.merge")))
    if merged.state != "merged" or merged.commit is None:
        said = ", ".join(merged.conflicts) or merged.message
        raise Refused(f"Task/{task.name}: its work cannot be merged into {where.branch}: {merged.state}: {said}")
    return merged.commit, lambda: _deliver(where, merged.commit or "")


def _deliver(where: ProductBrief, commit: str) -> None:
    moved = advance.advance(where.path, where.branch, where.tip, commit)
    if moved is advance.Advance.DIRTY:
        raise Refused(f"{where.path}: has uncommitted changes on {where.branch}; commit or stash them first")
    if moved is advance.Advance.RACED:
        raise Refused(f"{where.path}: {where.branch} has just moved; answer again")


def _evidence(
    factory: Factory, task: TaskState, execution: Execution, outcome: Verdict, reason: str, agent: str
) -> Evidence:
    return Evidence(
        execution=execution.id,
        object=str(task.object.ref),
        goal=execution.goal,
        generation=execution.generation,
        stage=execution.stage,
        attempt=execution.attempt,
        outcome=outcome,
        reason=Reason.ANSWERED,
        message=reason,
        company=ROLE,
        agent=agent,
        blueprint="",
        tier=None,
        backend=None,
        model=None,
        host=None,
        prompt_sha256=None,
        factory_commit=factory.store.commit or "",
        base_commit=None,
        product_commit=None,
        merge_commit=None,
        started_at=execution.created_at,
        ended_at=time.time(),
        phases=(),
        gates=(),
        findings=(),
        tokens=0,
        cost_usd=0.0,
        sandbox="",
        follow_ups=(),
        files=(),
        thread=execution.thread,
    )


def _record(
    factory: Factory,
    task: TaskState,
    evidence: Evidence,
    *,
    event: str,
    logs: Mapping[str, bytes] | None = None,
    effect: Callable[[], None] | None = None,
) -> str:
    said, title = evidence.message, text.line(task.spec.title, 300)
    report_file = Report(agent_type=ROLE, company=ROLE, task_summary=said, key_decisions=(said,))
    contents = {
        "GOTCHA.md": f"# {title}\n\n{evidence.agent} decided: {evidence.outcome}.\n\n{said}\n".encode(),
        "report.json": json_file(report_file),
        **(logs or {}),
    }
    files = tuple(digest_file(path, data) for path, data in sorted(contents.items()))
    evidence = msgspec.structs.replace(evidence, files=files)
    store = factory.store

    def make() -> list[NewCommit]:
        view = store.view_all()
        current = view.tasks.get(task.name)
        if current is None or current.last_number != task.last_number or current.live is not None:
            raise Refused(f"Task/{task.name}: has moved meanwhile; look again: alai-reconcile show {task.name}")
        objects = follow_ups(view, current, evidence, evidence.ended_at, view.tasks.__contains__)
        author, address = person(factory)
        commit, _, _ = outcome_commit(
            evidence, task.spec.title, contents, objects, author=author, extra=[("Alai-Event", event)]
        )
        return [msgspec.structs.replace(commit, author=(author, address))]

    writer = Writer(factory)
    try:
        return writer.write(make, effect)[-1]
    finally:
        writer.close()
