"""Which of a task's attempts say where it stands."""

from __future__ import annotations

from reconciler.model.execution import Attempt
from reconciler.model.objects import FORGIVEN
from reconciler.model.view import TaskState


def forgiven(task: TaskState) -> int:
    """Attempts up to this number no longer decide anything."""
    text = task.object.annotations.get(FORGIVEN, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def deciding(task: TaskState) -> list[Attempt]:
    """The attempts that say where the task stands: of this generation, and not forgiven. Oldest first."""
    after = forgiven(task)
    return [
        attempt
        for attempt in task.attempts
        if attempt.evidence.generation == task.object.generation and attempt.number > after
    ]
