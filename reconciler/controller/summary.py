"""What an `apply` did, as the table that ends it: stage, tasks, company, time, and who wrote what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reconciler.controller.factory import Factory
from reconciler.model.execution import Attempt

COLUMNS = ("Stage", "Tasks", "Company", "Time")
MOST = 4
"""Fallbacks that are named; the evidence names them all."""


def table(factory: Factory, since: float) -> list[str]:
    """Lines for the outcomes recorded since `since` (Unix seconds); none where there are none."""
    attempts = [attempt for attempt in factory.store.all_attempts() if attempt.evidence.ended_at >= since]
    if not attempts:
        return []
    config = factory.store.config()
    groups: dict[tuple[str, str], list[Attempt]] = {}
    for attempt in sorted(attempts, key=lambda item: item.evidence.started_at):
        groups.setdefault((attempt.evidence.stage, attempt.evidence.company), []).append(attempt)
    lines = [
        (
            stage,
            str(len({attempt.task for attempt in group})),
            config.companies[company].title if company in config.companies else company,
            seconds(sum(attempt.evidence.ended_at - attempt.evidence.started_at for attempt in group) / len(group)),
        )
        for (stage, company), group in groups.items()
    ]
    tasks = {attempt.task for attempt in attempts}
    wall = max(item.evidence.ended_at for item in attempts) - min(item.evidence.started_at for item in attempts)
    total = ("Total", str(len(tasks)), "", f"{seconds(wall)} elapsed")
    return ["", *aligned([COLUMNS, *lines, total]), "", *authorship(attempts), ""]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def seconds(value: float) -> str:
    return f"{value / 60:.1f} min" if value >= 90 else f"{value:.1f} s"


def authorship(attempts: Sequence[Attempt]) -> list[str]:
    """Which phases a model wrote and which a command: said plainly, since a template is no thought.

    An answer that gave way to the blueprint's own words is a fallback's, and named as such.
    """
    phases = [(attempt, phase) for attempt in attempts for phase in attempt.evidence.phases]
    if not phases:
        return []
    by = Counter(phase.by for _, phase in phases)
    lines = [f"Phases: {', '.join(f'{count} by {name}' for name, count in sorted(by.items()))}"]
    written: dict[str, set[str]] = {}
    for attempt, phase in phases:
        if phase.by == "model":
            model = attempt.evidence.model or "the host's default model"
            written.setdefault(model, set()).add(f"{attempt.task}/{phase.name}")
    lines += [f"Written by {model}: {', '.join(sorted(parts))}" for model, parts in sorted(written.items())]
    instead = sorted({f"{attempt.task}/{phase.name}" for attempt, phase in phases if phase.by == "fallback"})
    if instead:
        more = f" and {len(instead) - MOST} more" if len(instead) > MOST else ""
        lines.append(f"Prepared words instead of a model's: {', '.join(instead[:MOST])}{more}")
    return lines
