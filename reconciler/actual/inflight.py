"""Executions between intent and outcome commit. The only thing in the store that git does not know."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from reconciler.actual import rows
from reconciler.actual.projection import IN
from reconciler.actual.rows import array
from reconciler.model.execution import Execution

INTENDED = "submitted"


class AttemptTaken(Exception):
    """Another execution has this task's attempt number, or this very one has its outcome already. Plan again."""

    def __init__(self, execution: Execution) -> None:
        super().__init__(f"attempt {execution.attempt} of Task/{execution.task} is taken")


def insert_intents(conn: sqlite3.Connection, executions: Sequence[Execution]) -> None:
    """Store intents; one that is stored already stays as it is. Raises AttemptTaken, and then none is stored."""
    for execution in executions:
        recorded = conn.execute(
            "SELECT 1 FROM commits WHERE object = ? AND attempt = ? LIMIT 1",
            (f"Task/{execution.task}", execution.attempt),
        ).fetchone()
        if recorded:
            raise AttemptTaken(execution)
        try:
            conn.execute(
                "INSERT INTO executions (id, task, goal, generation, stage, attempt, payload, state, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
                rows.execution_row(execution, INTENDED),
            )
        except sqlite3.IntegrityError as error:
            raise AttemptTaken(execution) from error


def update_state(conn: sqlite3.Connection, execution: str, state: str) -> None:
    conn.execute("UPDATE executions SET state = ? WHERE id = ?", (state, execution))


def delete(conn: sqlite3.Connection, executions: Iterable[str]) -> None:
    conn.execute(f"DELETE FROM executions WHERE id IN {IN}", (array(set(executions)),))
