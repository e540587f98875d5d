"""What an agent is told of the work before its own: the reports of other executions, and the QA that is prepared.

Reads recorded evidence at the trusted commit; judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from reconciler.controller import trusted
from reconciler.controller.factory import Factory
from reconciler.execute import text
from reconciler.git import product
from reconciler.git.repository import GitError
from reconciler.model.errors import FactoryError
from reconciler.model.execution import Attempt, GateReport, Report
from reconciler.model.history import TreeChange
from reconciler.model.job import PreparedQA, SessionBrief
from reconciler.model.refs import Ref
from reconciler.model.spec import QualityGateSpec
from reconciler.model.view import TaskState, View
from reconciler.model.vocabulary import GateResult
from reconciler.plan.resolve import Resolved

SESSIONS = 12
GENERATIONS = 20
"""tasks that follow from each other, at most"""
ENTRIES = 30
"""of each list of a report"""
TAILS = 6
TAIL_LINES = 15
TAIL_CHARACTERS = 2_000
FILES = 200


def quality_of(view: View, resolved: Resolved) -> QualityGateSpec | None:
    """The quality gate of a task's work: work on a product has one, looking at it has none."""
    looks_on = resolved.product is None or (resolved.stage is not None and resolved.stage.read_only)
    name = view.config.policy.quality
    return None if looks_on or name is None else view.config.quality[name]


def sessions(factory: Factory, task: TaskState, commit: str) -> tuple[SessionBrief, ...]:
    """What this task's attempts, and those of the tasks that it follows from, reported; the latest, oldest first."""
    attempts = sorted(
        (attempt for name in line(factory, task) for attempt in factory.store.attempts(name)),
        key=lambda attempt: (attempt.evidence.ended_at, attempt.number),
    )
    found = ((attempt, _report(factory, attempt, commit)) for attempt in attempts[-SESSIONS:])
    return tuple(
        SessionBrief(
            task=attempt.task,
            attempt=attempt.number,
            stage=attempt.evidence.stage,
            outcome=f"{attempt.evidence.outcome}: {attempt.evidence.message[:400]}",
            report=report,
            evidence=attempt.path,
        )
        for attempt, report in found
        if report is not None
    )


def prepared(factory: Factory, task: TaskState, resolved: Resolved, commit: str) -> PreparedQA | None:
    """What the gates said of the work that this task looks at; None where it does work of its own."""
    if resolved.stage is None or not resolved.stage.read_only or resolved.pipeline is None:
        return None
    looking = {stage.name for stage in resolved.pipeline.stages if stage.read_only}
    names = line(factory, task)
    next(names)
    for name in names:
        work = [attempt for attempt in factory.store.attempts(name) if attempt.evidence.stage not in looking]
        if work:
            return _prepared(factory, work[-1], resolved, commit)
    return None


def line(factory: Factory, task: TaskState) -> Iterator[str]:
    """The task, then what it follows from, and so on."""
    yield task.name
    seen = {task.name}
    origin = task.spec.origin.task if task.spec.origin else None
    while origin is not None and origin not in seen and len(seen) < GENERATIONS:
        yield origin
        seen.add(origin)
        found = factory.store.find(Ref("Task", origin))
        origin = found[0].spec.get("from", {}).get("task") if found else None


def _report(factory: Factory, attempt: Attempt, commit: str) -> Report | None:
    try:
        told = trusted.read(factory.root, commit, f"{attempt.path}/report.json")
        report = msgspec.json.decode(told, type=Report)
    except (FactoryError, msgspec.MsgspecError):
        return None
    cut = {
        key: getattr(report, key)[:ENTRIES] for key in ("files_written", "key_decisions", "blockers", "verification")
    }
    return msgspec.structs.replace(report, **cut)


def _prepared(factory: Factory, attempt: Attempt, resolved: Resolved, commit: str) -> PreparedQA:
    evidence = attempt.evidence
    return PreparedQA(
        stage=evidence.stage,
        attempt=evidence.attempt,
        commit=evidence.product_commit,
        points=evidence.points,
        gates=evidence.gates,
        files=_changed(factory, attempt, resolved)[:FILES],
        tails={gate.id: _tail(factory, attempt, gate, commit) for gate in _worth_reading(evidence.gates)},
    )


def _worth_reading(gates: tuple[GateReport, ...]) -> list[GateReport]:
    """The tests, and whatever did not pass."""
    return [gate for gate in gates if gate.log and (gate.id.startswith("tests") or gate.result is not GateResult.PASS)][
        :TAILS
    ]


def _tail(factory: Factory, attempt: Attempt, gate: GateReport, commit: str) -> str:
    try:
        log = trusted.read(factory.root, commit, f"{attempt.path}/{gate.log}")
    except FactoryError as error:
        return str(error)
    return "\n".join(log.splitlines()[-TAIL_LINES:])[-TAIL_CHARACTERS:]


def _changed(factory: Factory, attempt: Attempt, resolved: Resolved) -> tuple[str, ...]:
    base, work = attempt.evidence.base_commit, attempt.evidence.product_commit
    if resolved.product is None or base is None or work is None:
        return ()
    try:
        changes = product.changed_files(str(factory.product_path(resolved.product.repository)), base, work)
    except (GitError, FactoryError):
        return ()
    return tuple(f"{_what(change)} {text.quoted(change.path)}" for change in changes)


def _what(change: TreeChange) -> str:
    return "removed" if change.new is None else "added" if change.old is None else "changed"
