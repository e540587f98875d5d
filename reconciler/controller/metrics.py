"""What verifiers of risky work were good for, told from recorded attempts alone.

A verifier's attempt carries the thread of somebody else's work; the work's own attempts carry the thread that their
task and generation give.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.controller import report
from reconciler.controller.factory import Factory
from reconciler.controller.observe import observe
from reconciler.model.execution import Attempt
from reconciler.model.view import TaskState, View
from reconciler.model.vocabulary import Reason, Verdict
from reconciler.plan.lineage import Lineage
from reconciler.plan.pair import thread_id

SILENT = (Reason.TIMEOUT, Reason.STALLED)


def verifier(factory: Factory) -> report.Row:
    """One row for each verification, and totals over all of them."""
    observe(factory)
    return measured(factory.store.view_all())


def measured(view: View) -> report.Row:
    """`{verifications: [...], totals: {...}}`; an unknown cost is null."""
    works = _works(view.tasks.values())
    groups: dict[tuple[str, str], list[Attempt]] = {}
    for task in view.tasks.values():
        for attempt in task.attempts:
            thread = attempt.evidence.thread
            if thread is not None and thread != _own_thread(attempt):
                groups.setdefault((thread, task.name), []).append(attempt)
    rows = [
        _row(view, works.get(thread), name, thread, attempts) for (thread, name), attempts in sorted(groups.items())
    ]
    return {"verifications": rows, "totals": _totals(rows)}


def _own_thread(attempt: Attempt) -> str:
    return thread_id(attempt.task, attempt.evidence.generation)


def _works(tasks: Iterable[TaskState]) -> dict[str, str]:
    """Thread -> the task whose work it is about."""
    return {
        attempt.evidence.thread: task.name
        for task in tasks
        for attempt in task.attempts
        if attempt.evidence.thread is not None and attempt.evidence.thread == _own_thread(attempt)
    }


def _row(view: View, work: str | None, name: str, thread: str, attempts: Sequence[Attempt]) -> report.Row:
    last = attempts[-1].evidence
    later = list(_later(view, name)) if last.outcome is Verdict.PASSED else []
    return {
        "task": work,
        "verifier": name,
        "thread": thread,
        "state": str(last.outcome),
        "reason": str(last.reason),
        "model": last.model,
        "host": last.host,
        "cost_usd": report.known_sum(attempt.evidence.cost_usd for attempt in attempts),
        "retries": len(attempts) - 1,
        "silent": sum(attempt.evidence.reason in SILENT for attempt in attempts),
        "evidence_quality": last.quality,
        "rework_avoided": _mended(view, attempts),
        "false_pass": any(item.evidence.outcome is Verdict.REJECTED for item in later),
        "evidence": attempts[-1].path,
    }


def _mended(view: View, attempts: Sequence[Attempt]) -> bool:
    """Did it send the work back, and has the rework passed since?"""
    rejecting = [item.evidence for item in attempts if item.evidence.outcome is Verdict.REJECTED]
    reworks = [view.tasks[name] for item in rejecting for name in item.follow_ups if name in view.tasks]
    return any(item.evidence.outcome is Verdict.PASSED for task in reworks for item in task.attempts)


def _later(view: View, name: str) -> Iterator[Attempt]:
    """The attempts at stages that came after this one in the same line of work."""
    lineage = Lineage(view)
    for task in view.tasks.values():
        if task.name != name and any(item.name == name for item in lineage.line(task)):
            yield from task.attempts


def _totals(rows: Sequence[Mapping[str, object]]) -> report.Row:
    def count(key: str, value: object) -> int:
        return sum(row[key] == value for row in rows)

    costs = [row["cost_usd"] for row in rows]
    known = [cost for cost in costs if isinstance(cost, (int, float))]
    return {
        "verifications": len(rows),
        "passed": count("state", str(Verdict.PASSED)),
        "rejected": count("state", str(Verdict.REJECTED)),
        "rework_avoided": count("rework_avoided", True),
        "timeouts": sum(row["silent"] for row in rows if isinstance(row["silent"], int)),
        "false_passes": count("false_pass", True),
        "cost_usd": round(sum(known), 6),
        "costs_unknown": len(costs) - len(known),
    }
